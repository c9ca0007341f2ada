#!/bin/sh
# Builds gitleaks unless it exists, and prints its path (runtime/tools/goTool.sh).
cd "$(dirname "$0")" >/dev/null || exit
exec ../../runtime/tools/goTool.sh gitleaks github.com/zricethezav/gitleaks/v8 v8.30.1 "$@"
