#!/bin/sh
# Builds actionlint (runtime/tools/goTool.sh).
cd "$(dirname "$0")" && exec ../../runtime/tools/goTool.sh actionlint github.com/rhysd/actionlint/cmd/actionlint v1.7.12 "$@"
