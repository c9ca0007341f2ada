#!/bin/sh
# A Docker engine for the tests of runtime/image, on a Debian machine that needs no image registry: installs what is
# missing, starts dockerd under ~/.cache/rates-platform (neither its files nor its socket are the machine's own), and
# builds stand-ins for the public images (Dockerfile, beside this). Some 50 s and 1.5 GB the first time, 1 s from then on.
#   engine.sh               as root; leaves the engine running
#   engine.sh --while PID   the same, and ends the engine when that process has ended
#   engine.sh --socket      prints only where the engine would listen
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
# Two at once would start two engines.
exec 9>"$home/lock"
flock 9

if ! command -v dockerd >/dev/null || ! command -v debootstrap >/dev/null || ! command -v docker-compose >/dev/null; then
  echo "Installing docker.io, docker-compose, debootstrap …"
  apt-get update -qq
  # From Debian 13 on the command and its BuildKit part are packages of their own.
  parts=$(apt-cache --generate pkgnames docker- | grep -xE 'docker-(cli|buildx)' || true)
  # shellcheck disable=SC2086 # these are words
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
    docker.io docker-compose debootstrap $parts >"$home/install.log" 2>&1 ||
    fail "apt-get could not install them: $(tail -n 5 "$home/install.log")"
fi
# The one that belongs to dockerd: another on PATH may lack BuildKit.
docker() { DOCKER_BUILDKIT=1 /usr/bin/docker --host "$socket" "$@"; }
answers() { docker version >/dev/null 2>&1; }

if ! answers; then
  echo "Starting dockerd …"
  rm -f "$home/pid"
  setsid dockerd --host "$socket" --pidfile "$home/pid" --data-root "$home/root" --exec-root "$home/exec" \
    >"$home/log" 2>&1 </dev/null 9>&- &
  engine=$!
  for _ in $(seq 300); do
    answers && break
    kill -0 "$engine" 2>/dev/null || fail "dockerd cannot run here. Its last words: $(tail -n 5 "$home/log")"
    sleep 0.1
  done
  answers || fail "dockerd does not answer. Its last words: $(tail -n 5 "$home/log")"
fi
if [ "${1:-}" = --while ]; then
  engine=$(cat "$home/pid")
  setsid sh -c "while kill -0 $2 && kill -0 $engine; do sleep 1; done; kill $engine" >/dev/null 2>&1 </dev/null 9>&- &
fi

# Earlier builds that no name refers to any more.
docker image prune --force >/dev/null

# What the tree names is what the stand-ins are called.
# An image that was built here has no digest of a registry, so they go by the tag alone.
node=$(sed -n 's/^FROM \(node:[^@]*\)@.*/\1/p' ../../Dockerfile)
postgres=$(sed -n 's/^ *image: \(postgres:[^@]*\)@.*/\1/p' ../../../compose.yaml)
suite=$(echo "$node" | sed 's/.*-\(.*\)-slim/\1/')
version=$(echo "$node" | sed 's/node:\([0-9.]*\)-.*/\1/')
made="$(cat Dockerfile postgres.sh engine.sh | sha256sum | cut -c 1-64) $node $postgres"
[ "$(cat "$home/made" 2>/dev/null)" = "$made" ] && docker image inspect "$node" "$postgres" >/dev/null 2>&1 && exit

echo "Building stand-ins for $node and $postgres …"
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
    fail "the stand-in for ${target#* } could not be built"
done
echo "$made" >"$home/made"
