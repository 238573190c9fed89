#!/bin/sh
# Packs both crates, as crates.io would get them, and builds each from its package: the second against the first, in a
# registry of cargo's own that lasts for this command.
set -eu
cd "$(dirname "$0")/.."
cargo package --workspace --locked "$@"
