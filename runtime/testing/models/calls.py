"""Judges inputs of AWS calls by botocore's models.

stdin:  [{"operation": "sqs.SendMessage", "input": {...}}]
stdout: {"problems": [text], "judged": n}; each problem once, whatever number of calls have it.
"""

import json
import re
import sys

import models


def main():
    calls = json.load(sys.stdin)
    found = {}
    for call in calls:
        for path, rule, message in models.problems(models.operation_input(call["operation"]), call["input"]):
            where = re.sub(r"\[\d+\]", "[]", path)
            found.setdefault((call["operation"], where, rule), f"{call['operation']} {where}: {rule}: {message}")
    json.dump({"problems": sorted(found.values()), "judged": len(calls)}, sys.stdout)


main()
