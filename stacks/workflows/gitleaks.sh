#!/bin/sh
# Builds gitleaks (runtime/tools/goTool.sh).
cd "$(dirname "$0")" && exec ../../runtime/tools/goTool.sh gitleaks github.com/zricethezav/gitleaks/v8 v8.30.1 "$@"
