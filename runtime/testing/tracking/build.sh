#!/bin/sh
# Fetches OpenSearch from Maven Central (45 MB) in the version that pom.xml pins, unless it exists, and prints the folder
# of its jars. The folder is outside the clone, so that a new clone can use it. `build.sh --path` only prints the folder.
# Needs the Debian packages openjdk-17-jdk-headless and maven.
set -eu
cd "$(dirname "$0")"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/rates-platform"
target="$cache/opensearch-$(cksum <pom.xml | cut -d ' ' -f 1)"

if [ "${1:-}" != --path ] && ! [ -d "$target" ]; then
  echo "Fetching OpenSearch …" >&2
  mkdir -p "$cache"
  # The folder has a temporary name until it is complete, so that concurrent or killed builds leave no partial folder.
  trap 'rm -rf "$target.$$"' EXIT
  mvn -q -B -f pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$target.$$" >&2
  [ -d "$target" ] || mv "$target.$$" "$target"
fi
echo "$target"
