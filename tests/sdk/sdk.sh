#!/usr/bin/env bash
# Holds what goes over the wire to model servers against the providers' official SDKs. Needs python3 with venv, and
# PyPI the first time.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
venv=$target/sdk-check
if ! cmp -s tests/sdk/requirements.txt "$venv/requirements.txt"; then
  echo "sdk-check: installing the SDKs into $venv" >&2
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r tests/sdk/requirements.txt
  cp tests/sdk/requirements.txt "$venv/requirements.txt"
fi
cargo test --locked --test it -- models::requests_and_replies_are_kept_for_the_sdks
exec "$venv/bin/python" tests/sdk/check.py "$target/tmp/exchanges.json"
