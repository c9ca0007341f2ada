"""A Glue run: executes reads of the rates platform, one after another, until it is idle, too old or drained.

One file, for Glue's Python shell: Python 3.9, psycopg2 2.9.3 and boto3 1.21.21 of `--library-set analytics`. The tests
use the same libraries on a newer Python. The runner has the same contract as the TypeScript runner (runtime/runner):
every transition of a job is a function of the schema `jobs`, called with the same arguments. Its settings are job
arguments, or the environment variables that the other components read:

  --run ID --runner glue        this run
  --region NAME                 AWS_REGION
  --settings JSON               RATES_SETTINGS (runtime/platform/settings.ts)
  --catalog LOCATION            RATES_CATALOG: data of the TypeScript code (runtime/runner/glue/catalog.ts); s3:// or a path
  --database-host, -port, -name DATABASE_HOST, DATABASE_PORT, DATABASE_NAME
  --database-auth iam|password  DATABASE_AUTH; a password comes from DB_PASSWORD only
  --database-ca LOCATION        DATABASE_CA: the authorities of the server's certificate; s3:// or a path
"""

import argparse
import base64
import hashlib
import json
import os
import re
import resource
import select
import signal
import socket
import sys
import tempfile
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import boto3
import psycopg2
import psycopg2.extensions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Maximum seconds between the claims of an idle run, which are also its heartbeats.
POLL = 2.0
# Size of a part: S3's minimum. At most 10,000 parts allow results up to 48 GiB.
PART_BYTES = 5 * 1024 * 1024
# Time limits for a cancelled statement to end by itself, and for its session to end. Seconds.
CANCEL_SECONDS, END_SECONDS = 0.2, 30.0
# Pauses before a call is repeated, over a new connection if necessary: the first pause is doubled each time, up to the
# last. `repeat_conflicts` uses only the first. Seconds.
RECONNECT = (0.05, 1.0)
# Maximum number of calls of a statement that conflicts with another transaction, and the seconds after which no further
# call is made.
CONFLICT_CALLS, CONFLICT_SECONDS = 3, 5.0
# Sent responses are recorded when there are this many, or after this time: recording many costs as much as recording
# one. Well below the ten seconds after which the dispatcher sends an unrecorded response again. Seconds.
MAX_UNRECORDED, RECORD_AFTER = 50, 1.0
# Pauses after a call that recorded sent responses failed: the first one, doubled each time up to the last. Seconds.
RECORD_PAUSE = (1.0, 5.0)
# Time limit for an idle or ending run to record sent responses. Seconds.
SETTLE_SECONDS = 10.0
# Share of the machine's memory that a run's data may take.
MEMORY_SHARE = 0.9
# Messages of libpq when it cannot allocate memory for a row. Without memory for the message itself, psycopg2 reports
# that there is none.
NO_MEMORY = re.compile("out of memory|allocate memory|no message from the libpq")
# libpq's message when an administrator ends a session; psycopg2 drops the server's message with its SQLSTATE 57P01.
# A crash of the server, or a failover, also ends the keeper's connection, by which the run distinguishes them.
SESSION_ENDED = "server closed the connection unexpectedly"
# Beginning of a response's body with a trace context, written by the function jobs.traced_body.
TRACED = re.compile(r'\{"traceparent" : "(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})"')
END_OTHERS = """select pg_terminate_backend(pid) from pg_stat_activity
  where usename = current_user and datname = current_database() and pid <> pg_backend_pid()"""
# Current endpoints of services for which Glue's boto3 has an old name (eu-central-1.queue.amazonaws.com), which VPC
# endpoints do not serve.
CURRENT_ENDPOINTS = {"sqs": "https://sqs.{region}.amazonaws.com"}
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "json": "application/json",
}


def cut(message, maximum):
    """Shortens text, and converts it so that Postgres and SQS accept it; see runtime/contract/bounds.ts."""
    if len(message) > maximum:
        message = message[: maximum - 1] + "…"
    return re.sub("[\0\ud800-\udfff\ufffe\uffff]", "\ufffd", message)


class JobError(Exception):
    """An error of the registry."""

    def __init__(self, code, **params):
        entry = CATALOG["errors"][code]
        bounds = CATALOG["bounds"]
        # Without its parameter, {name?} is removed.
        message = re.sub(
            r"\{(\w+)(\??)\}",
            lambda match: cut(str(params.get(match[1], "" if match[2] else match[0])), bounds["parameter"]),
            entry["message"],
        )
        super().__init__(cut(message, bounds["message"]))
        self.code = code
        self.retryable = entry["retryable"]
        self.category = entry["category"]

    def body(self):
        return {
            "category": self.category,
            "type": self.code,
            "message": str(self),
            "retryable": self.retryable,
            "details": [],
        }


class Interrupted(Exception):
    """The work was ended from outside; `lease.interruption` has the reason."""


CATALOG = {"errors": {}, "sqlStates": {}, "otherSqlState": "InvalidSql", "valueTooLarge": "", "bounds": {}, "invisible": []}
# Memory that the run may use. Bytes.
MEMORY = None


# Beginning of a URL, or of a parameter that only credentials have.
SECRET_START = re.compile(
    r"\b[a-z][a-z0-9+.-]{0,20}:[\\/]{2}"
    r"|\b(?:x-amz-(?:signature|credential|security-token|algorithm)|sig|signature|password)(?:=|%3d)",
    re.IGNORECASE | re.ASCII,
)


