"""Checks resources against AWS's published constraints: cfn-lint's CloudFormation schemas, and botocore's models.

stdin:  {"mapping": table, "variants": {variant: [{"type", "name", "id", "inputs"}]}, "region": region}
stdout: {"templates": {variant: template}, "findings": [{"analyzer", "type", "path", "rule", "resource", "message",
                       "variants"}],
         "unmapped": [{"type", "property", "model"}], "checked": {"resources": n, "properties": n, "calls": n}}
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../runtime/testing/models"))

import models  # noqa: E402
from cfnlint.api import lint  # noqa: E402
from cfnlint.config import ManualArgs  # noqa: E402
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: E402
from convert import CallSchema, CloudFormationSchema, Conversion  # noqa: E402


class Analysis:
    """Findings of the analyzers in several variants. A finding that a resource has in several variants is one entry."""

    def __init__(self, mapping, region):
        self._mapping = mapping
        self._region = region
        self._variant = ""
        self.findings = {}
        self.unmapped = set()
        self.checked = {"resources": 0, "calls": 0, "properties": set()}

    def variant(self, name, resources):
        """Checks the resources of a variant, and returns its template."""
        self._variant = name
        template = self._template(resources)
        self._lint(template)
        return template

    def _template(self, resources):
        template = {}
        parts = []
        for resource in resources:
            row = self._mapping.get(resource["type"])
            if row is None:
                self.unmapped.add((resource["type"], "", ""))
                continue
            if "none" in row:
                continue
            self.checked["resources"] += 1
            self._calls(resource, row)
            if "cfn" in row:
                properties = self._cloudformation(resource, row)
                if "into" in row:
                    parts.append((row["cfn"], resource["inputs"][row["into"]], properties, resource))
                else:
                    template[resource["name"] + " " + resource["type"]] = (row["cfn"], properties, resource)
        for type_name, parent, properties, resource in parts:
            owner = next((entry for entry in template.values() if entry[0] == type_name and entry[2]["id"] == parent), None)
            if owner is None:
                self._find("mapping", resource, "", "parent", f"is a part of {parent}, which is not a {type_name}")
            else:
                merge(owner[1], properties)
        return {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Resources": {
                logical_id(name): {
                    "Type": type_name,
                    "Properties": properties,
                    "Metadata": {"name": resource["name"], "type": resource["type"]},
                }
                for name, (type_name, properties, resource) in template.items()
            },
        }

    def _calls(self, resource, row):
        calls = [(call, None) for call in row.get("calls", [])] + list(row.get("also", {}).items())
        for call, allowed in calls:
            inputs = {key: value for key, value in resource["inputs"].items() if allowed is None or key in allowed}
            # The provider makes a further call only if a property other than the name is set.
            if allowed is not None and not set(inputs) - {"name", "namePrefix", "identifier"}:
                continue
            shape = models.operation_input(call)
            value = self._convert(resource, row, call, inputs, CallSchema(shape))
            self.checked["calls"] += 1
            for path, rule, message in models.problems(shape, value):
                self._find("botocore", resource, f"{call} {path}", rule, message)

    def _cloudformation(self, resource, row):
        root = PROVIDER_SCHEMA_MANAGER.get_resource_schema(self._region, row["cfn"]).schema
        return self._convert(resource, row, "cfn", resource["inputs"], CloudFormationSchema(root, root))

    def _convert(self, resource, row, model, inputs, schema):
        conversion = Conversion(row.get("properties", {}), model)
        value = conversion.convert(inputs, schema, row.get("constants", {}).get(model))
        name = row["cfn"] if model == "cfn" else model
        self.unmapped.update((resource["type"], path, name) for path in conversion.unmapped)
        self.checked["properties"].update((resource["type"], path) for path in conversion.mapped)
        return value

    def _lint(self, template):
        resources = template["Resources"]
        for match in lint(json.dumps(template), config=ManualArgs(regions=[self._region])):
            path = match.path or []
            resource = resources.get(path[1], {}) if len(path) > 1 and path[0] == "Resources" else {}
            names = resource.get("Metadata", {"type": "template", "name": ""})
            within = ".".join(str(part) for part in path[3:] if not isinstance(part, int))
            self._find("cfn-lint", names, within, match.rule.id, match.message)

    def _find(self, analyzer, resource, path, rule, message):
        path = re.sub(r"\[\d+\]", "[]", path)
        key = (analyzer, resource["type"], path, rule, resource["name"])
        finding = self.findings.setdefault(key, {"message": message, "variants": []})
        if self._variant not in finding["variants"]:
            finding["variants"].append(self._variant)

    def result(self):
        keys = ("analyzer", "type", "path", "rule", "resource")
        return {
            "findings": [{**dict(zip(keys, key)), **finding} for key, finding in sorted(self.findings.items())],
            "unmapped": [dict(zip(("type", "property", "model"), entry)) for entry in sorted(self.unmapped)],
            "checked": {**self.checked, "properties": len(self.checked["properties"])},
        }


def merge(target, source):
    """Merges properties into those of another resource. Lists are concatenated."""
    for key, value in source.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        elif isinstance(value, list) and isinstance(target.get(key), list):
            target[key].extend(value)
        else:
            target[key] = value


def logical_id(name):
    return re.sub(r"[^A-Za-z0-9]", "", name.title())


def main():
    request = json.load(sys.stdin)
    analysis = Analysis(request["mapping"], request["region"])
    templates = {variant: analysis.variant(variant, resources) for variant, resources in request["variants"].items()}
    json.dump({"templates": templates, **analysis.result()}, sys.stdout)


if __name__ == "__main__":
    main()
