#!/bin/sh
# A Python with AWS's published constraints: see runtime/tools/venv.sh.
cd "$(dirname "$0")" && exec ../../tools/venv.sh models requirements.txt "$@"
