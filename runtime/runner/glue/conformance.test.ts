import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { JobError } from "../../contract/errors.ts";
import { handleRequests } from "../../dispatcher/requests.ts";
import { cancel } from "../../store/jobs.ts";
import { sqsEvent } from "../../testing/dispatcher.ts";
import { requirePython } from "../../testing/python/python.ts";
import { testPlatform } from "../../testing/runner/runner.ts";

/** A read that both runners execute: its SQL and options. */
interface Case {
  readonly sql: string;
  readonly format: "csv" | "ndjson" | "json";
  readonly compression?: "gzip";
  readonly timeoutSeconds?: number;
  /** True if the result must be in S3, false if it must be inline. */
  readonly isInS3?: boolean;
}

const ODD = `select * from (values
  (1, 'plain', null::text, 1.50::numeric, date '2021-01-31', true, '{"a": [1, "x"]}'::jsonb, array[1, 2]),
  (2, 'quo"te, back\\slash' || chr(10) || 'line', '', -0.001, null, false, null, null),
  (3, 'Tromsø 東京 🚢' || chr(9) || chr(1) || chr(8232), 'x', 'NaN', '0099-12-31', null, '[]', '{}')
) as odd (n, words, nothing, amount, day, flag, document, list)`;
/** A query whose rows gzip hardly compresses, for results larger than a response or than one part of an upload. */
const many = (rows: number) => `select n, md5(n::text) || md5((-n)::text) as filler from generate_series(1, ${rows}) n`;

/** Reads for which both runners must return the same result. */
const EQUAL_RESULT_CASES: Record<string, Case> = {};
for (const format of ["csv", "ndjson", "json"] as const)
  for (const compression of [undefined, "gzip"] as const) {
    const more = compression ? { compression } : {};
    const name = `${format}${compression ? " with gzip" : ""}`;
    EQUAL_RESULT_CASES[`odd values as ${name}`] = { sql: ODD, format, ...more };
    EQUAL_RESULT_CASES[`no rows as ${name}`] = { sql: "select 1 as n where false", format, ...more };
    EQUAL_RESULT_CASES[`a result beyond a response as ${name}`] = { sql: many(20_000), format, isInS3: true, ...more };
  }
/** Beginning of SQL for JSON with line breaks, names that could collide with those of the COPY statement, and values that COPY quotes. */
const AWKWARD = String.raw`select E'{"a":\n1,\r\n"b": [\n]}'::json as j, array[E'[\n1]'::json] as list, row(E'{\n}'::json) as composite,
  E'a\nb\rc\x01\x02' as text, 5 as result, 6 as row_0, 7 as "row_1", 8 as "na""me, é
line", null as nothing, 'NaN'::float8 as nan, '-infinity'::date as never, '\x00ff'::bytea as bytes, 'ab'::char(4) as padded, true as flag
  from generate_series(1, `;
for (const format of ["csv", "ndjson", "json"] as const) {
  EQUAL_RESULT_CASES[`awkward values as ${format}`] = { sql: `${AWKWARD}2)`, format };
  EQUAL_RESULT_CASES[`many awkward values as ${format}`] = { sql: `${AWKWARD}2000)`, format };
  EQUAL_RESULT_CASES[`one column that is null as ${format}`] = {
    sql: "select x from (values (1, true), (2, null), (3, false)) as v (n, x) order by n",
    format,
  };
}
/** SQL for JSON that the type json accepts and jsonb refuses. */
const BEYOND_JSONB = String.raw`select '{"nul":"\u0000","half":"\ud800","twice":1,"twice":2,"big":1e200000}'::json as j from generate_series(1, `;
for (const format of ["csv", "ndjson", "json"] as const)
  for (const isInS3 of [false, true])
    EQUAL_RESULT_CASES[`JSON beyond jsonb as ${format}, ${isInS3 ? "in S3" : "inline"}`] = {
      sql: `${BEYOND_JSONB}${isInS3 ? 20_000 : 2})`,
      format,
      isInS3,
    };
