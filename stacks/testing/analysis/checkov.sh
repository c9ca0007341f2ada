#!/bin/sh
# A Python with checkov, whose pins are older than those of AWS's models: see runtime/tools/venv.sh.
cd "$(dirname "$0")" && exec ../../../runtime/tools/venv.sh checkov checkov/requirements.txt "$@"
