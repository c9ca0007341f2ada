#!/bin/sh
# Builds the pinned version of gitleaks from its Go module, unless it exists, and prints its path, which is outside the
# clone. `gitleaks.sh --path` only prints the path.
set -eu
version=v8.30.1
target="${XDG_CACHE_HOME:-$HOME/.cache}/rates-platform/gitleaks-$version"
if [ "${1:-}" != --path ] && ! [ -x "$target/gitleaks" ]; then
  PATH="$PATH:/usr/local/go/bin"
  command -v go >/dev/null || {
    echo "gitleaks is built with Go: install it" >&2
    exit 1
  }
  echo "Building gitleaks $version …" >&2
  GOBIN="$target" go install "github.com/zricethezav/gitleaks/v8@$version" >&2
fi
echo "$target/gitleaks"
