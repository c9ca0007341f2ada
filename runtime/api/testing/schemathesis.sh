#!/bin/sh
# A Python with schemathesis: see runtime/local/venv.sh.
cd "$(dirname "$0")" && exec ../../local/venv.sh schemathesis requirements.txt "$@"
