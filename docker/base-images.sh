#!/usr/bin/env bash
# Provides the one base image everything of ours is built on, under a name of our own: ci-healer/base:trixie.
#
# It is Debian's official debian:trixie-slim where a registry answers. Where none does, it is made from Debian's
# packages (debootstrap + docker import) with the same suites; only its label ci-healer.base tells the two apart.
# The name is ours in both cases, so that a home-made image never passes for the official one.
#
# Safe to call again and again: it does nothing where the image is there. Everything it prints goes to stderr.
# Exit: 0 the image is there, 1 it could not be had (the last lines say why and what to do).
#
# Environment: DEBIAN_MIRROR   default http://deb.debian.org/debian
set -euo pipefail

image=ci-healer/base:trixie
official=debian:trixie-slim
suite=trixie
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

say() { printf 'base-images: %s\n' "$*" >&2; }
fail() {
  say "$1"
  shift
  for line in "$@"; do say "  $line"; done
  exit 1
}

present() { docker image inspect "$image" >/dev/null 2>&1; }

timeout 10 docker version >/dev/null 2>&1 || fail "no Docker engine answers" "run $(dirname "$0")/engine.sh first"
if present; then
  say "$image is there"
  exit 0
fi

# Two builds on one machine: the second one waits and then finds the first one's image.
exec 9>"${TMPDIR:-/tmp}/ci-healer-base-images.lock"
flock 9
if present; then
  say "$image is there"
  exit 0
fi

say "pulling $official"
if timeout 300 docker pull "$official" >&2; then
  docker tag "$official" "$image"
  say "$image is $official"
  exit 0
fi

say "no registry answers: making $image from Debian's packages (one to two minutes)"
[ "$(id -u)" = 0 ] || fail "debootstrap needs root" "run: sudo $0"
if ! command -v debootstrap >/dev/null || [ ! -f /usr/share/keyrings/debian-archive-keyring.gpg ]; then
  command -v apt-get >/dev/null || fail "debootstrap is not installed" \
    "install debootstrap and debian-archive-keyring, or give the engine a registry to pull $official from"
  say "installing debootstrap"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -q && apt-get install -q -y --no-install-recommends debootstrap debian-archive-keyring; } >&2 ||
    fail "debootstrap could not be installed" "see apt-get's message above"
fi

root=$(mktemp -d "${TMPDIR:-/tmp}/ci-healer-base.XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
# Suites share one script; a debootstrap older than the suite has it under the name of the development suite only.
script=/usr/share/debootstrap/scripts/$suite
[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
# About eighty packages are fetched, then unpacked: one line every few seconds is enough of that.
debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
  "$suite" "$root" "$mirror" "$script" 2>&1 |
  awk -v step=25 '/^[EW]:/ || NR % step == 1 { print "base-images:   " $0; fflush() }' >&2 ||
  fail "debootstrap failed" "see above; is $mirror reachable? DEBIAN_MIRROR names another mirror"

# As in the official image: updates and security fixes on, nothing started while installing, no caches, no manuals.
security=${DEBIAN_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
printf 'deb %s %s main\n' "$mirror" "$suite" "$mirror" "$suite-updates" "$security" "$suite-security" >"$root/etc/apt/sources.list"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
printf 'APT::Install-Recommends "false";\nAcquire::Languages "none";\n' >"$root/etc/apt/apt.conf.d/90slim"
printf 'path-exclude /usr/share/doc/*\npath-include /usr/share/doc/*/copyright\npath-exclude /usr/share/man/*\n' \
  >"$root/etc/dpkg/dpkg.cfg.d/slim"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/man/* "$root"/dev/*
: >"$root/etc/resolv.conf"
printf 'localhost\n' >"$root/etc/hostname"
tar -C "$root" --numeric-owner -c . |
  docker import --change 'CMD ["bash"]' --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change 'LABEL ci-healer.base=debootstrap' --message "debootstrap $suite from $mirror" - "$image" >&2 ||
  fail "docker import failed" "is the engine's disk full? see: docker system df"
say "$image is ready"
