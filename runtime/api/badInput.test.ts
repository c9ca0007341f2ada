import assert from "node:assert/strict";
import type pg from "pg";
import { handleRequests } from "../dispatcher/requests.ts";
import { testApi } from "../testing/api/api.ts";
import { Description } from "../testing/api/description.ts";
import { INVALID_VALUES, invalidRequests } from "../testing/api/invalidRequests.ts";
import { populatedApi } from "../testing/api/populatedApi.ts";
import { VALID_REQUESTS } from "../testing/api/validRequests.ts";
import { sqsEvent } from "../testing/dispatcher.ts";

const SEED = 11;
const RATES = "/rates?date_from=2021-01-01&date_to=2021-01-31&orig_code=CNGGZ&dest_code=EETLL";
/** Bodies that SQS accepts: text without the characters that it refuses (API Reference, SendMessage). */
const SENDABLE = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]+$/u;
/** Number of messages per call of the dispatcher. */
const BATCH = 10;
/** Allowed factor between the CPU times of /rates after and before: other processes use the machine too. */
const MAX_SLOWDOWN = 4;

/** Tables that only a valid request may change. */
const UNCHANGED_TABLES = ["jobs.jobs", "public.prices", "public.ports", "public.regions", "jobs.runs"];

describe("bad input", () => {
  const all = invalidRequests(SEED);
  let p: Awaited<ReturnType<typeof testApi>>;
  before(async () => {
    p = await testApi({ jobs: { rawSql: false } });
  });
  after(() => p.close());

  const kinds = new Set(all.map(({ kind }) => kind)).size;
  /** Measures the CPU time of 200 requests to /rates. */
  const ratesCpuMs = async () => {
    const start = process.cpuUsage();
    for (let index = 0; index < 200; index++) assert.equal((await p.app.inject(RATES)).statusCode, 200);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };

  it(`has ${all.length} cases of ${kinds} kinds`, () => {
    assert(all.length >= 500 && kinds >= 25);
  });

  it("is refused by the API with a reason, changes nothing but the rejected requests, and leaves /rates less than four times slower", async function () {
    this.timeout(120_000);
    const headers = { ...(await p.as("acme")), "content-type": "application/json" };
    await ratesCpuMs();
    const cpuMsBefore = await ratesCpuMs();
    // The first request of a token per day changes its row (last_used_on).
    await p.app.inject({ url: "/queries", headers });
    const before = await contents(p.admin);
    for (const { kind, body } of all)
      for (const url of ["/jobs", "/explain"]) {
        // Planning does not read sources, so it accepts a request whose source is missing.
        if (url === "/explain" && kind === "invalid S3 source") continue;
        const response = await p.app.inject({ method: "POST", url, payload: body, headers });
        const shown = `${url}, ${kind}: ${body.toString().slice(0, 200)}\n${response.statusCode} ${response.body.slice(0, 500)}`;
        assert(response.statusCode >= 400 && response.statusCode < 500, shown);
        assert.match(String(response.headers["content-type"]), /^application\/problem\+json/, shown);
        const { type, detail, problems } = response.json();
        assert(type && detail.length > 10, shown);
        if (type === "InvalidRequest")
          assert(problems.length > 0 && problems.every((each: { message: string }) => each.message.length > 5), shown);
      }
    assert.deepEqual(await contents(p.admin), before);
    const cpuMsAfter = await ratesCpuMs();
    assert(cpuMsAfter < cpuMsBefore * MAX_SLOWDOWN, `/rates took ${cpuMsAfter} ms after, ${cpuMsBefore} ms before`);
  });

  it("in a parameter or field of an operation is refused or harmless, and causes no internal error", async function () {
    this.timeout(120_000);
    const q = await populatedApi({ api: { limits: { tokenPerMinute: 0 } } });
    try {
      const headers = await q.as("acme", "admin");
      // Tokens and uploads are not compared: their names are free text, so some of the values are valid.
      const before = await contents(q.admin, UNCHANGED_TABLES);
      let sent = 0;
      for (const { id, method, fields, query } of (await Description.of(q.app)).operations) {
        // The fields of a job are covered above.
        if (id === "submitJob") continue;
        const { url, payload = {} } = VALID_REQUESTS[id]?.(q.known) ?? { url: "/none" };
        // The fields of a retry are those of a job.
        const sentFields = id === "retryJob" ? [] : fields;
        // A valid reason would cancel the job, so reasons are sent for a job that has ended.
        const fieldUrl = id === "cancelJob" ? `/jobs/${q.known.cancelled}/cancel` : url;
        const requests = [
          ...query.map((name) => (value: string) => {
            const changed = new URL(url, "http://rates");
            changed.searchParams.set(name, value);
            return { url: `${changed.pathname}${changed.search}` };
          }),
          ...sentFields.map((name) => (_: string, value: unknown) => ({
            url: fieldUrl,
            payload: { ...payload, [name]: value },
          })),
          ...Object.values(q.known).flatMap((known) =>
            typeof known === "string" && url.includes(`/${known}`)
              ? [
                  (value: string) => ({
                    url: url.replace(`/${known}`, `/${encodeURIComponent(value.toWellFormed())}`),
                    payload,
                  }),
                ]
              : [],
          ),
        ];
        for (const requestWith of requests)
          for (const value of INVALID_VALUES) {
            const request = requestWith(typeof value === "string" ? value : JSON.stringify(value), value);
            const response = await q.app.inject({ method, headers, ...request });
            sent += 1;
            const shown = `${id} ${JSON.stringify(request).slice(0, 300)}: ${response.body.slice(0, 300)}`;
            assert(response.statusCode < 500, shown);
            if (response.statusCode >= 400) assert(response.json().detail.length > 10, shown);
          }
      }
      assert(sent > 1_000, `${sent} requests`);
      assert.deepEqual(await contents(q.admin, UNCHANGED_TABLES), before);
    } finally {
      await q.close();
    }
  });

  it("on the queue leads to a FAILED response or a dead letter, each with the reason, and creates no job", async function () {
    this.timeout(120_000);
    const tables = ["jobs.jobs", "public.prices", "public.ports", "public.regions", "jobs.runs", "jobs.tokens"];
    const before = await contents(p.admin, tables);
    const { queues } = p.context;
    const sendable = all.filter(({ body }) => typeof body === "string" && SENDABLE.test(body));
    let settled = 0;
    for (let index = 0; index < sendable.length; index += BATCH) {
      const bodies = sendable.slice(index, index + BATCH).map(({ body }) => body.toString());
      assert.deepEqual(await handleRequests(p.context, sqsEvent(...bodies)), { batchItemFailures: [] });
      const dead = await p.receive(queues.deadLetters);
      const responses = await p.receive(queues.responses);
      for (const { MessageAttributes } of dead) assert.match(MessageAttributes?.reason?.StringValue ?? "", /\w{3}/);
      for (const { Body = "" } of responses) {
        const { status, error } = JSON.parse(Body);
        assert.deepEqual([status, error.category], ["FAILED", "User"]);
        assert(error.message.length > 10 && (error.type !== "InvalidRequest" || error.details.length > 0), Body);
      }
      // An unreadable message with a usable requestId gets a dead letter and a response.
      assert(dead.length + responses.length >= bodies.length, bodies.join("\n").slice(0, 2_000));
      settled += dead.length + responses.length;
    }
    assert(settled >= sendable.length);
    assert.deepEqual(await contents(p.admin, tables), before);
  });
});

/** Returns row count and content hash of tables, by default of all tables except those of rejected requests. */
async function contents(client: pg.Client, tables?: readonly string[]): Promise<Record<string, string>> {
  const { rows } = await client.query(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'jobs', 'tracking') and tablename not like 'rejected%' order by 1",
  );
  const all: Record<string, string> = {};
  for (const name of tables ?? rows.map((row) => row.name as string)) {
    const { rows: hashed } = await client.query(
      `select count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' order by t::text)), '') as hash from ${name} t`,
    );
    all[name] = hashed[0].hash;
  }
  return all;
}
