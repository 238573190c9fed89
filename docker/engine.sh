#!/usr/bin/env bash
# Finds a working Docker engine, or installs and starts one (Debian or Ubuntu, as root), or says what to do.
#
# Safe to call again and again: with an engine that answers it does nothing. Everything it prints goes to stderr.
# Exit: 0 an engine answers, 1 none does (the last lines say why and what to do).
#
# Environment: DOCKER_HOST        an engine named by the user is used or complained about, never replaced
#                                 (Podman's service, too: unix:///run/podman/podman.sock)
#              ENGINE_WAIT        seconds to wait for a started engine (default 90)
set -euo pipefail

wait_for=${ENGINE_WAIT:-90}
log=/var/log/ci-healer-dockerd.log

say() { printf 'engine: %s\n' "$*" >&2; }
fail() {
  say "$1"
  shift
  for line in "$@"; do say "  $line"; done
  exit 1
}

# One question, one answer, within ten seconds: an engine that hangs is as good as none.
answers() { command -v docker >/dev/null && timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

report() {
  local name
  name=$(docker version --format '{{range .Server.Components}}{{.Name}}{{"\n"}}{{end}}' 2>/dev/null | grep -m1 -i podman || echo Docker)
  say "$name $(docker version --format '{{.Server.Version}} (API {{.Server.APIVersion}})') answers${DOCKER_HOST:+ at $DOCKER_HOST}"
}

await() { # await SECONDS [PID]: until the engine answers, its process is gone, or the time is over
  local end=$((SECONDS + $1)) next=$((SECONDS + 3))
  while ((SECONDS < end)); do
    answers && return 0
    [ -z "${2:-}" ] || kill -0 "$2" 2>/dev/null || return 1
    if ((SECONDS >= next)); then
      say "waiting for the engine ($((end - SECONDS)) s left)"
      next=$((SECONDS + 5))
    fi
    sleep 0.3
  done
  return 1
}

install_engine() {
  command -v apt-get >/dev/null || fail "no Docker engine, and this is not Debian or Ubuntu" \
    "install Docker for your system (https://docs.docker.com/engine/install/), start it, and run this again"
  export DEBIAN_FRONTEND=noninteractive
  say "installing docker.io from the distribution's packages (about a minute)"
  apt-get update -q >&2 || fail "apt-get update failed" "check the network and /etc/apt/sources.list*, then run this again"
  local packages=(docker.io iptables ca-certificates)
  # Since Debian 13 the command line tool is a package of its own, which docker.io only recommends.
  if apt-cache show docker-cli >/dev/null 2>&1; then packages+=(docker-cli); fi
  apt-get install -q -y --no-install-recommends "${packages[@]}" >&2 ||
    fail "apt-get install ${packages[*]} failed" "see its message above, or install Docker by hand, and run this again"
}

# A machine that was switched off, or an engine that was killed, leaves files that keep the next one from starting.
clear_stale() {
  local file pid
  for file in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
    [ -f "$file" ] || continue
    pid=$(cat "$file" 2>/dev/null || true)
    case "$(cat "/proc/${pid:-none}/comm" 2>/dev/null || true)" in
      dockerd | containerd) ;;
      *)
        say "removing the stale $file"
        rm -f "$file"
        ;;
    esac
  done
  if [ -S /var/run/docker.sock ] && ! pidof dockerd >/dev/null; then rm -f /var/run/docker.sock; fi
}

# dockerd's own start-up is its business; what it needs beside itself differs only where a kernel lacks something.
start_dockerd() { # start_dockerd STORAGE_DRIVER [PATH_PREFIX]
  clear_stale
  say "starting dockerd ($1 storage; its log is $log)"
  # In a session of its own, so that the terminal's Ctrl-C and the end of this script do not reach it.
  PATH="${2:+$2:}$PATH" setsid dockerd --storage-driver="$1" >"$log" 2>&1 </dev/null 9>&- &
  dockerd_pid=$!
  await "$wait_for" "$dockerd_pid"
}

# Kernels without nf_tables still have the older tables, under another command name.
legacy_iptables() {
  local dir=/run/ci-healer-iptables
  command -v iptables-legacy >/dev/null || return 1
  mkdir -p "$dir"
  ln -sf "$(command -v iptables-legacy)" "$dir/iptables"
  ln -sf "$(command -v ip6tables-legacy)" "$dir/ip6tables"
  printf '%s' "$dir"
}

if answers; then
  report
  exit 0
fi
if [ -n "${DOCKER_HOST:-}" ] && [[ $DOCKER_HOST == *podman* ]]; then
  fail "DOCKER_HOST is $DOCKER_HOST, and no Podman answers there" \
    "start its service: podman system service --time=0 $DOCKER_HOST   (or: systemctl --user start podman.socket)" \
    "it needs catatonit for containers with an init; in a container, a containers.conf with lower default_ulimits and, where" \
    "control groups are mixed, runtime = \"runc\""
fi
if [ -n "${DOCKER_HOST:-}" ]; then
  fail "DOCKER_HOST is $DOCKER_HOST, and no engine answers there" \
    "$(timeout 10 docker version 2>&1 | tail -1 || true)" "start that engine, or unset DOCKER_HOST, and run this again"
fi
for socket in "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/podman/podman.sock" /run/podman/podman.sock; do
  if [ -S "$socket" ] && DOCKER_HOST=unix://$socket answers; then
    fail "no Docker engine answers, but Podman does" "run: export DOCKER_HOST=unix://$socket   and run this again"
  fi
done
if [ "$(id -u)" != 0 ]; then
  if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
    fail "an engine listens on /var/run/docker.sock, and user $(id -un) may not talk to it" \
      "run: sudo usermod -aG docker $(id -un)   and log in again; or run this as root"
  fi
  fail "no Docker engine answers, and user $(id -un) cannot start one" \
    "run: sudo $0   or start Docker (Docker Desktop, systemctl start docker)"
fi

# Two builds on one machine: the second one waits and then finds the first one's engine.
exec 9>/var/lock/ci-healer-engine.lock
flock 9
if answers; then
  report
  exit 0
fi

command -v dockerd >/dev/null && command -v docker >/dev/null || install_engine

if [ -d /run/systemd/system ] && systemctl cat docker.service >/dev/null 2>&1; then
  say "starting docker.service"
  systemctl start docker.service || fail "docker.service did not start" "see: journalctl -u docker.service"
  await "$wait_for" || fail "docker.service runs, but no engine answers after $wait_for s" "see: journalctl -u docker.service"
  report
  exit 0
fi

# Debian's package starts the engine itself where an init system lets it.
if pidof dockerd >/dev/null && await 15; then
  report
  exit 0
fi

if start_dockerd overlay2; then
  :
elif grep -qiE 'iptables|nf_tables|Table does not exist' "$log" && prefix=$(legacy_iptables) && start_dockerd overlay2 "$prefix"; then
  say "this kernel has no nf_tables: the engine uses iptables-legacy"
elif grep -qiE 'overlay' "$log" && start_dockerd vfs; then
  say "this file system has no overlay: the engine uses vfs, which is slow and large"
else
  if kill -0 "$dockerd_pid" 2>/dev/null; then
    kill "$dockerd_pid" 2>/dev/null || true
    say "dockerd runs, but does not answer after $wait_for s"
  fi
  tail -n 15 "$log" >&2 || true
  fail "dockerd did not start (above: the end of $log)" \
    "it needs root, cgroups and overlayfs: in a container, run that with --privileged;" \
    "or point DOCKER_HOST at an engine that works"
fi
report
