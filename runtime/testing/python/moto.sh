#!/bin/sh
# Creates a Python environment with moto and the AWS CLI (runtime/tools/venv.sh).
cd "$(dirname "$0")" && exec ../../tools/venv.sh moto moto/requirements.txt "$@"
