#!/bin/sh
# A Python with what the Glue runner finds in Glue, with moto and with AWS's command: see runtime/local/venv.sh.
cd "$(dirname "$0")" && exec ../../../local/venv.sh python requirements.txt "$@"
