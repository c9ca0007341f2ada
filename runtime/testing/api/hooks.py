"""What schemathesis is told of this API beyond its description: which refusals of valid input are meant.

All of its checks run. The one that asks valid input to be taken passes over a refusal that refusals.json lists, with its
reason, and over nothing else.
"""

import json
import re
from pathlib import Path

import schemathesis
from schemathesis.checks import CHECKS

REFUSALS = json.loads((Path(__file__).parents[2] / "api" / "refusals.json").read_text(encoding="utf-8"))


def is_listed(operation, problem):
    """Whether each fault of a refusal is one that the list has for this operation."""
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