EQUAL_RESULT_CASES["a result of several parts"] = { sql: many(200_000), format: "ndjson", isInS3: true };
/** Reads that must fail with the same error in both runners. */
const EQUAL_ERROR_CASES: Record<string, Case> = {
  "bad SQL": { sql: "select nothing from nowhere", format: "csv" },
  "a misspelled column on the second line": { sql: 'select 1 as "é🚢",\n  nme from ports', format: "csv" },
  "an operator that does not exist": { sql: "select 'a'::text + 1", format: "ndjson" },
  "a division by zero after some rows": {
    sql: "select 1 / (500000 - n) from generate_series(1, 1000000) n",
    format: "csv",
  },
  "a signed URL that Postgres repeats": { sql: "select 'https://h/a b?x=SECRET' :: int", format: "csv" },
  "a credential that Postgres repeats": { sql: "select 'X-Amz-Signature%3dSECRET' :: int", format: "csv" },
  "a write": { sql: "delete from prices returning 1", format: "csv" },
  "tables that a read may not see": { sql: "select * from jobs.tokens", format: "csv" },
  "a timeout": { sql: "select pg_sleep(30)", format: "csv", timeoutSeconds: 1 },
  "two columns with the same name as JSON": { sql: "select 1 as n, 2 as m, 3 as n", format: "json" },
  "many duplicated names as NDJSON": {
    sql: `select ${Array.from({ length: 30 }, (_, at) => `${at} as "c${at % 15}"`).join(", ")}`,
    format: "ndjson",
  },
  "two columns with the same name in a slow read": {
    sql: "select 1 as n, 2 as n from pg_sleep(20)",
    format: "json",
    timeoutSeconds: 1,
  },
  "no columns": { sql: "select from generate_series(1, 3)", format: "csv" },
  "several statements": { sql: "select 1; drop table prices", format: "csv" },
  "a way out of the parentheses": { sql: "select 1) to stdout; commit; delete from prices; --", format: "csv" },
};
/** SQL that repeats the requests of sent responses just before these responses are recorded as sent. */
const REPEAT_BEFORE_RECORD = `
  alter function jobs.responses_sent(bigint[], bigint[], text[]) rename to record_sent;
  create function jobs.responses_sent(p_responses bigint[], p_versions bigint[], p_messages text[])
  returns void language plpgsql security definer as $$
  begin
    perform jobs.accept((
      select json_agg(json_build_object('tenant', tenant, 'requestId', request_id, 'requestHash', request_hash, 'isRepeat', true))
      from jobs.jobs where id = any (p_responses)));
    perform jobs.record_sent(p_responses, p_versions, p_messages);
  end
  $$;
  grant execute on function jobs.responses_sent(bigint[], bigint[], text[]) to job_keeper`;
const RESTORE_RECORD = `
  drop function jobs.responses_sent(bigint[], bigint[], text[]);
  alter function jobs.record_sent(bigint[], bigint[], text[]) rename to responses_sent`;
/** Time limit for a runner to execute one read and end. Milliseconds. */
const TIMEOUT_MS = 25_000;
/** Cases whose errors have the server's own text, which depends on how the SQL was parsed. */
const SERVER_TEXT_CASES = new Set(["several statements", "a write", "a way out of the parentheses"]);

