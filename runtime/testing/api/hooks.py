"""Hooks of schemathesis for this API, which refuses some valid input on purpose.

All checks of schemathesis run. The check that valid input is accepted ignores only the refusals that refusals.json lists
with their reasons.
"""

import json
import re
from pathlib import Path

import schemathesis
from schemathesis.checks import CHECKS

REFUSALS = json.loads((Path(__file__).parents[2] / "api" / "refusals.json").read_text(encoding="utf-8"))


def is_listed(operation, refusal_body):
    """Returns True if each problem of a refusal is listed for this operation."""
    problems = refusal_body.get("problems") or [{"field": "", "message": refusal_body.get("detail", "")}]
    return all(
        any(
            operation in refusal["operations"]
            and refusal["type"] == refusal_body.get("type")
            and re.search(refusal.get("field", ""), str(problem.get("field", "")))
            and re.search(refusal["message"], str(problem.get("message", "")))
            for refusal in REFUSALS
        )
        for problem in problems
    )


@schemathesis.check
def valid_input_is_accepted_or_listed(ctx, response, case):
    """Runs positive_data_acceptance, except for the refusals that refusals.json lists."""
    if response.status_code == 400:
        operation = case.operation.definition.raw.get("operationId", "")
        if is_listed(operation, json.loads(response.content)):
            return None
    return CHECKS.get_one("positive_data_acceptance")(ctx, response, case)
