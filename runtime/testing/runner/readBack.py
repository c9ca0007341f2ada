"""Runs reads with the Python runner's own code, and reads results and files with Python's own modules, for property tests.

Reads one JSON object per line, and writes one for each:
{"read": task, "inlineBytes", "key"}: the result's JSON text, as the Python runner creates it
{"parse": text, "format", "compression"}: a result's rows, numbers as they are written; inline or from S3
{"names", "values"}: an object of these names and values, which are JSON texts, read in the same way
{"csv": text}, {"ndjson": text}: the rows of a file, and the line where each begins
{"gzip": base64}: the contents of a gzip file
{"prices": rows, "codes"}: the values of each row of texts as they are stored, or null for an invalid row
{"error": statement}: the error that the Python runner reports for the server's error
"""

import base64
import csv
import datetime
import decimal
import gzip
import hashlib
import importlib.util
import io
import json
import os
import re
import sys

import psycopg2

runner_file, database = sys.argv[1:]
spec = importlib.util.spec_from_file_location("runner", runner_file)
runner = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runner)
runner.CATALOG = json.loads(os.environ["RATES_CATALOG_JSON"])
csv.field_size_limit(2**31 - 1)


class FakeLease:
    """A job lease that never interrupts."""

    interruption = None

    def __init__(self):
        self.progress = {}


class Session:
    """A session with the attributes that the runner uses."""

    def __init__(self):
        self.connection = psycopg2.connect(database)
        self.connection.autocommit = True
        self.broken = False


def s3():
    """Creates a client as the runner does."""
    return runner.aws_client("s3", config=runner.Config(s3={"addressing_style": "path"}))


def unique(pairs):
    """Creates an object, and refuses repeated names."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("repeated name in %r" % names)
    return dict(pairs)


def loads(text):
    """Parses JSON and keeps its numbers as text."""
    return json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=unique)


def read(request):
    task = request["read"]
    settings = {"jobs": {"inlineBytes": request["inlineBytes"]}, "buckets": {"results": "results"}}
    output = runner.Output(S3, settings, task, request["key"])
    job = {"task": task, "sql": task["sql"], "timeoutSeconds": 60}
    rows, result = runner.read(job, SESSION, FakeLease(), output)
    return result(rows)


def content_of(result, compression):
    """Returns the decompressed bytes of a result in S3."""
    bucket, key = result["location"][len("s3://") :].split("/", 1)
    data = S3.get_object(Bucket=bucket, Key=key)["Body"].read()
    if int(result["bytes"]) != len(data) or result["sha256"] != hashlib.sha256(data).hexdigest():
        raise ValueError("size or checksum of %r" % result)
    return gzip.decompress(data) if compression == "gzip" else data


def parse(text, kind, compression):
    """Returns a result's rows (lists of cells with the header first, or objects), their stated number, and its CSV text."""
    result = loads(text)
    if "location" in result:
        inline = content_of(result, compression).decode()
    elif compression == "gzip":
        inline = gzip.decompress(base64.b64decode(result["inline"])).decode()
    elif kind == "json":
        return {"read": result["inline"], "rows": int(result["rows"])}
    else:
        inline = result["inline"]
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(inline, newline=""), strict=True))
    elif kind == "json":
        rows = loads(inline)
    else:
        assert inline == "" or inline.endswith("\n")
        rows = [loads(line) for line in inline.split("\n")[:-1]]
    return {"read": rows, "rows": int(result["rows"]), "csv": inline if kind == "csv" else ""}


def csv_rows(text):
    """Returns the rows of a CSV file, without blank lines, each with the line where it begins."""
    reader = csv.reader(io.StringIO(text, newline=""))
    rows, line = [], 1
    for row in reader:
        if row:
            rows.append([line, row])
        line = reader.line_num + 1
    return rows


def ndjson_rows(text):
    """Returns the objects of an NDJSON file, without blank lines, each with its line."""
    lines = enumerate(text.split("\n"), 1)
    return [[number, loads(line)] for number, line in lines if line.strip(" \t\r")]


NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def price_row(row, codes):
    """Returns a row of prices as it is stored; None if a text is not valid in its column."""
    origin, destination, day, price = row
    if origin not in codes or destination not in codes or not DAY.fullmatch(day) or not NUMBER.fullmatch(price):
        return None
    try:
        datetime.date(*map(int, day.split("-")))
        number = decimal.Decimal(price)
    except (ValueError, decimal.InvalidOperation):
        return None
    # Decimals of any length compare exactly.
    if not 1 <= number <= 2147483647 or number != int(number):
        return None
    return [origin, destination, day, int(number)]


def error_of(statement):
    """Returns the runner's report of the server's error."""
    try:
        with SESSION.connection.cursor() as cursor:
            cursor.execute(statement)
    except psycopg2.Error as error:
        classified = runner.classify(error)
        return [classified.code, classified.category, classified.retryable]
    raise ValueError("no error")


SESSION = Session()
S3 = s3() if os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") else None
for request in map(json.loads, sys.stdin):
    try:
        if "read" in request:
            result = read(request)
        elif "values" in request:
            result = dict(zip(request["names"], map(loads, request["values"])))
        elif "csv" in request:
            result = csv_rows(request["csv"])
        elif "ndjson" in request:
            result = ndjson_rows(request["ndjson"])
        elif "prices" in request:
            result = [price_row(row, request["codes"]) for row in request["prices"]]
        elif "gzip" in request:
            result = base64.b64encode(gzip.decompress(base64.b64decode(request["gzip"]))).decode()
        elif "error" in request:
            result = error_of(request["error"])
        else:
            result = parse(request["parse"], request["format"], request["compression"])
        print(json.dumps({"result": result}), flush=True)
    except Exception as error:  # pylint: disable=broad-except
        print(json.dumps({"error": repr(error)}), flush=True)
