"""Checks the inputs of AWS calls against botocore's models.

stdin:  [{"operation": "sqs.SendMessage", "input": {...}}]
stdout: {"problems": [text], "checked": n}; each problem once, however many calls have it.
"""

import json
import re
import sys

import models


def main():
    calls = json.load(sys.stdin)
    messages = {}
    for call in calls:
        for path, rule, message in models.problems(models.operation_input(call["operation"]), call["input"]):
            where = re.sub(r"\[\d+\]", "[]", path)
            messages.setdefault((call["operation"], where, rule), f"{call['operation']} {where}: {rule}: {message}")
    json.dump({"problems": sorted(messages.values()), "checked": len(calls)}, sys.stdout)


main()
