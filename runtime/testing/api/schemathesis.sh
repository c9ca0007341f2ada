#!/bin/sh
# A Python with schemathesis: see runtime/tools/venv.sh.
cd "$(dirname "$0")" && exec ../../tools/venv.sh schemathesis requirements.txt "$@"
