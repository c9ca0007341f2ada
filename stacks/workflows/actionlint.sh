#!/bin/sh
# Builds the pinned version of actionlint from its Go module, unless it exists, and prints its path, which is outside the
# clone. `actionlint.sh --path` only prints the path.
set -eu
version=v1.7.12
target="${XDG_CACHE_HOME:-$HOME/.cache}/rates-platform/actionlint-$version"
if [ "${1:-}" != --path ] && ! [ -x "$target/actionlint" ]; then
  PATH="$PATH:/usr/local/go/bin"
  command -v go >/dev/null || {
    echo "actionlint is built with Go: install it" >&2
    exit 1
  }
  echo "Building actionlint $version …" >&2
  GOBIN="$target" go install "github.com/rhysd/actionlint/cmd/actionlint@$version" >&2
fi
echo "$target/actionlint"
