#!/bin/sh
# Creates a Python environment with zizmor (runtime/tools/venv.sh).
cd "$(dirname "$0")" >/dev/null && exec ../../runtime/tools/venv.sh zizmor requirements.txt "$@"
