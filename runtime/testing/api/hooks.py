"""Hooks of schemathesis for this API: refusals of valid input that are intended.

All of its checks run. The check that valid input is accepted ignores only the refusals that refusals.json lists, with
their reasons.
"""

import json
import re
from pathlib import Path

import schemathesis
from schemathesis.checks import CHECKS

REFUSALS = json.loads((Path(__file__).parents[2] / "api" / "refusals.json").read_text(encoding="utf-8"))


def is_listed(operation, problem):
    """Returns whether each fault of a refusal is listed for this operation."""
    faults = problem.get("problems") or [{"field": "", "message": problem.get("detail", "")}]
    return all(
        any(
            operation in refusal["operations"]
            and refusal["type"] == problem.get("type")
            and re.search(refusal.get("field", ""), str(fault.get("field", "")))
            and re.search(refusal["message"], str(fault.get("message", "")))
            for refusal in REFUSALS
        )
        for fault in faults
    )


@schemathesis.check
def valid_input_is_taken_or_listed(ctx, response, case):
    """positive_data_acceptance, but for what refusals.json lists."""
    if response.status_code == 400:
        operation = case.operation.definition.raw.get("operationId", "")
        if is_listed(operation, json.loads(response.content)):
            return None
    return CHECKS.get_one("positive_data_acceptance")(ctx, response, case)
