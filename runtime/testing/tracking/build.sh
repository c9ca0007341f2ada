#!/bin/sh
# Fetches the OpenSearch that pom.xml pins from Maven Central (45 MB), unless it is there, and prints the folder of its
# jars. It lies outside the clone, so that a new clone keeps it. `build.sh --path` only prints where it would be.
# Debian: openjdk-17-jdk-headless and maven.
set -eu
cd "$(dirname "$0")"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/rates-platform"
target="$cache/opensearch-$(cksum <pom.xml | cut -d ' ' -f 1)"

if [ "${1:-}" != --path ] && ! [ -d "$target" ]; then
  echo "Fetching OpenSearch …" >&2
  mkdir -p "$cache"
  # Under another name until it is whole: two builds at once, or one that was killed, leave no half of it.
  trap 'rm -rf "$target.$$"' EXIT
  mvn -q -B -f pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$target.$$" >&2
  [ -d "$target" ] || mv "$target.$$" "$target"
fi
echo "$target"
