#!/bin/sh
# Installs the ci-healer command line tool for Linux or macOS:
#   curl -fsSL https://raw.githubusercontent.com/ci-healer/ci-healer/main/install.sh | sh
#
# CI_HEALER_VERSION  which version, as 1.2.3; else the latest
# CI_HEALER_BIN      where to; else ~/.local/bin
# CI_HEALER_URL      where releases are; else the project's on GitHub
#
# The archive is checked against SHA256SUMS before it is unpacked, and against its attestation where `gh` is there.
set -eu

fail() {
  echo "ci-healer: $1" >&2
  exit 1
}

repository=ci-healer/ci-healer
url=${CI_HEALER_URL:-https://github.com/$repository/releases}
bin=${CI_HEALER_BIN:-$HOME/.local/bin}

for tool in curl tar; do
  command -v "$tool" >/dev/null || fail "$tool is needed"
done
case $(uname -s) in
  Linux) system=unknown-linux-musl ;;
  Darwin) system=apple-darwin ;;
  *) fail "there is no build for $(uname -s); see $url" ;;
esac
case $(uname -m) in
  x86_64 | amd64) machine=x86_64 ;;
  aarch64 | arm64) machine=aarch64 ;;
  *) fail "there is no build for $(uname -m); see $url" ;;
esac
target=$machine-$system

version=${CI_HEALER_VERSION:-}
if [ -z "$version" ]; then
  latest=$(curl -fsSL -o /dev/null -w '%{url_effective}' "$url/latest") || fail "cannot ask $url for the latest version"
  version=${latest##*/v}
fi
case $version in
  *[!0-9.]* | '') fail "$version is no version like 1.2.3" ;;
esac

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
archive=ci-healer-$version-$target.tar.gz
for file in "$archive" SHA256SUMS; do
  curl -fsSL --retry 3 -o "$folder/$file" "$url/download/v$version/$file" || fail "cannot download $url/download/v$version/$file"
done

cd "$folder"
wanted=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' SHA256SUMS)
[ -n "$wanted" ] || fail "SHA256SUMS does not list $archive"
if command -v sha256sum >/dev/null; then found=$(sha256sum "$archive"); else found=$(shasum -a 256 "$archive"); fi
[ "${found%% *}" = "$wanted" ] || fail "$archive is not what SHA256SUMS says; nothing is installed"
if [ -z "${CI_HEALER_URL:-}" ] && command -v gh >/dev/null && gh auth status >/dev/null 2>&1; then
  gh attestation verify "$archive" --repo "$repository" >/dev/null || fail "the attestation of $archive does not hold; nothing is installed"
fi

tar -xzf "$archive"
mkdir -p "$bin"
# Beside its name first, so that a version which runs at this moment is not written into.
cp "ci-healer-$version-$target/ci-healer" "$bin/.ci-healer.new"
chmod 755 "$bin/.ci-healer.new"
mv -f "$bin/.ci-healer.new" "$bin/ci-healer"
echo "installed: $bin/ci-healer ($version)"
case :$PATH: in
  *":$bin:"*) ;;
  *) echo "add it to PATH: export PATH=\"$bin:\$PATH\"" ;;
esac