def redact_message(message):
    """Cuts a message of Postgres at a URL or a credential, and escapes invisible characters.

    Like runtime/contract/redactJob.ts.
    """
    secret = SECRET_START.search(message)
    return escape_invisible(message[: secret.start()] + "…" if secret else message)


def escape_invisible(message):
    """Escapes invisible characters except tabs and line ends; see runtime/contract/invisible.ts."""
    ranges = "".join("%s-%s" % (re.escape(chr(first)), re.escape(chr(last))) for first, last in CATALOG["invisible"])
    return re.sub("[%s]" % ranges, escape_of, message) if ranges else message


def escape_of(match):
    """Returns the escape of an invisible character: \\u200B, or \\u{E0020} beyond four digits."""
    character = match.group()
    if character in "\t\n\r":
        return character
    return ("\\u{%05X}" if ord(character) > 0xFFFF else "\\u%04X") % ord(character)


def classify(error):
    """Classifies any error of a job's work, like runtime/contract/classify.ts."""
    if isinstance(error, JobError):
        return error
    if isinstance(error, MemoryError):
        return JobError("OutOfMemory", reason="MemoryError")
    if isinstance(error, psycopg2.Error):
        state = error.pgcode or ""
        reason = (error.diag.message_primary if error.diag else None) or str(error).strip()
        reason += getattr(error, "place", "")
        if state:
            reason = redact_message(reason)
        if state == "XX000" and reason.startswith(CATALOG["valueTooLarge"]):
            return JobError("InvalidSql", reason=reason)
        for length in (5, 3, 2):
            code = CATALOG["sqlStates"].get(state[:length]) if len(state) == 5 else None
            if code:
                return JobError(code, reason=reason)
        if len(state) == 5:
            return JobError(CATALOG["otherSqlState"], reason=reason)
        if not state and NO_MEMORY.search(reason):
            return JobError("OutOfMemory", reason="a row does not fit into it")
        if not state and SESSION_ENDED in reason:
            return JobError(CATALOG["sqlStates"]["57P01"], reason="the server ended the session")
        if isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError)):
            return JobError("DatabaseUnavailable", reason=reason)
        return JobError("Internal", reason=reason)
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        return JobError("StorageUnavailable", reason="%s: %s" % (details.get("Code"), details.get("Message")))
    if isinstance(error, BotoCoreError):
        return JobError("StorageUnavailable", reason="%s: %s" % (type(error).__name__, error))
    return JobError("Internal", reason=str(error))


def log(level, message, **data):
    """Writes a line. Text and line break are one write, since the run's threads share the output."""
    line = {"level": level, "time": int(time.time() * 1000), "run": OPTIONS.run, "runner": OPTIONS.runner}
    sys.stdout.write(json.dumps({**line, **data, "msg": message}) + "\n")
    sys.stdout.flush()


