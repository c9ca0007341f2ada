"""
Prints facts of AWS's published service models (botocore): partitions with their regions, and for each
requested [service, shape, member] its constraints and its documentation as plain text. Without member, the
operation or shape itself.
"""

import json
import re
import sys

import botocore.loaders

loader = botocore.loaders.Loader()


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def fact(service: str, shape: str, member: str | None) -> dict:
    model = loader.load_service_model(service, "service-2")
    if member is None:
        found = model["operations"].get(shape) or model["shapes"][shape]
        return {"text": plain(found.get("documentation", "")), "min": found.get("min"), "max": found.get("max")}
    found = model["shapes"][shape]["members"][member]
    target = model["shapes"][found["shape"]]
    return {"text": plain(found.get("documentation", "")), "min": target.get("min"), "max": target.get("max")}


partitions = loader.load_data("partitions")["partitions"]
print(
    json.dumps(
        {
            "partitions": {one["id"]: sorted(one["regions"]) for one in partitions},
            "facts": [fact(*wanted) for wanted in json.load(sys.stdin)],
        }
    )
)
