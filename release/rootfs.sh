#!/bin/sh
# The files of the action's image: one static binary on nothing. Prints a tar of them, owned by root.
#   release/rootfs.sh BINARY | docker import --change 'ENTRYPOINT ["/ci-healer"]' - IMAGE
set -eu
binary=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root/tmp"
chmod 1777 "$root/tmp"
install -m 755 "$binary" "$root/ci-healer"
# The action's post step: the same binary, which only cleans up under this name.
ln -s ci-healer "$root/ci-healer-sweep"
tar --create --directory "$root" --owner 0 --group 0 --numeric-owner --sort name --mtime @0 .
