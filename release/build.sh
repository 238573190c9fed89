#!/bin/sh
# Builds the binary of the action's image: release/build.sh [TARGET] [cargo's arguments…]
#
# The standard library is compiled with it, for size and without what would print backtraces: with the library that comes with the
# compiler the image is half a megabyte larger than may be pulled at the start of every job. Stable compilers have that behind
# RUSTC_BOOTSTRAP; who calls this names the version (its rust-src is needed), and nothing of ours uses what is not stable.
set -eu
target=${1:-x86_64-unknown-linux-musl}
[ $# -eq 0 ] || shift
export RUSTC_BOOTSTRAP=1
# With the list of what is in it, where the tool for that is there: scanners find it.
build=build
if command -v cargo-auditable >/dev/null 2>&1; then build="auditable build"; fi
# shellcheck disable=SC2086 # two words
exec cargo $build --release --locked --target "$target" --bin ci-healer \
  -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size "$@"
