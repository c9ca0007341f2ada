"""For property tests: runs reads with the Python runner's own code, and reads results and files with Python's own modules.

Takes one JSON object per line, and answers each with one:
{"read": task, "inlineBytes", "key"}: the result's JSON text, as the Python runner makes it
{"parse": text, "format", "compression"}: a result's rows, numbers as they are written; inline or from S3
{"names", "values"}: an object of JSON texts, read in the same way
{"csv": text}, {"ndjson": text}: the rows of a file, and the line where each begins
{"gzip": base64}: what a gzip file holds
{"prices": rows, "codes"}: the values of each row of texts as they are stored, or null for a row that is not sound
{"error": statement}: the error that the Python runner reports for the server's
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


class Keeper:
    """One that never interrupts."""

    interruption = None

    def __init__(self):
        self.progress = {}


class Session:
    """A connection as the runner keeps it."""

    def __init__(self):
        self.connection = psycopg2.connect(database)
        self.connection.autocommit = True
        self.broken = False


def s3():
    """A client as the runner makes it."""
    return runner.aws_client("s3", config=runner.Config(s3={"addressing_style": "path"}))


def unique(pairs):
    """An object whose names differ."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("repeated name in %r" % names)
    return dict(pairs)


def loads(text):
    """JSON with its numbers as they are written."""
    return json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=unique)


def read(request):
    task = request["read"]
    settings = {"jobs": {"inlineBytes": request["inlineBytes"]}, "buckets": {"results": "results"}}
    output = runner.Output(S3, settings, task, request["key"])
    job = {"task": task, "sql": task["sql"], "timeoutSeconds": 60}
    rows, result = runner.read(job, SESSION, Keeper(), output)
    return result(rows)


def content_of(result, compression):
    """The unpacked bytes of a result in S3."""
    bucket, key = result["location"][len("s3://") :].split("/", 1)
    kept = S3.get_object(Bucket=bucket, Key=key)["Body"].read()
    if int(result["bytes"]) != len(kept) or result["sha256"] != hashlib.sha256(kept).hexdigest():
        raise ValueError("size or checksum of %r" % result)
    return gzip.decompress(kept) if compression == "gzip" else kept


def parse(text, kind, compression):
    """The rows of a result: lists of cells with the header first, or objects."""
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
    """The rows of a CSV file, without blank lines, each with the line where it begins."""
    reader = csv.reader(io.StringIO(text, newline=""))
    rows, line = [], 1
    for row in reader:
        if row:
            rows.append([line, row])
        line = reader.line_num + 1
    return rows


def ndjson_rows(text):
    """The objects of an NDJSON file, without blank lines, each with its line."""
    lines = enumerate(text.split("\n"), 1)
    return [[number, loads(line)] for number, line in lines if line.strip(" \t\r")]


NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def price_row(row, codes):
    """A row of prices as it is stored; None if one of its texts is not of its column's form."""
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
        found = runner.classify(error)
        return [found.code, found.category, found.retryable]
    raise ValueError("no error")


SESSION = Session()
S3 = s3() if os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") else None
for request in map(json.loads, sys.stdin):
    try:
        if "read" in request:
            answer = read(request)
        elif "values" in request:
            answer = dict(zip(request["names"], map(loads, request["values"])))
        elif "csv" in request:
            answer = csv_rows(request["csv"])
        elif "ndjson" in request:
            answer = ndjson_rows(request["ndjson"])
        elif "prices" in request:
            answer = [price_row(row, request["codes"]) for row in request["prices"]]
        elif "gzip" in request:
            answer = base64.b64encode(gzip.decompress(base64.b64decode(request["gzip"]))).decode()
        elif "error" in request:
            answer = error_of(request["error"])
        else:
            answer = parse(request["parse"], request["format"], request["compression"])
        print(json.dumps({"answer": answer}), flush=True)
    except Exception as error:  # pylint: disable=broad-except
        print(json.dumps({"error": repr(error)}), flush=True)
