#!/bin/sh
# venv.sh NAME REQUIREMENTS [--path]: creates a Python environment with the packages in the file REQUIREMENTS, unless the
# environment exists, and prints the folder of its programs. With --path, it only prints the folder. The environment is
# outside the clone, so that `npm ci` does not delete it and other clones can use it. A file `done` marks it as complete.
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
