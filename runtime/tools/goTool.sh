#!/bin/sh
# goTool.sh NAME PACKAGE VERSION [--path]: builds a pinned version of a program from its Go package, unless it exists,
# and prints its path, which is outside the clone. With --path it only prints the path.
set -eu
name=$1
package=$2
version=$3
target="${XDG_CACHE_HOME:-$HOME/.cache}/rates-platform/$name-$version"
if [ "${4:-}" != --path ] && ! [ -x "$target/$name" ]; then
  PATH="$PATH:/usr/local/go/bin"
  command -v go >/dev/null || {
    echo "$name is built with Go: install it" >&2
    exit 1
  }
  echo "Building $name $version …" >&2
  GOBIN="$target" go install "$package@$version" >&2
fi
echo "$target/$name"
