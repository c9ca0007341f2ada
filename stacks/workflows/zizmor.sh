#!/bin/sh
# A Python environment with zizmor: see runtime/local/venv.sh.
cd "$(dirname "$0")" && exec ../../runtime/local/venv.sh zizmor requirements.txt "$@"
