"""Checks values against botocore's service models: required members, types, enumerations, patterns, lengths and ranges.

botocore itself checks only required members, types and minima, and leaves the models' other constraints to AWS.
"""

import functools

import botocore.loaders
import botocore.model
import regex

_loader = botocore.loaders.Loader()


@functools.lru_cache(maxsize=None)
def service(name):
    """Returns the model of a service by its name in botocore, for example `sqs`."""
    return botocore.model.ServiceModel(_loader.load_service_model(name, "service-2"), name)


def operation_input(name):
    """Returns the input shape of an operation, for example `sqs.SendMessage`; None if it has no input."""
    service_name, operation = name.split(".")
    return service(service_name).operation_model(operation).input_shape


def member(shape, name):
    """Returns the name of a structure's member regardless of case; None if there is no such member."""
    if shape is None or shape.type_name != "structure":
        return None
    return next((each for each in shape.members if each.lower() == name.lower()), None)


@functools.lru_cache(maxsize=None)
def pattern(text):
    """Compiles a model's pattern. In its Java syntax, characters outside the basic plane are surrogate pairs."""
    return regex.compile(text.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF"))


def problems(shape, value, path=""):
    """Yields `(path, rule, message)` for each constraint of a shape that a value breaks."""
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path)
    elif kind == "list":
        if not isinstance(value, list):
            yield path, "type", f"must be a list, not {value!r}"
            return
        yield from _bounds(shape, len(value), path, "items")
        for index, item in enumerate(value):
            yield from problems(shape.member, item, f"{path}[{index}]")
    elif kind == "map":
        if not isinstance(value, dict):
            yield path, "type", f"must be a map, not {value!r}"
            return
        yield from _bounds(shape, len(value), path, "entries")
        for key, item in value.items():
            yield from problems(shape.key, key, f"{path}.{key} (key)")
            yield from problems(shape.value, item, f"{path}.{key}")
    elif kind in ("string", "blob", "character"):
        yield from _text(shape, value, path)
    elif kind in ("integer", "long", "short", "byte", "float", "double", "big_integer"):
        is_integer = kind not in ("float", "double")
        if isinstance(value, bool) or not isinstance(value, int if is_integer else (int, float)):
            yield path, "type", f"must be {kind}, not {value!r}"
            return
        yield from _bounds(shape, value, path, "", "range")
    elif kind == "boolean" and not isinstance(value, bool):
        yield path, "type", f"must be true or false, not {value!r}"


def _structure(shape, value, path):
    if not isinstance(value, dict):
        yield path, "type", f"must be an object, not {value!r}"
        return
    # A union (a structure of which exactly one member is set) is checked like any other structure.
    for name in shape.required_members:
        if value.get(name) is None:
            yield path, "required", f"has no {name}"
    for name, item in value.items():
        if name not in shape.members:
            yield f"{path}.{name}".lstrip("."), "unknown", "is not a member of " + shape.name
        elif item is not None:
            yield from problems(shape.members[name], item, f"{path}.{name}".lstrip("."))


def _text(shape, value, path):
    if not isinstance(value, str):
        if shape.type_name != "blob":
            yield path, "type", f"must be text, not {value!r}"
        return
    yield from _bounds(shape, len(value), path, "characters")
    enumeration = shape.metadata.get("enum")
    if enumeration and value not in enumeration:
        yield path, "enum", f"{value!r} is not one of {', '.join(map(str, enumeration[:12]))}"
    text = shape.metadata.get("pattern")
    if text and not pattern(text).fullmatch(value):
        yield path, "pattern", f"{value[:120]!r} does not match {text}"


def _bounds(shape, size, path, unit, name="length"):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield path, name, f"{size} {unit} is less than {least}".replace("  ", " ")
    if most is not None and size > most:
        yield path, name, f"{size} {unit} is more than {most}".replace("  ", " ")
