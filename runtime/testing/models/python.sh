#!/bin/sh
# Creates a Python environment with the packages that contain AWS's published constraints (runtime/tools/venv.sh).
cd "$(dirname "$0")" && exec ../../tools/venv.sh models requirements.txt "$@"
