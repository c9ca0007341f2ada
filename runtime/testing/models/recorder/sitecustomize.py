"""Appends the input of each AWS call of this Python process to the file that RATES_RECORDED_CALLS names.

Python imports a module of this name before any program; the tests put its folder on PYTHONPATH.
"""

import json
import os

import boto3


def _record(params, model, **_):
    call = {"operation": f"{model.service_model.service_name}.{model.name}", "input": params}
    with open(os.environ["RATES_RECORDED_CALLS"], "a", encoding="utf8") as file:
        # Bodies are not checked.
        file.write(json.dumps(call, default=lambda value: "") + "\n")


if "RATES_RECORDED_CALLS" in os.environ:
    boto3.setup_default_session()
    boto3.DEFAULT_SESSION.events.register("provide-client-params.*.*", _record)
