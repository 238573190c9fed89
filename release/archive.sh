#!/bin/sh
# Packs a binary for download: ci-healer-VERSION-TARGET.tar.gz, or .zip for Windows, and adds its line to SHA256SUMS.
#   release/archive.sh VERSION TARGET BINARY FOLDER
set -eu
version=$1 target=$2 binary=$3 out=$4
name=ci-healer-$version-$target
here=$(cd "$(dirname "$0")/.." && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/$name" "$out"
out=$(cd "$out" && pwd)
cp "$here/LICENSE" "$here/README.md" "$here/CHANGELOG.md" "$root/$name/"
case $target in
  *windows*)
    cp "$binary" "$root/$name/ci-healer.exe"
    archive=$name.zip
    (cd "$root" && if command -v zip >/dev/null; then zip -q -r "$out/$archive" "$name"; else 7z a -bso0 "$out/$archive" "$name"; fi)
    ;;
  *)
    cp "$binary" "$root/$name/ci-healer"
    chmod 755 "$root/$name/ci-healer"
    archive=$name.tar.gz
    tar -czf "$out/$archive" -C "$root" "$name"
    ;;
esac
cd "$out"
if command -v sha256sum >/dev/null; then sum=$(sha256sum "$archive"); else sum=$(shasum -a 256 "$archive"); fi
printf '%s\n' "$sum" >>SHA256SUMS
printf '%s\n' "$archive"
