#!/bin/sh
# Creates a Python environment with schemathesis (runtime/tools/venv.sh).
cd "$(dirname "$0")" && exec ../../tools/venv.sh schemathesis requirements.txt "$@"
