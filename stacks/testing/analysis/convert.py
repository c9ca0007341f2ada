"""Converts Pulumi's registered resources to CloudFormation properties and to inputs of AWS's calls.

For each Pulumi type, the table mapping.yaml names the CloudFormation type and the calls that create the resource. A
property maps to the member with the same name, regardless of case. A row of the table maps a property to a member with
another name, or gives the reason why it has no counterpart. A property without a member and without a row is reported.
"""

import json
import re

import models

# Key by which Pulumi marks an asset or archive.
PULUMI_SIGNATURE = "4dabf18193072939515e22adb298388d"


class CloudFormationSchema:
    """A node of a CloudFormation resource schema."""

    def __init__(self, root, node):
        self._root = root
        while "$ref" in node:
            target = root
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        self._node = node

    def _branches(self):
        yield self._node
        for key in ("anyOf", "oneOf", "allOf"):
            for branch in self._node.get(key, []):
                if isinstance(branch, dict):
                    yield from CloudFormationSchema(self._root, branch)._branches()

    def kind(self):
        types = set()
        for branch in self._branches():
            declared = branch.get("type", [])
            types.update([declared] if isinstance(declared, str) else declared)
        if self.members() or any("patternProperties" in branch for branch in self._branches()):
            return "object"
        if self.item() is not None:
            return "array"
        # Policies: objects in CloudFormation, text in Pulumi.
        if types == {"object", "string"}:
            return "object"
        return next((kind for kind in ("string", "array", "object", "integer", "number") if kind in types), "boolean")

    def member(self, name):
        for branch in self._branches():
            found = next((key for key in branch.get("properties", {}) if key.lower() == name.lower()), None)
            if found is not None:
                return found, CloudFormationSchema(self._root, branch["properties"][found])
        return None

    def members(self):
        return {name for branch in self._branches() for name in branch.get("properties", {})}

    def item(self):
        for branch in self._branches():
            if isinstance(branch.get("items"), dict):
                return CloudFormationSchema(self._root, branch["items"])
        return None

    def is_map(self):
        return self.kind() == "object" and not self.members()

    def map_value(self):
        for branch in self._branches():
            for pattern in branch.get("patternProperties", {}).values():
                return CloudFormationSchema(self._root, pattern)
        return None


class CallSchema:
    """A shape of a botocore model, with the same methods as CloudFormationSchema."""

    KINDS = {"structure": "object", "map": "object", "list": "array", "long": "integer", "double": "number"}

    def __init__(self, shape):
        self.shape = shape

    def kind(self):
        name = self.shape.type_name
        return self.KINDS.get(name, {"float": "number", "blob": "string"}.get(name, name))

    def member(self, name):
        found = models.member(self.shape, name)
        return None if found is None else (found, CallSchema(self.shape.members[found]))

    def members(self):
        return set(self.shape.members) if self.shape.type_name == "structure" else set()

    def item(self):
        return CallSchema(self.shape.member) if self.shape.type_name == "list" else None

    def is_map(self):
        return self.shape.type_name == "map"

    def map_value(self):
        return CallSchema(self.shape.value) if self.shape.type_name == "map" else None


class Conversion:
    """The conversion of one resource into one model.

    `mapped` collects the paths of properties with a counterpart, `unmapped` those with neither a member nor a row.
    """

    def __init__(self, rows, model):
        self._rows = rows
        self._model = model
        self.mapped = set()
        self.unmapped = []

    def convert(self, inputs, schema, constants=None):
        """Converts a resource's inputs. `constants` has the values that the provider adds, by their members' paths."""
        result = {}
        self._members(result, inputs, schema, "")
        for target, value in (constants or {}).items():
            self._put(result, steps(target), value, schema, target)
        return result

    def _target(self, path):
        """Returns the path of members that a property's row names for this model.

        Returns "" without a row, or a dict with the reason for having no counterpart.
        """
        row = self._rows.get(path, "")
        return row.get(self._model, "") if isinstance(row, dict) and "none" not in row else row

    def _members(self, result, value, schema, path):
        for key, item in value.items():
            if key == "__defaults" or item is None:
                continue
            at = f"{path}.{key}".lstrip(".")
            target = self._target(at)
            if isinstance(target, dict):
                continue
            self.mapped.add(at)
            if target == ".":
                inner = json.loads(item) if isinstance(item, str) else item[0] if isinstance(item, list) else item
                self._members(result, inner, schema, at)
            elif target != "":
                self._put(result, steps(target), item, schema, at)
            elif (member := schema.member(key)) is not None:
                result[member[0]] = self._value(item, member[1], at)
            else:
                self.unmapped.append(at)

    def _put(self, result, names, item, schema, at):
        """Sets a value at a path of members: `X` is an object, `X[]` all items of a list.

        `X[Key=a]` is the item of the list X with the Key a, whose Value is set.
        """
        (name, index), *rest = names
        found = schema.member(name)
        map_value = schema.map_value() if found is None and schema.is_map() else None
        if found is None and map_value is None:
            self.unmapped.append(f"{at} (its row names {name}, which the model does not have)")
            return
        member, inner = found or (name, map_value)
        if index is None:
            if rest:
                self._put(result.setdefault(member, {}), rest, item, inner, at)
            else:
                result[member] = self._value(item, inner, at)
            return
        values = result.setdefault(member, [])
        if index:
            key, name = index.split("=")
            values.append({key: name, "Value": scalar(item, "string")})
        elif not rest:
            values.append(self._value(item, inner.item(), at))
        else:
            if not values:
                values.append({})
            for element in values:
                self._put(element, rest, item, inner.item(), at)

    def _value(self, value, schema, path):
        kind = schema.kind()
        if isinstance(value, dict) and PULUMI_SIGNATURE in value:
            return ""
        if kind == "array":
            return self._array(value, schema.item(), path)
        if isinstance(value, list) and len(value) == 1 and not schema.is_map():
            value = value[0]
        if kind == "object":
            if schema.is_map() and isinstance(value, list) and all("name" in pair for pair in value):
                value = {pair["name"]: pair["value"] for pair in value}
            if not isinstance(value, (str, dict)):
                self.unmapped.append(f"{path} (a list where the model has one object)")
                return value
            if isinstance(value, str):
                # A JSON document of the service, for example a policy.
                return json.loads(value)
            if schema.is_map():
                inner = schema.map_value()
                return {key: item if inner is None else self._value(item, inner, path) for key, item in value.items()}
            result = {}
            self._members(result, value, schema, path)
            return result
        return scalar(value, kind)

    def _array(self, value, item, path):
        if isinstance(value, str):
            value = json.loads(value)
        if item is None:
            return value
        if isinstance(value, dict):
            pairs = [names for names in (("Key", "Value"), ("Name", "Value"), ("key", "value")) if set(names) <= item.members()]
            if pairs and not any(item.member(key) for key in value):
                (key_name, value_name), *_ = pairs
                return [{key_name: key, value_name: scalar(element, "string")} for key, element in value.items()]
            value = [value]
        return [self._value(element, item, path) for element in (value if isinstance(value, list) else [value])]


def steps(target):
    """Splits a row's path into members, each with the content of its brackets, or None without brackets."""
    return [(name, index if brackets else None) for name, brackets, index in re.findall(r"([^.\[]+)(\[([^\]]*)\])?", target)]


def scalar(value, kind):
    """Converts a value to the type that a model expects, as Pulumi's provider does."""
    if kind == "string" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "string" and isinstance(value, (int, float)):
        return str(int(value)) if float(value).is_integer() else str(value)
    if kind == "string" and isinstance(value, (dict, list)):
        return json.dumps(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind in ("integer", "number") and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value
