#!/bin/sh
# Builds actionlint unless it exists, and prints its path (runtime/tools/goTool.sh).
cd "$(dirname "$0")" >/dev/null || exit
exec ../../runtime/tools/goTool.sh actionlint github.com/rhysd/actionlint/cmd/actionlint v1.7.12 "$@"
