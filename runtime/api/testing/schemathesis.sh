#!/bin/sh
# Makes a Python with schemathesis unless it is there, and prints its folder of programs. It lies outside the clone, so
# that `npm ci` and a new clone keep it. `schemathesis.sh --path` only prints where it would be.
set -eu
cd "$(dirname "$0")"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/rates-platform"
target="$cache/schemathesis-$(cksum <requirements.txt | cut -d ' ' -f 1)"

if [ "${1:-}" != --path ] && ! [ -e "$target/done" ]; then
  python3 -c 'import venv, ensurepip' 2>/dev/null || {
    echo "Schemathesis needs Python 3 with venv (Debian: python3-venv)." >&2
    exit 1
  }
  echo "Installing schemathesis …" >&2
  mkdir -p "$cache"
  python3 -m venv --clear "$target"
  "$target/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt >&2
  touch "$target/done"
fi
echo "$target/bin"
