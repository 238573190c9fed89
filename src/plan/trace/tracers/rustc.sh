#!/bin/sh
exec "$@" -C instrument-coverage
