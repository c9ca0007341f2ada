#!/bin/sh
# A Python with the package versions that the Glue runner finds in Glue: see runtime/tools/venv.sh.
cd "$(dirname "$0")" && exec ../../tools/venv.sh glue analytics/requirements.txt "$@"
