"""For readBack.test.ts and load/readers.test.ts: runs reads with the Python runner's own code, and reads results with Python's own modules.

Takes one JSON object per line: {"read": {task}} answers the result's JSON text; {"parse": text, "format", "compression"}
answers its rows, numbers as they are written; {"values": [text]} answers JSON texts read in the same way; {"csv": text}
and {"ndjson": text} answer the rows of a file.
"""

import base64
import csv
import gzip
import importlib.util
import io
import json
import sys

import psycopg2

runner_file, database = sys.argv[1:]
spec = importlib.util.spec_from_file_location("runner", runner_file)
runner = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runner)
csv.field_size_limit(2**31 - 1)


class Keeper:
    """One that never interrupts."""

    interruption = None
    progress = {}


class Session:
    """A connection as the runner keeps it."""

    def __init__(self):
        self.connection = psycopg2.connect(database)
        self.connection.autocommit = True
        self.broken = False


def unique(pairs):
    """An object whose names differ."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("repeated name in %r" % names)
    return dict(pairs)


def loads(text):
    """JSON with its numbers as they are written."""
    return json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=unique)


def read(task):
    settings = {"jobs": {"inlineBytes": 10**9}, "buckets": {"results": "none"}}
    output = runner.Output(None, settings, task, "key")
    job = {"task": task, "sql": task["sql"], "timeoutSeconds": 60}
    rows, result = runner.read(job, SESSION, Keeper(), output)
    return result(rows)


def parse(text, kind, compression):
    """The rows of a result: lists of cells with the header first, or objects."""
    inline = loads(text)["inline"]
    if compression == "gzip":
        inline = gzip.decompress(base64.b64decode(inline)).decode()
        if kind == "json":
            return loads(inline)
    if kind == "csv":
        return list(csv.reader(io.StringIO(inline, newline=""), strict=True))
    if kind == "json":
        return inline
    assert inline == "" or inline.endswith("\n")
    return [loads(line) for line in inline.split("\n")[:-1]]


SESSION = Session()
for line in sys.stdin:
    request = json.loads(line)
    try:
        if "read" in request:
            answer = read(request["read"])
        elif "values" in request:
            answer = [loads(value) for value in request["values"]]
        elif "csv" in request:
            answer = [row for row in csv.reader(io.StringIO(request["csv"], newline="")) if row]
        elif "ndjson" in request:
            answer = [loads(one) for one in request["ndjson"].split("\n") if one.strip(" \t\r")]
        else:
            answer = parse(request["parse"], request["format"], request["compression"])
        print(json.dumps({"answer": answer}), flush=True)
    except Exception as error:  # pylint: disable=broad-except
        print(json.dumps({"error": repr(error)}), flush=True)
