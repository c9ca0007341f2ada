#!/bin/sh
# A Python with moto and AWS's command: see runtime/local/venv.sh.
cd "$(dirname "$0")" && exec ../../../local/venv.sh moto moto/requirements.txt "$@"
