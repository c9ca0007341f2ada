#!/bin/sh
# A Python with the package versions that the Glue runner finds in Glue: see runtime/local/venv.sh.
cd "$(dirname "$0")" && exec ../../../local/venv.sh glue analytics/requirements.txt "$@"
