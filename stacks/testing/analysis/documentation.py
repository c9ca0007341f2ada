"""
Prints facts from AWS's published service models (botocore): the partitions with their regions, and the constraints
and documentation (as plain text) of each requested [service, shape, member]. Without a member, those of the operation
or shape itself.
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
        definition = model["operations"].get(shape) or model["shapes"][shape]
        return {
            "text": plain(definition.get("documentation", "")),
            "min": definition.get("min"),
            "max": definition.get("max"),
        }
    reference = model["shapes"][shape]["members"][member]
    target = model["shapes"][reference["shape"]]
    return {"text": plain(reference.get("documentation", "")), "min": target.get("min"), "max": target.get("max")}


partitions = loader.load_data("partitions")["partitions"]
print(
    json.dumps(
        {
            "partitions": {partition["id"]: sorted(partition["regions"]) for partition in partitions},
            "facts": [fact(*request) for request in json.load(sys.stdin)],
        }
    )
)