describe("the Python runner, compared with the TypeScript runner", () => {
  let p: Awaited<ReturnType<typeof testPlatform>>;
  let python = "";
  before(async function () {
    python = requirePython(this, "python");
    p = await testPlatform({ jobs: { leaseSeconds: 30, maxAttempts: 1 } });
  });
  after(() => p?.close());

  const LANGUAGES = ["typescript", "python"] as const;
  const request = async (requestId: string, read: Case) => {
    const { timeoutSeconds, isInS3: _, ...task } = read;
    const time = timeoutSeconds ? { timeoutSeconds } : {};
    await p.requestUnchecked({ requestId, task: { type: "read", ...task }, ...time });
  };
  const run = (language: (typeof LANGUAGES)[number]) => {
    const [first] = p.startRuns("glue", undefined, language === "python" ? python : undefined);
    assert.ok(first, "a run was planned");
    return first;
  };
  /** Lets both runners execute the same read. Returns the response and the document of each. */
  const runBoth = async (name: string, read: Case) => {
    const responses = [];
    for (const language of LANGUAGES) {
      const requestId = `${language}-${name.replace(/[^a-z0-9]/gi, "_")}`;
      await request(requestId, read);
      const process = run(language);
      const timeout = pause(TIMEOUT_MS, `the ${language} runner has not ended`, { ref: false });
      assert.equal(await Promise.race([process.exit, timeout]), 0, process.output());
      await p.admin.query("update jobs.runs set state = 'ENDED' where id = $1", [process.run]);
      const messages = await p.receive(p.context.queues.responses);
      const own = messages.filter(({ Body }) => JSON.parse(Body ?? "").requestId === requestId);
      assert.equal(own.length, 1, process.output());
      const response = JSON.parse(own[0]?.Body ?? "");
      const attributes = Object.keys(own[0]?.MessageAttributes ?? {}).sort();
      const document = await p.document(requestId);
      responses.push({ body: own[0]?.Body ?? "", response, attributes, document });
    }
    const [fromTypeScript, fromPython] = responses;
    assert.ok(fromTypeScript && fromPython);
    return { typescript: fromTypeScript, python: fromPython };
  };
  const content = async (location: string) => {
    const [bucket = "", ...key] = location.slice("s3://".length).split("/");
    const { Body } = await p.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key.join("/") }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  };
  /** Returns the content of a result, inline or in S3, compressed or not. */
  const rowsOf = async ({ result }: { result: Record<string, string> }): Promise<string> => {
    if (result.location) {
      const bytes = await content(result.location);
      assert.equal(createHash("sha256").update(bytes).digest("hex"), result.sha256);
      assert.equal(bytes.length, result.bytes);
      return (result.compression === "gzip" ? gunzipSync(bytes) : bytes).toString();
    }
    const { inline } = result;
    if (typeof inline !== "string") return JSON.stringify(inline);
    const isBase64 = /^H4sI/.test(inline);
    return isBase64 ? gunzipSync(Buffer.from(inline, "base64")).toString() : inline;
  };
  /** Returns a response without ids, times, memory, and values that depend on the compressor. */
  const comparable = (response: Record<string, Record<string, unknown>>) => {
    const { requestId: _r, responseId: _i, stats = {}, result = {}, ...rest } = response;
    const { rows, attempts } = stats;
    const { location, sha256: _s, bytes: _b, inline: _l, ...same } = result;
    return { ...rest, stats: { rows, attempts }, result: { ...same, isInS3: location !== undefined } };
  };

  for (const [name, read] of Object.entries(EQUAL_RESULT_CASES))
    it(`returns the same result: ${name}`, async () => {
      const { typescript, python } = await runBoth(name, read);
      const { response } = typescript;
      if (read.isInS3 !== undefined) assert.equal(response.result.location !== undefined, read.isInS3);
      assert.deepEqual(comparable(python.response), comparable(response));
      assert.equal(await rowsOf(python.response), await rowsOf(typescript.response));
      assert.deepEqual(python.attributes, typescript.attributes);
      assert.deepEqual(Object.keys(python.response), Object.keys(typescript.response));
      assert.deepEqual(Object.keys(python.document.stats).sort(), Object.keys(typescript.document.stats).sort());
      const attempt = (document: { attempts: object[] }) => Object.keys(document.attempts[0] ?? {}).sort();
      assert.deepEqual(
        attempt(python.document).filter((key) => key !== "logLocation"),
        attempt(typescript.document).filter((key) => key !== "logLocation"),
      );
      if (read.compression) return;
      assert.equal(python.response.stats.bytes, typescript.response.stats.bytes);
      const text = (body: string) => /"result" ?: ?(.*), "stats"/.exec(body)?.[1];
      if (!typescript.response.result.location) assert.equal(text(python.body), text(typescript.body));
    });

  for (const [name, read] of Object.entries(EQUAL_ERROR_CASES))
    it(`fails with the same error: ${name}`, async () => {
      const { typescript, python } = await runBoth(name, read);
      const error = ({ response }: typeof python) => {
        const { message, ...rest } = response.error;
        return SERVER_TEXT_CASES.has(name) ? rest : { message, ...rest };
      };
      assert.equal(typescript.response.status, "FAILED");
      assert.deepEqual(error(python), error(typescript));
      assert.equal(python.document.status, typescript.document.status);
    });

  it("returns the caller's trace context, in the body and as a message attribute", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (const language of LANGUAGES) {
      const event = sqsEvent({ requestId: `${language}-trace`, task: { type: "read", sql: "select 1 as n" } });
      for (const record of event.Records)
        record.messageAttributes = { traceparent: { stringValue: traceparent, dataType: "String" } };
      await handleRequests(p.context, event);
      const process = run(language);
      assert.equal(await process.exit, 0, process.output());
      await p.admin.query("update jobs.runs set state = 'ENDED' where id = $1", [process.run]);
      // Responses of earlier tests become visible again in the meantime.
      const responses = await p.receive(p.context.queues.responses);
      const [message, ...more] = responses.filter(
        ({ Body }) => JSON.parse(Body ?? "{}").requestId === `${language}-trace`,
      );
      const body = JSON.parse(message?.Body ?? "{}");
      assert.deepEqual(
        [body.requestId, body.status, body.traceparent],
        [`${language}-trace`, "SUCCEEDED", traceparent],
      );
      assert.equal(message?.MessageAttributes?.traceparent?.StringValue, traceparent);
      assert.equal(more.length, 0);
    }
  });

  it("ends its session before it reports CANCELLED", async () => {
    await request("python-cancel", { sql: "select pg_sleep(60)", format: "csv" });
    const process = run("python");
    await p.until("it runs", async () => (await p.document("python-cancel")).status === "IN_PROGRESS");
    await cancel(await p.as("api_reader"), "default", "python-cancel");
    await p.until("it is cancelled", async () => (await p.document("python-cancel")).status === "CANCELLED");
    const { rows } = await p.admin.query(
      "select from pg_stat_activity where datname = current_database() and query like '%pg_sleep(60)%' and state = 'active' and pid <> pg_backend_pid()",
    );
    assert.equal(rows.length, 0);
    assert.deepEqual((await p.document("python-cancel")).error, new JobError("Cancelled").body());
    assert.equal(await process.exit, 0, process.output());
  });

  it("sends responses to the tenant's own queue if it has one", async () => {
    await p.admin.query("update jobs.runs set state = 'ENDED'");
    await p.request({ requestId: "python-tenant", tenant: "acme", task: { type: "read", sql: "select 1 as n" } });
    const process = run("python");
    assert.equal(await process.exit, 0, process.output());
    const [response, ...more] = await p.receive(p.context.queues.tenants.acme ?? "");
    assert.equal(JSON.parse(response?.Body ?? "{}").requestId, "python-tenant");
    assert.equal(more.length, 0);
  });

  for (const language of LANGUAGES)
    it(`keeps a response due if its request is repeated before the response is recorded as sent: ${language}`, async () => {
      await p.admin.query("update jobs.runs set state = 'ENDED'");
      await request(`${language}-recorded`, { sql: "select 1 as n", format: "json" });
      const recorded = run(language);
      assert.equal(await recorded.exit, 0, recorded.output());
      await p.admin.query("update jobs.runs set state = 'ENDED'");
      await request(`${language}-repeated`, { sql: "select 1 as n", format: "json" });
      await p.admin.query(REPEAT_BEFORE_RECORD);
      try {
        const repeated = run(language);
        assert.equal(await repeated.exit, 0, repeated.output());
      } finally {
        await p.admin.query(RESTORE_RECORD);
      }
      const { rows } = await p.admin.query(
        `select due_at is not null as due, message_id is not null as sent from jobs.responses
         where request_id in ('${language}-recorded', '${language}-repeated') order by id`,
      );
      assert.deepEqual(rows, [
        { due: false, sent: true },
        { due: true, sent: false },
      ]);
    });

  it("executes further waiting reads before it ends", async () => {
    await p.admin.query("update jobs.runs set state = 'ENDED'");
    for (const id of ["a", "b", "c"]) await request(`python-${id}`, { sql: "select 1 as n", format: "json" });
    const [first, ...others] = p.startRuns("glue", undefined, python);
    for (const other of others) other.child.kill("SIGKILL");
    assert.ok(first);
    assert.equal(await first.exit, 0, first.output());
    for (const id of ["a", "b", "c"]) assert.equal((await p.document(`python-${id}`)).status, "SUCCEEDED");
  });

  it("needs about the same memory for 1,000,000 rows as for 20,000", async () => {
    const peak = async (rows: number) => {
      await p.admin.query("update jobs.runs set state = 'ENDED'");
      await request(`python-memory-${rows}`, { sql: many(rows), format: "csv", compression: "gzip" });
      const process = run("python");
      assert.equal(await process.exit, 0, process.output());
      return (await p.document(`python-memory-${rows}`)).stats.peakMemoryBytes as number;
    };
    const few = await peak(20_000);
    const most = await peak(1_000_000);
    assert.ok(most < few * 1.25, `${few} bytes, then ${most}`);
  });
});
