#!/bin/sh
# A Python with moto and AWS's command: see runtime/tools/venv.sh.
cd "$(dirname "$0")" && exec ../../tools/venv.sh moto moto/requirements.txt "$@"