def text(value):
    """Returns JSON as the other components write it: without spaces, characters unescaped."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def peak_memory():
    """Returns the peak memory of this process. Bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def limit_memory():
    """Limits the memory of the process. Beyond the limit, allocations fail with an error that the job reports.

    Otherwise the kernel would kill the run. Returns the limit in bytes.
    """
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit_file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(limit_file, encoding="ascii") as file:
                sizes.append(int(file.read()))
        except (OSError, ValueError):  # another version of cgroups, or no limit
            pass
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    share = int(min(sizes) * MEMORY_SHARE)
    limit = share if hard == resource.RLIM_INFINITY else min(share, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    return limit


def aws_client(service, **options):
    """Creates a client of a service. Glue's boto3 (1.21) has neither AWS_ENDPOINT_URL_* nor SQS's current endpoint."""
    endpoint = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint and service in CURRENT_ENDPOINTS:
        endpoint = CURRENT_ENDPOINTS[service].format(region=boto3.session.Session().region_name)
    return boto3.client(service, endpoint_url=endpoint or None, **options)


def connect(role):
    """Connects with a role of the platform. IAM tokens are valid for 15 minutes, so each connection gets its own."""
    if OPTIONS.database_auth == "iam":
        password = aws_client("rds").generate_db_auth_token(
            DBHostname=OPTIONS.database_host, Port=OPTIONS.database_port, DBUsername=role
        )
    else:
        password = os.environ.get("DB_PASSWORD", "")
    tls = {"sslmode": "verify-full", "sslrootcert": OPTIONS.database_ca} if OPTIONS.database_ca else {}
    connection = psycopg2.connect(
        host=OPTIONS.database_host,
        port=OPTIONS.database_port,
        dbname=OPTIONS.database_name,
        user=role,
        password=password,
        application_name="rates " + role,
        client_encoding="UTF8",
        connect_timeout=10,
        keepalives=1,
        keepalives_idle=10,
        keepalives_interval=10,
        keepalives_count=3,
        **tls,
    )
    connection.autocommit = True
    return connection


def ask(connection, sql, *values):
    """Executes a statement and returns its first row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.fetchone()


def value(connection, sql, *values):
    """Executes a statement and returns the first column of its first row."""
    return ask(connection, sql, *values)[0]


def is_conflict(error):
    """Returns True if a conflict with another transaction rolled back the call, so that a repeat is safe."""
    return classify(error).code == "SerializationConflict"


def is_outage(error):
    """Returns True if the database was unavailable or read-only, or interrupted a call of the platform.

    The connection may be lost, and the call may have succeeded. 25006 would mean a write for a query of a caller; here
    it means that the server has become read-only.
    """
    is_read_only = getattr(error, "pgcode", None) == "25006"
    return is_read_only or classify(error).code in ("DatabaseUnavailable", "Interrupted")


def repeat_conflicts(call):
    """Repeats a call that a conflict with another transaction rolled back."""
    limit = time.monotonic() + CONFLICT_SECONDS
    for remaining in reversed(range(CONFLICT_CALLS)):
        try:
            return call()
        except psycopg2.Error as error:
            if remaining == 0 or time.monotonic() + RECONNECT[0] > limit or not is_conflict(error):
                raise
        time.sleep(RECONNECT[0])
    return None


def backend_of(connection):
    """Returns the process id and start time of a connection's session, since process ids are reused."""
    return ask(
        connection,
        "select pid, backend_start::text from pg_stat_activity where pid = pg_backend_pid()",
    )


def end_backend(backend):
    """Ends a database session and returns once it has ended: cancels its statement, then terminates it."""
    canceller = connect("canceller")
    try:
        session = "from pg_stat_activity where pid = %s and backend_start = %s"
        limit = time.monotonic() + END_SECONDS
        if ask(canceller, "select pg_cancel_backend(pid) " + session, *backend) is None:
            return
        cancel_limit = time.monotonic() + CANCEL_SECONDS
        while (
            time.monotonic() < cancel_limit
            and ask(canceller, "select " + session + " and state = 'active'", *backend) is not None
        ):
            time.sleep(0.005)
        while True:
            ask(canceller, "select count(pg_terminate_backend(pid)) " + session, *backend)
            if ask(canceller, "select " + session, *backend) is None:
                return
            if time.monotonic() > limit:
                raise RuntimeError("database session %s (started %s) does not end" % tuple(backend))
            time.sleep(0.02)
    finally:
        canceller.close()


class JobLease:
    """Keeps a job's lease during its work: records progress, detects a cancel, and enforces the timeout.

    Calls `after_heartbeat` after each heartbeat, unless that interrupts the work. The lease owns the run's keeper
    connection from its start to `stop`. To interrupt the work it ends the work's session; `stop` returns only when that
    session is known to have ended.
    """

    def __init__(self, connection, job, session, after_heartbeat):
        self.interruption = None
        self.progress = {"rows": 0, "bytes": 0}
        self._connection = connection
        self._after_heartbeat = after_heartbeat
        self._job = job
        self._session = session
        self._deadline = time.monotonic() + job["timeoutSeconds"]
        self._pause = min(1.0, job["leaseSeconds"] / 4)
        self._wake_out, self._wake_in = os.pipe()
        self._failure = None
        self._stopped = False
        self._stopped_at = None
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    @property
    def past_deadline(self):
        """True if the job's timeout had passed when its work stopped, or has passed now."""
        return (self._stopped_at or time.monotonic()) >= self._deadline

    def stop(self):
        """Stops heartbeats. Returns once an interruption has taken effect; raises if the session did not end."""
        if not self._stopped:
            self._stopped = True
            self._stopped_at = time.monotonic()
            os.write(self._wake_in, b".")
            self._thread.join()
            os.close(self._wake_in)
            os.close(self._wake_out)
        if self._failure:
            raise self._failure

    def _keep(self):
        seen = time.monotonic()
        due = seen + self._pause
        while not self._stopped:
            now = time.monotonic()
            if now >= self._deadline:
                return self._interrupt("timedOut")
            try:
                if not self._wait_for_notification(min(due, self._deadline) - now) and time.monotonic() < due:
                    continue
                outcome = self._send_heartbeat()
                seen = time.monotonic()
            except (psycopg2.Error, MemoryError):
                # The database is unreachable: once the lease has passed without a heartbeat, another run may have the
                # job.
                if time.monotonic() - seen > self._job["leaseSeconds"]:
                    return self._interrupt("lost")
                select.select([self._wake_out], [], [], self._pause)
                continue
            if outcome != "KEEP":
                return self._interrupt("cancelled" if outcome == "CANCEL" else "lost")
            self._after_heartbeat()
            due = time.monotonic() + self._pause
        return None

    def _wait_for_notification(self, seconds):
        """Waits at most the given time. Returns True if a notification for this run arrived; others are ignored."""
        connection = self._connection
        select.select([connection, self._wake_out], [], [], max(0.0, seconds))
        connection.poll()
        is_notified = any(notice.channel == "jobs_run_" + OPTIONS.run for notice in connection.notifies)
        connection.notifies.clear()
        return is_notified

    def _send_heartbeat(self):
        return value(
            self._connection,
            "select jobs.heartbeat(%s, %s, %s, %s)",
            OPTIONS.run,
            self._job["id"],
            self._job["attempt"],
            text(self.progress),
        )

    def _interrupt(self, reason):
        self.interruption = reason
        try:
            end_backend(self._session.backend)
        except Exception as error:  # pylint: disable=broad-except
            self._failure = error
        finally:
            self._session.hang_up()


def is_statement_timeout(error, lease):
    """Returns True if the server ended a statement at the job's own timeout, not on an administrator's request."""
    if getattr(error, "pgcode", None) != "57014":
        return False
    return lease.past_deadline or "statement timeout" in str(error)


class Session:
    """A connection that executes jobs, and its backend."""

    def __init__(self, role):
        self.connection = connect(role)
        if role != "job_reader":
            # Leftover sessions of an earlier run in the same slot could see and signal this session.
            with self.connection.cursor() as cursor:
                cursor.execute(END_OTHERS)
        self.backend = backend_of(self.connection)
        # True if it cannot be reused: rows may still arrive, or a caller's SQL has changed its settings.
        self.broken = False

    def hang_up(self):
        """Ends any wait for the server on this connection, whatever the server does."""
        try:
            with socket.socket(fileno=os.dup(self.connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
        except (psycopg2.InterfaceError, OSError):
            pass  # it has ended

    def is_usable(self):
        """Returns True if an idle session still exists; its end would be readable on the connection."""
        if self.broken or self.connection.closed:
            return False
        try:
            while select.select([self.connection], [], [], 0)[0]:
                self.connection.poll()
        except psycopg2.Error:
            return False
        return True


class Output:
    """Stores a streamed result: inline while it fits into a response, otherwise by a multipart upload to S3.

    Memory is constant: the inline result, or two parts, of which one is uploaded while the other is filled.
    """

    def __init__(self, s3, settings, task, key):
        self.bytes = 0
        self._s3 = s3
        self._format, self._compression = task["format"], task["compression"]
        self._limit = settings["jobs"]["inlineBytes"]
        self._target = {
            "Bucket": settings["buckets"]["results"],
            "Key": "%s.%s%s" % (key, self._format, ".gz" if self._compression == "gzip" else ""),
        }
        self._gzip = zlib.compressobj(1, zlib.DEFLATED, 31) if self._compression == "gzip" else None
        self._buffered = bytearray()
        self._hash = hashlib.sha256()
        self._upload, self._parts, self._uploading = None, [], None
        self._pool = None

    def write(self, chunk):
        self._store(self._gzip.compress(chunk) if self._gzip else chunk)

    def finish(self):
        """Returns a function that builds the result's JSON from the number of rows."""
        if self._gzip:
            self._store(self._gzip.flush())
        if self._upload is None:
            inline = self._inline()
            # The two characters that SQS refuses are escaped in a response: six bytes in place of three.
            escapes = 3 * (inline.count("\ufffe") + inline.count("\uffff"))
            # Escapes or base64 may make the text too large although its bytes are not.
            if len(inline.encode()) + escapes > self._limit:
                self._begin()
        if self._upload is None:
            return lambda rows: '{"inline":%s,"format":"%s","rows":%d}' % (inline, self._format, rows)
        if self._buffered:
            self._send()
        self._await_upload()
        self._complete()
        self._pool.shutdown()
        result = {
            "location": "s3://%s/%s" % (self._target["Bucket"], self._target["Key"]),
            "format": self._format,
            "compression": self._compression,
        }
        integrity = {"bytes": self.bytes, "sha256": self._hash.hexdigest()}
        return lambda rows: text({**result, "rows": rows, **integrity})

    def _inline(self):
        """Returns an inline result as JSON text: base64 if compressed, JSON unchanged, any other format as a string."""
        whole = bytes(self._buffered)
        if self._compression == "gzip":
            return text(base64.b64encode(whole).decode())
        return whole.decode() if self._format == "json" else text(whole.decode())

    def _begin(self):
        content_type = "application/gzip" if self._gzip else CONTENT_TYPES[self._format]
        self._upload = self._s3.create_multipart_upload(**self._target, ContentType=content_type)["UploadId"]
        self._pool = ThreadPoolExecutor(1)

    def _complete(self):
        try:
            self._s3.complete_multipart_upload(
                **self._target, UploadId=self._upload, MultipartUpload={"Parts": self._parts}
            )
        except ClientError as error:
            # Only this run has the upload, so an earlier call completed it and its response was lost.
            repeated = error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
            if not repeated or error.response["Error"].get("Code") != "NoSuchUpload":
                raise

    def abort(self):
        """Aborts the upload, which removes its parts. If that fails, the bucket's lifecycle rule removes them."""
        if self._upload is None:
            return
        try:
            self._await_upload()
        except Exception:  # pylint: disable=broad-except
            pass
        self._pool.shutdown()
        try:
            self._s3.abort_multipart_upload(**self._target, UploadId=self._upload)
        except (ClientError, BotoCoreError):
            pass

    def _store(self, chunk):
        if not chunk:
            return
        self.bytes += len(chunk)
        self._hash.update(chunk)
        self._buffered += chunk
        if self._upload is None:
            if self.bytes <= self._limit:
                return
            self._begin()
        while len(self._buffered) >= PART_BYTES:
            self._send()

    def _send(self):
        self._await_upload()
        part, number = bytes(self._buffered[:PART_BYTES]), len(self._parts) + 1
        del self._buffered[:PART_BYTES]
        self._uploading = self._pool.submit(
            self._s3.upload_part, **self._target, UploadId=self._upload, PartNumber=number, Body=part
        )

    def _await_upload(self):
        if self._uploading is not None:
            uploading, self._uploading = self._uploading, None
            tag = uploading.result()["ETag"]
            self._parts.append({"PartNumber": len(self._parts) + 1, "ETag": tag})


class Rows:
    """File-like target of COPY. Gathers rows to reduce calls, since the server sends one row at a time."""

    def __init__(self, output, task, lease):
        self.rows = -1 if task["format"] == "csv" else 0
        self._array = task["format"] == "json"
        self._output = output
        self._lease = lease
        self._gathered, self._size = [], 0

    def write(self, row):
        if self._array and self.rows == 0:
            row = b"[" + row[1:]
        self.rows += 1
        self._gathered.append(row)
        self._size += len(row)
        if self._size >= 64 * 1024:
            self.flush()

    def flush(self):
        if self._lease.interruption:
            raise Interrupted()
        self._output.write(b"".join(self._gathered))
        self._gathered, self._size = [], 0
        self._lease.progress.update(rows=max(0, self.rows), bytes=self._output.bytes)

    def finish(self):
        if self._array:
            self._gathered.append(b"[]" if self.rows == 0 else b"]")
        self.flush()


# The simple protocol accepts several statements, but a cursor accepts only one. EXPLAIN's options come before the SQL,
# so that the SQL cannot add its own.
OPEN_PLAN = """; select set_config('rates.sql', %s, true);
do $$ declare plan refcursor := 'rates_plan'; begin
  open plan for execute 'explain (format json) ' || current_setting('rates.sql');
end $$; fetch all from rates_plan"""


def prove_one_statement(cursor, begin, sql, lease):
    """Plans a caller's SQL, which proves that it is one statement: several could close the parentheses of COPY.

    Begins the transaction in the same round trip. Returns the statement that closes the plan's cursor.
    """
    try:
        cursor.execute(begin + OPEN_PLAN, (sql,))
    except psycopg2.Error as error:
        if error.pgcode == "42P11":  # invalid_cursor_definition: a cursor accepts only one statement
            reason = "cannot insert multiple commands into a prepared statement"
            raise JobError("NotOneStatement", reason=reason) from error
        error.place = place_of(error, sql)
        raise
    ((plan,),) = cursor.fetchall()
    lease.progress["estimatedRows"] = plan[0]["Plan"]["Plan Rows"]
    return "close rates_plan"


def place_of(error, sql):
    """Returns the position of an error in the caller's SQL, and the server's hint; see runtime/queries/explain.ts."""
    query, position, hint = error.diag.internal_query, error.diag.internal_position, error.diag.message_hint
    at = int(position or 0) - (len(query) - len(sql)) if query else 0
    lines = sql[:at].split("\n") if at >= 1 else []
    place = " (line %d, column %d)" % (len(lines), len(lines[-1])) if lines else ""
    return place + (". " + hint if hint else "")


# Maximum number of duplicated names that an error lists.
LISTED_NAMES = 10


def copy_statement(cursor, before, sql, result_format):
    """Builds the COPY statement that streams the result of one SELECT; see runtime/runner/copyStatement.ts.

    `before` runs first, in the round trip that describes the columns.
    """
    cursor.execute("%s; select * from (%s\n) described limit 0" % (before, sql))
    names = [column.name for column in cursor.description or []]
    if not names:
        raise JobError("InvalidSql", reason="the result has no columns. Select at least one.")
    if result_format == "csv":
        if len(names) == 1:
            # A NULL in the only column would be a blank line, which CSV readers skip.
            only = '"%s"' % names[0].replace('"', '""')
            sql = "select format('%%s', %s) as %s from (%s\n) only_column" % (only, only, sql)
        return "copy (%s\n) to stdout (format csv, header true)" % sql
    reject_duplicates(names, result_format)
    # A name that no column has, since row_to_json would use that column.
    row = next(name for name in map("row_%d".__mod__, range(len(names) + 1)) if name not in names)
    # A json value keeps the line breaks of its input, which can only be outside of JSON strings.
    json_row = "replace(replace(row_to_json(%s)::text, e'\\n', ' '), e'\\r', ' ')" % row
    if result_format == "json":
        json_row = "',' || " + json_row
    return "copy (select %s from (%s\n) %s) to stdout (format csv, quote e'\\x01', delimiter e'\\x02')" % (
        json_row,
        sql,
        row,
    )


def reject_duplicates(names, result_format):
    """Refuses columns with the same name, of which most readers of a JSON object keep only the last."""
    duplicates = [name for at, name in enumerate(names) if name in names[:at]]
    duplicates = list(dict.fromkeys(duplicates))
    if not duplicates:
        return
    listed = ", ".join("'%s'" % name for name in duplicates[:LISTED_NAMES])
    further = " and %d more" % (len(duplicates) - LISTED_NAMES) if len(duplicates) > LISTED_NAMES else ""
    reason = "several columns have the same name: %s%s. Give each its own name with AS, or ask for csv instead of %s."
    raise JobError("InvalidSql", reason=reason % (listed, further, result_format))


# Resets settings and locks that a caller's SQL left in the session: the parts of DISCARD ALL, which may not run in a
# transaction; see runtime/runner/read.ts.
RESET_AND_COMMIT = """close all; set session authorization default; reset all; deallocate all; unlisten *;
  select pg_advisory_unlock_all(); discard plans; discard temp; discard sequences; commit"""


def read(job, session, lease, output):
    """Runs a read in a read-only transaction. Returns the number of rows and the result of `Output.finish`."""
    task, sql = job["task"], job["sql"]
    with session.connection.cursor() as cursor:
        before = "begin transaction read only; set local statement_timeout = %d" % (job["timeoutSeconds"] * 1000)
        try:
            if "sql" in task:
                before = prove_one_statement(cursor, before, sql, lease)
            rows = Rows(output, task, lease)
            statement = copy_statement(cursor, before, sql, task["format"])
            session.broken = True
            # The statements after COPY do not run if it fails.
            cursor.copy_expert("%s;\n%s" % (statement, RESET_AND_COMMIT if "sql" in task else "commit"), rows)
            session.broken = False
            rows.finish()
            return rows.rows, output.finish()
        except BaseException as error:
            # A server's error ends the statement. After any other error, the session could be reused only after all rows
            # were read.
            if getattr(error, "pgcode", None):
                session.broken = False
            if not session.broken:
                try:
                    cursor.execute("rollback")
                except psycopg2.Error:
                    pass
                if "sql" in task and not session.connection.closed:
                    try:
                        cursor.execute("discard all")
                    except psycopg2.Error:
                        session.broken = True
            raise


class ResponseSender:
    """Sends responses in the background while the next job runs, several per call if several wait.

    Calls that end or claim jobs also record sent responses (`record_with`). After a failure only separate calls do
    (`record`), until one succeeds, so that jobs do not fail with the record. Recording a response twice is harmless
    (jobs.responses_sent).
    """

    # SQS's maximum entries and bytes per call; an upper bound of the bytes of a response's attributes.
    ENTRIES, BYTES, ATTRIBUTE_BYTES = 10, 1_048_576, 512

    def __init__(self, sqs, queues):
        self._sqs = sqs
        self._queues = queues
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._lock = threading.Lock()
        self._waiting, self._sent, self._sending = [], [], None
        # Time of the first unrecorded sending.
        self._sent_since = 0.0
        # Pause before the next separate call, because the last call that recorded sent responses failed; otherwise 0.
        self._pause, self._retry_at = 0.0, 0.0

    def add(self, response):
        with self._lock:
            self._waiting.append(response)
            if self._sending is None:
                self._sending = self._pool.submit(self._run)

    def record_with(self, call):
        """Makes a call that also records sent responses; it gets their ids, versions and message ids.

        It gets none if another call will soon record them. If these may be why the call failed, makes it again without
        them.
        """
        sent = [] if self._pause else self._take_unrecorded()
        try:
            return call(*self._columns(sent))
        except BaseException as error:
            if not sent:
                raise
            self._return_unrecorded(sent)
            # After an outage the call may have succeeded.
            if not isinstance(error, psycopg2.Error) or is_outage(error):
                raise
        return call([], [], [])

    def record(self, call, everything=False):
        """Makes a separate call that only records sent responses; it gets their ids, versions and message ids.

        Makes none if another call will soon record them, or during the pause after a failure, unless `everything` is
        true.
        """
        if self._pause and time.monotonic() < self._retry_at and not everything:
            return
        sent = self._take_unrecorded(everything or self._pause > 0)
        if not sent:
            return
        try:
            call(*self._columns(sent))
            self._pause = 0.0
        except BaseException as error:
            if not isinstance(error, psycopg2.Error) or is_conflict(error) or is_outage(error):
                self._return_unrecorded(sent)
                raise
            self._return_unrecorded([])
            log("warn", "sent responses could not be recorded; the dispatcher will send them again", error=str(error))

    def needs_separate_call(self):
        """Returns True if only a separate call records sent responses, because the last call failed."""
        return self._pause > 0

    def has_unrecorded(self):
        with self._lock:
            return bool(self._sent)

    @staticmethod
    def _columns(sent):
        return ([response[at] for response in sent] for at in range(3))

    def _take_unrecorded(self, everything=False):
        with self._lock:
            is_recent = time.monotonic() - self._sent_since < RECORD_AFTER
            if is_recent and len(self._sent) < MAX_UNRECORDED and not everything:
                return []
            sent, self._sent = self._sent, []
            return sent

    def _return_unrecorded(self, sent):
        """Keeps responses whose record failed for the next separate call."""
        with self._lock:
            self._sent[:0] = sent
        self._pause = min(RECORD_PAUSE[1], self._pause * 2 or RECORD_PAUSE[0])
        self._retry_at = time.monotonic() + self._pause

    def settle(self):
        """Returns when everything has been sent."""
        sending = self._sending
        if sending is not None:
            sending.result()

    def _run(self):
        while True:
            with self._lock:
                batch = self._batch()
                if not batch:
                    self._sending = None
                    return
            self._send(batch)

    def _batch(self):
        """Removes and returns the next responses that fit into one call, all for the queue of the first response."""
        batch, size = [], 0
        for response in self._waiting:
            size += len(response[-1].encode()) + self.ATTRIBUTE_BYTES
            other_queue = batch and self._queue(response) != self._queue(batch[0])
            if other_queue or len(batch) == self.ENTRIES or (batch and size > self.BYTES):
                break
            batch.append(response)
        del self._waiting[: len(batch)]
        return batch

    def _queue(self, response):
        return self._queues["tenants"].get(response[2], self._queues["responses"])

    def _send(self, batch):
        """Sends responses. A response that cannot be sent stays due, and the dispatcher sends it."""
        try:
            outcome = self._sqs.send_message_batch(
                QueueUrl=self._queue(batch[0]),
                Entries=[self._entry(at, response) for at, response in enumerate(batch)],
            )
        except (ClientError, BotoCoreError) as error:
            failed = [(response, str(error)) for response in batch]
        else:
            succeeded = [(batch[int(entry["Id"])], entry["MessageId"]) for entry in outcome.get("Successful", [])]
            sent = [(response[0], response[5], message) for response, message in succeeded]
            failed = [(batch[int(entry["Id"])], entry["Code"]) for entry in outcome.get("Failed", [])]
            with self._lock:
                if not self._sent:
                    self._sent_since = time.monotonic()
                self._sent += sent
            for response, _ in succeeded:
                log("info", "response sent", job=response[0], requestId=response[3], status=response[4])
        for response, error in failed:
            log("warn", "the response could not be sent; the dispatcher will send it", requestId=response[3], error=error)

    @staticmethod
    def _entry(at, response):
        _, response_id, _, request_id, status, _, body = response
        attributes = {"requestId": request_id, "status": status, "responseId": response_id}
        trace = TRACED.match(body)
        if trace:
            attributes["traceparent"] = trace.group(1)
        return {
            "Id": str(at),
            "MessageBody": body,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": text_value} for name, text_value in attributes.items()
            },
        }


class Run:
    """Claims and executes jobs until it has been idle for the idle time, its lifetime is over, or it is drained."""

    def __init__(self, settings):
        self._settings = settings
        self._keeper_connection = connect("job_keeper")
        self._session = None
        self._reader = "job_reader"
        style = {"addressing_style": "path"} if settings.get("pathStyleS3") else {}
        self._s3 = aws_client("s3", config=Config(s3=style))
        self._sender = ResponseSender(aws_client("sqs"), settings["queues"])
        self._draining = False
        self._end = float("inf")
        signal.signal(signal.SIGTERM, self._drain)

    def _drain(self, *_):
        self._draining = True

    def main(self):
        runner, jobs = self._settings["runners"]["glue"], self._settings["jobs"]
        poll = min(POLL, jobs["leaseSeconds"] / 3)
        self._listen()
        slot = self._ask("select jobs.run_started(%s, %s)", OPTIONS.run, MEMORY)
        if slot is None:
            return 0
        # Callers' own SQL runs as a role of the slot, so that it cannot see or signal other runs' sessions.
        self._reader = "job_reader_glue_%d" % slot if jobs.get("rawSql") else "job_reader"
        self._end = time.monotonic() + runner["lifetimeSeconds"]
        job_count, idle_since, next_claim = 0, time.monotonic(), None
        try:
            while (next_claim and next_claim[1]) or self._may_claim():
                session = self._open_session()
                running, job = next_claim or self._claim(session)
                next_claim = None
                if not running:
                    break
                if job:
                    response, next_claim = self._execute(job, session)
                    if response and response[-1] is not None:  # without a body, the queue must get no response
                        self._sender.add(response)
                    if self._sender.needs_separate_call():
                        self._record_in_time()
                    job_count, idle_since = job_count + 1, time.monotonic()
                    continue
                self._settle_responses()
                idle_left = idle_since + runner["idleSeconds"] - time.monotonic()
                if idle_left > 0:
                    self._wait(min(idle_left, poll))
                elif self._ask("select jobs.retire(%s)", OPTIONS.run):
                    break
            if not self._may_claim():
                ask(self._keeper_connection, "select jobs.drain(%s)", OPTIONS.run)
        finally:
            # Also if the database is unavailable, so that committed responses are sent.
            self._settle_responses()
        return job_count

    def _listen(self):
        with self._keeper_connection.cursor() as cursor:
            cursor.execute('listen jobs_waiting_glue; listen "jobs_run_%s"' % OPTIONS.run)

    def _may_claim(self):
        return not self._draining and time.monotonic() < self._end

    def _claimer(self, session):
        """Returns this run's data for a claim: the session that will do the work, and the location of its log."""
        log_location = os.environ.get("LOG_LOCATION", "/aws-glue/python-jobs/output")
        return (OPTIONS.run, *session.backend, log_location)

    def _claim(self, session):
        """Claims the next job. Returns True if this run may continue, and the job (None if no job waits)."""
        claim = "select jobs.claim(%s, %s, %s, %s, %s::bigint[], %s::bigint[], %s::text[])"
        try:
            return True, self._sender.record_with(
                lambda *sent: repeat_conflicts(lambda: self._ask(claim, *self._claimer(session), *sent))
            )
        except psycopg2.Error as error:
            if error.pgcode == "P0002":
                return False, None
            raise

    def _settle_responses(self):
        """Sends waiting responses and records them. The dispatcher sends unrecorded responses again."""
        self._sender.settle()
        if not self._sender.has_unrecorded():
            return
        try:
            self._persist(SETTLE_SECONDS, lambda: self._sender.record(self._responses_sent, everything=True))
        except psycopg2.Error as error:
            log("warn", "sent responses could not be recorded", error=str(error))

    def _record_in_time(self):
        """Records sent responses by a separate call, unless a later call soon does so."""
        try:
            self._sender.record(self._responses_sent)
        except (psycopg2.Error, MemoryError) as error:
            log("warn", "sent responses could not be recorded yet", error=str(error))

    def _responses_sent(self, *columns):
        self._ask("select jobs.responses_sent(%s::bigint[], %s::bigint[], %s::text[])", *columns)

    def _ask(self, sql, *values):
        return value(self._keeper_connection, sql, *values)

    def _wait(self, seconds):
        """Waits for a wake-up or the timeout."""
        connection = self._keeper_connection
        connection.poll()
        if not connection.notifies and select.select([connection], [], [], seconds)[0]:
            connection.poll()
        connection.notifies.clear()

    def _open_session(self):
        if self._session is None or not self._session.is_usable():
            if self._session:
                self._session.connection.close()
            self._session = Session(self._reader)
        return self._session

    def _execute(self, job, session):
        """Executes a claimed job.

        Returns the stored response, or None if another run has the job or the job waits again. Also returns the result
        of the claim that was made together with the job's end, in the form of `_claim`, or None.
        """
        lease = JobLease(self._keeper_connection, job, session, self._record_in_time)
        output = Output(self._s3, self._settings, job["task"], "%s/%d/result" % (job["responseId"], job["attempt"]))
        try:
            rows, result = read(job, session, lease, output)
            lease.stop()
            if lease.interruption:
                raise Interrupted()  # interrupted after the last row
            end = (job["id"], job["attempt"], "SUCCEEDED", result(rows), None, rows, output.bytes, peak_memory())
            if not self._may_claim():
                return self._finish(*end), None
            return self._finish_and_claim(end, session)
        except Exception as error:  # pylint: disable=broad-except
            output.abort()
            return self._conclude(job, session, lease, error), None

    def _conclude(self, job, session, lease, thrown):
        lease.stop()
        if lease.interruption or session.broken:
            session.connection.close()
        if lease.interruption == "lost":
            log("warn", "another run has the job", job=job["id"], attempt=job["attempt"])
            return None
        if lease.interruption == "cancelled":
            error = JobError("Cancelled")
        elif lease.interruption == "timedOut" or is_statement_timeout(thrown, lease):
            maximum = self._settings["jobs"]["maxTimeoutSeconds"]
            error = JobError("TimedOut", timeoutSeconds=job["timeoutSeconds"], maximum=maximum)
        else:
            error = self._cause_of(thrown)
        log("warn", str(error), job=job["id"], attempt=job["attempt"], error=error.code)
        return self._persist(job["leaseSeconds"], lambda: self._end_attempt(job, error), job=job["id"])

    def _cause_of(self, thrown):
        """Returns the error of an attempt. If only the job's session ended, an administrator ended it."""
        is_session_ended = isinstance(thrown, psycopg2.Error) and not thrown.pgcode and SESSION_ENDED in str(thrown)
        if is_session_ended and not self._is_connected():
            return JobError("DatabaseUnavailable", reason="the server closed all connections of the run")
        return classify(thrown)

    def _is_connected(self):
        try:
            self._ask("select true")
            return True
        except psycopg2.Error:
            return False

    def _persist(self, seconds, work, **logged):
        """Repeats an idempotent call after a conflict, or over a new connection if the run's own may be lost.

        `logged` are further fields of its log lines. See runtime/runner/persist.ts.
        """
        limit, wait = time.monotonic() + seconds, RECONNECT[0]
        while True:
            try:
                if self._keeper_connection.closed:
                    self._keeper_connection = connect("job_keeper")
                    self._listen()
                return work()
            except psycopg2.Error as error:
                may_be_lost = is_outage(error)
                if not (may_be_lost or is_conflict(error)) or time.monotonic() + wait > limit:
                    raise
                log("warn", "repeating a call to the database", error=str(error), **logged)
                if may_be_lost:
                    self._keeper_connection.close()
            time.sleep(wait)
            wait = min(RECONNECT[1], wait * 2)

    def _end_attempt(self, job, error):
        """Requeues a failed job, or ends it. Idempotent."""
        body = text(error.body())
        if error.retryable and error.category != "User":
            outcome = self._ask("select jobs.retry(%s, %s, %s, %s)", job["id"], job["attempt"], body, peak_memory())
            return None if outcome == "RETRIED" else self._due(job)
        status = "CANCELLED" if error.code == "Cancelled" else "FAILED"
        # No row: another run has the job, or an earlier call, whose response was lost, ended it.
        end = (job["id"], job["attempt"], status, None, body, 0, 0, peak_memory())
        return self._finish(*end) or self._due(job)

    def _finish(self, *end):
        return ask(self._keeper_connection, "select * from jobs.finish(%s, %s, %s, %s, %s, %s, %s, %s)", *end)

    def _finish_and_claim(self, end, session):
        sql = (
            "select * from jobs.finish_and_claim(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, "
            "%s::bigint[], %s::bigint[], %s::text[])"
        )
        *response, running, next_job = self._sender.record_with(
            lambda *sent: repeat_conflicts(
                lambda: ask(self._keeper_connection, sql, *end, *self._claimer(session), *sent)
            )
        )
        return (response if response[0] is not None else None), (running, next_job)

    def _due(self, job):
        return ask(self._keeper_connection, "select * from jobs.due_responses(1, array[%s]::bigint[])", job["id"])


def options(arguments):
    """Parses the job's arguments, ignoring those that Glue adds."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--run", required=True)
    parser.add_argument("--runner", choices=["glue"], required=True)
    env = os.environ.get
    parser.add_argument("--region", default=env("AWS_REGION"))
    parser.add_argument("--settings", default=env("RATES_SETTINGS", "{}"))
    parser.add_argument("--catalog", default=env("RATES_CATALOG"))
    parser.add_argument("--database-host", default=env("DATABASE_HOST", "127.0.0.1"))
    parser.add_argument("--database-port", type=int, default=int(env("DATABASE_PORT", "5432")))
    parser.add_argument("--database-name", default=env("DATABASE_NAME", "rates"))
    parser.add_argument("--database-auth", default=env("DATABASE_AUTH", "password"))
    parser.add_argument("--database-ca", default=env("DATABASE_CA"))
    return parser.parse_known_args(arguments)[0]


def local(location):
    """Returns the path of a local file, or of a local copy of an object in S3."""
    if not location or not location.startswith("s3://"):
        return location
    bucket, key = location[len("s3://") :].split("/", 1)
    path = os.path.join(tempfile.mkdtemp(), os.path.basename(key))
    aws_client("s3").download_file(bucket, key, path)
    return path


if __name__ == "__main__":
    OPTIONS = options(sys.argv[1:])
    MEMORY = limit_memory()
    if OPTIONS.region:
        os.environ["AWS_DEFAULT_REGION"] = OPTIONS.region
    OPTIONS.database_ca = local(OPTIONS.database_ca)
    with open(local(OPTIONS.catalog), encoding="utf-8") as file:
        CATALOG = json.load(file)
    log("info", "ended", jobs=Run(json.loads(OPTIONS.settings)).main())
