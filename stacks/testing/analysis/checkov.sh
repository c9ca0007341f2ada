#!/bin/sh
# Creates a Python environment with checkov (runtime/tools/venv.sh). It is separate from that of runtime/testing/models,
# since checkov requires older versions of the same packages.
cd "$(dirname "$0")" && exec ../../../runtime/tools/venv.sh checkov checkov/requirements.txt "$@"
