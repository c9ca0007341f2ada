#!/bin/sh
# Starts a Docker engine for the tests of runtime/image on a Debian machine, without an image registry. Installs missing
# packages, starts dockerd with its own files and socket under ~/.cache/rates-platform, and builds replacements
# of the public images (Dockerfile in this folder). Takes about 50 s and 1.5 GB the first time, 1 s afterwards.
#   engine.sh               as root; leaves the engine running
#   engine.sh --while PID   the same, and ends the engine when that process has ended
#   engine.sh --socket      only prints the engine's socket
set -eu
cd "$(dirname "$0")"
home="${XDG_CACHE_HOME:-$HOME/.cache}/rates-platform/docker"
socket="unix://$home/docker.sock"
if [ "${1:-}" = --socket ]; then
  echo "$socket"
  exit
fi
fail() {
  echo "engine.sh: $*" >&2
  exit 1
}

[ "$(uname -s)" = Linux ] && command -v apt-get >/dev/null || fail "works on Debian only; install Docker yourself"
[ "$(id -u)" = 0 ] || fail "only root can start an engine"
mkdir -p "$home"
# Two concurrent calls would start two engines.
exec 9>"$home/lock"
flock 9

if ! command -v dockerd >/dev/null || ! command -v debootstrap >/dev/null || ! command -v docker-compose >/dev/null; then
  echo "Installing docker.io, docker-compose, debootstrap …"
  apt-get update -qq
  # From Debian 13 on, the command and BuildKit are separate packages.
  cli_packages=$(apt-cache --generate pkgnames docker- | grep -xE 'docker-(cli|buildx)' || true)
  # shellcheck disable=SC2086 # these are words
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
    docker.io docker-compose debootstrap $cli_packages >"$home/install.log" 2>&1 ||
    fail "apt-get could not install them: $(tail -n 5 "$home/install.log")"
fi
# The command that belongs to dockerd; another one on PATH may lack BuildKit.
docker() { DOCKER_BUILDKIT=1 /usr/bin/docker --host "$socket" "$@"; }
is_running() { docker version >/dev/null 2>&1; }

if ! is_running; then
  echo "Starting dockerd …"
  rm -f "$home/pid"
  setsid dockerd --host "$socket" --pidfile "$home/pid" --data-root "$home/root" --exec-root "$home/exec" \
    >"$home/log" 2>&1 </dev/null 9>&- &
  engine=$!
  for _ in $(seq 300); do
    is_running && break
    kill -0 "$engine" 2>/dev/null || fail "dockerd cannot run here. The end of its log: $(tail -n 5 "$home/log")"
    sleep 0.1
  done
  is_running || fail "dockerd does not respond. The end of its log: $(tail -n 5 "$home/log")"
fi
if [ "${1:-}" = --while ]; then
  engine=$(cat "$home/pid")
  setsid sh -c "while kill -0 $2 && kill -0 $engine; do sleep 1; done; kill $engine" >/dev/null 2>&1 </dev/null 9>&- &
fi

# Removes earlier builds, whose tags newer builds have taken over.
docker image prune --force >/dev/null

# The replacements have the names by which this repository refers to the public images, without the digest, which only
# a registry assigns.
node=$(sed -n 's/^FROM \(node:[^@]*\)@.*/\1/p' ../../Dockerfile)
postgres=$(sed -n 's/^ *image: \(postgres:[^@]*\)@.*/\1/p' ../../../compose.yaml)
suite=$(echo "$node" | sed 's/.*-\(.*\)-slim/\1/')
version=$(echo "$node" | sed 's/node:\([0-9.]*\)-.*/\1/')
built="$(cat Dockerfile postgres.sh engine.sh | sha256sum | cut -c 1-64) $node $postgres"
[ "$(cat "$home/made" 2>/dev/null)" = "$built" ] && docker image inspect "$node" "$postgres" >/dev/null 2>&1 && exit

echo "Building local images $node and $postgres …"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase "$suite" "$work/root" >"$work/log" || fail "debootstrap $suite: $(tail -n 5 "$work/log")"
rm -rf "$work"/root/var/cache/apt/* "$work"/root/var/lib/apt/lists/*
tar -C "$work/root" -c . | docker import - rates-testing/debian >/dev/null
mkdir "$work/context"
cp Dockerfile postgres.sh /etc/ssl/certs/ca-certificates.crt "$work/context"
npm install --prefix "$work/context" --no-save --silent --ignore-scripts=false --foreground-scripts "node@$version" npm@11 >"$work/log" 2>&1 ||
  fail "npm could not fetch Node $version: $(tail -n 5 "$work/log")"
for target in "node $node" "postgres $postgres"; do
  docker build --quiet --network host --target "${target%% *}" --tag "${target#* }" "$work/context" >/dev/null ||
    fail "the local image ${target#* } could not be built"
done
echo "$built" >"$home/made"
