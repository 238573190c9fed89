#!/bin/sh
# The version to release is the one in Cargo.toml, and the changelog tells of it.
#   release/check-version.sh 1.2.3
set -eu
version=$1
found=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
if [ "$found" != "$version" ]; then
  echo "Cargo.toml has version $found, not $version" >&2
  exit 1
fi
if ! grep -qF "## [$version]" CHANGELOG.md; then
  echo "CHANGELOG.md has no section [$version]" >&2
  exit 1
fi
