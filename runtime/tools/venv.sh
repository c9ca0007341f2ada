#!/bin/sh
# venv.sh NAME REQUIREMENTS [--path]: creates a Python environment with the packages of a file unless it exists, and
# prints the folder of its programs. It is outside the clone, so that `npm ci` and a new clone keep it; --path only
# prints the folder. A file `done` beside the programs marks it as complete.
set -eu

cache="${XDG_CACHE_HOME:-$HOME/.cache}/rates-platform"
target="$cache/$1-$(cksum <"$2" | cut -d ' ' -f 1)"

if [ "${3:-}" != --path ] && ! [ -e "$target/done" ]; then
  python3 -c 'import venv, ensurepip' 2>/dev/null || {
    echo "These tests need Python 3 with venv (Debian: python3-venv)." >&2
    exit 1
  }
  echo "Installing $(sed -n 's/==.*//p' "$2" | paste -sd ' ') …" >&2
  mkdir -p "$cache"
  python3 -m venv --clear "$target"
  "$target/bin/pip" install --quiet --disable-pip-version-check -r "$2" >&2
  touch "$target/done"
fi
echo "$target/bin"
