#!/bin/sh
# Creates a Python environment with the package versions that Glue provides (runtime/tools/venv.sh).
cd "$(dirname "$0")" && exec ../../tools/venv.sh glue analytics/requirements.txt "$@"
