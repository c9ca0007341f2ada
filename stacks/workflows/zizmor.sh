#!/bin/sh
# A Python environment with zizmor: see runtime/tools/venv.sh.
cd "$(dirname "$0")" && exec ../../runtime/tools/venv.sh zizmor requirements.txt "$@"
