import assert from "node:assert/strict";
import type { SQSMessageAttribute } from "aws-lambda";
import { JobError } from "../../contract/errors.ts";
import { cancel, claim, retry, runStarted } from "../../store/jobs.ts";
import { sqsEvent } from "../../testing/dispatcher.ts";
import { testPlatform } from "../../testing/runner/runner.ts";
import { type ReceivedSpan, startCollector } from "../../testing/traces/collector.ts";
import { createHandlers } from "../handlers.ts";
import { sendDueResponses } from "../maintenance.ts";
import { handleRequests } from "../requests.ts";
import { schedule } from "../schedule.ts";
import { exportTraces } from "./exportTraces.ts";
import { collectorHeaders } from "./headers.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";
const SAMPLED = `00-${TRACE_ID}-${CALLER}-01`;
const UNSAMPLED = `00-${TRACE_ID}-${CALLER}-00`;
const ERROR = 2;

describe("the traces of ended jobs", () => {
  let p: Awaited<ReturnType<typeof testPlatform>>;
  let collector: Awaited<ReturnType<typeof startCollector>>;
  beforeEach(async () => {
    collector = await startCollector();
    p = await testPlatform({ traces: { endpoint: `${collector.endpoint}/`, environment: "test" } });
  });
  afterEach(() => Promise.all([p.close(), collector.close()]));

  const submit = async (requestId: string, traceparent: string | undefined, task: object = {}) => {
    const event = sqsEvent({ requestId, task: { type: "read", sql: "select 1 as secret_column", ...task } });
    for (const record of event.Records)
      if (traceparent !== undefined)
        record.messageAttributes = {
          traceparent: { stringValue: traceparent, dataType: "String" } as SQSMessageAttribute,
        };
    await handleRequests(p.context, event);
  };
  const runAll = async () => {
    for (const run of p.startRuns("glue")) assert.equal(await run.exit, 0, run.output());
  };
  const cancelJob = async (requestId: string) => {
    await cancel(await p.as("api_reader"), "default", requestId);
    await sendDueResponses(p.context);
  };
  /** Makes all traces due, ends the pause, and exports. */
  const exportDue = async () => {
    await p.admin.query("update jobs.pending_traces set due_at = jobs.clock()");
    await p.admin.query("update jobs.trace_pause set paused_until = '-infinity'");
    await exportTraces(p.context);
  };
  const pending = async () =>
    (await p.admin.query("select count(*)::int as count from jobs.pending_traces")).rows[0].count as number;
  /** Returns the names of the spans below a parent as a tree, in order of start. */
  const tree = (parent: string): Record<string, unknown>[] =>
    collector.spans
      .filter(({ parentSpanId }) => parentSpanId === parent)
      .sort((a, b) => (a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1))
      .map((span) => ({ [span.name]: tree(span.spanId) }));
  const spanNamed = (name: string): ReceivedSpan => {
    const [span, ...more] = collector.spans.filter((received) => received.name === name);
    assert(span && more.length === 0, `${1 + more.length} spans ${name}`);
    return span;
  };
  const times = ({ startTimeUnixNano, endTimeUnixNano }: ReceivedSpan) =>
    [startTimeUnixNano, endTimeUnixNano].map((time) => Number(BigInt(time) / 1_000_000n));

  it("have a span for each phase, below the caller's span, with the times of the job's history", async () => {
    await submit("a", SAMPLED, { format: "json" });
    await runAll();
    await exportDue();
    assert.deepEqual(tree(CALLER), [{ job: [{ waiting: [{ starting: [] }] }, { running: [] }, { responding: [] }] }]);
    assert.equal(collector.spans.length, 5);
    assert(collector.spans.every(({ traceId, status }) => traceId === TRACE_ID && status.code === undefined));
    const document = await p.document("a");
    const [attempt] = document.attempts;
    const at = (iso: string) => Date.parse(iso);
    const sent = at(document.response.sentAt);
    assert.deepEqual(times(spanNamed("job")), [at(document.createdAt), sent]);
    assert.deepEqual(times(spanNamed("waiting")), [at(document.createdAt), at(attempt.startedAt)]);
    assert.deepEqual(times(spanNamed("running")), [at(attempt.startedAt), at(attempt.endedAt)]);
    assert.deepEqual(times(spanNamed("responding")), [at(document.finishedAt), sent]);
    const [starting, started] = times(spanNamed("starting"));
    assert(starting !== undefined && started !== undefined);
    assert(at(document.createdAt) <= starting && starting <= started && started <= at(attempt.startedAt));
    const { attributes } = spanNamed("job");
    assert.deepEqual(
      [attributes["rates.request_id"], attributes["rates.status"], attributes["rates.rows"]],
      ["a", "SUCCEEDED", 1],
    );
    assert.equal(spanNamed("responding").attributes["messaging.message.id"], document.response.messageId);
    assert.equal(spanNamed("responding").attributes["messaging.destination.name"], "responses");
    assert.deepEqual(collector.resources[0]?.["service.name"], "rates-platform");
    assert.deepEqual(collector.resources[0]?.["deployment.environment.name"], "test");
    assert.deepEqual(new Set(collector.calls), new Set(["POST /v1/traces"]));
    assert(!JSON.stringify(collector.spans).includes("secret_column"), "no SQL");
    assert.equal(await pending(), 0);
  });

  it("have a span per attempt, with its error if it failed", async () => {
    await submit("a", SAMPLED, { sql: "select 1 / (n - 3) from generate_series(1, 5) n" });
    const [run] = p.launcher.started.splice(0);
    const keeper = await p.as("job_keeper");
    await runStarted(keeper, String(run));
    const job = await claim(keeper, String(run), { pid: 1, start: "2021-01-01T00:00:00Z" }, undefined);
    assert(job);
    assert.equal(
      await retry(keeper, job, new JobError("DatabaseUnavailable", { reason: "gone" }).body(), 1),
      "RETRIED",
    );
    await p.admin.query("update jobs.runs set state = 'ENDED'");
    await p.admin.query("update jobs.jobs set not_before = null");
    await schedule(p.context);
    await runAll();
    const { status, error } = await p.document("a");
    assert.equal(status, "FAILED");
    await exportDue();
    const running = collector.spans.filter(({ name }) => name === "running");
    assert.deepEqual(
      running.map(({ attributes, status }) => [attributes["rates.attempt"], attributes["error.type"], status]),
      [
        [1, "DatabaseUnavailable", { code: ERROR, message: "DatabaseUnavailable" }],
        [2, error.type, { code: ERROR, message: error.type }],
      ],
    );
    assert.equal(new Set(collector.spans.map(({ spanId }) => spanId)).size, collector.spans.length);
    assert.deepEqual(spanNamed("job").status, { code: ERROR, message: error.type });
    const waits = collector.spans.filter(({ name }) => name === "waiting");
    assert.deepEqual(
      times(waits[1] as ReceivedSpan)[0],
      times(running[0] as ReceivedSpan)[1],
      "after the first attempt",
    );
  });

  it("have no attempt if the job was cancelled while it waited", async () => {
    await submit("a", SAMPLED);
    await cancelJob("a");
    await exportDue();
    assert.deepEqual(tree(CALLER), [{ job: [{ waiting: [] }, { responding: [] }] }]);
    assert.deepEqual(spanNamed("waiting").status, { code: ERROR, message: "Cancelled" });
  });

  it("are exported only if the caller sampled the trace", async () => {
    await submit("none", undefined);
    await submit("unsampled", UNSAMPLED);
    for (const id of ["none", "unsampled"]) await cancelJob(id);
    assert.equal(await pending(), 0);
    await exportDue();
    assert.deepEqual(collector.calls, []);
  });

  it("wait for the response to be sent, for at most five minutes", async () => {
    await submit("a", SAMPLED);
    await cancel(await p.as("api_reader"), "default", "a");
    await exportDue();
    assert.deepEqual([collector.calls, await pending()], [[], 1]);
    await p.admin.query("update jobs.jobs set finished_at = finished_at - interval '6 minutes'");
    await exportDue();
    assert.deepEqual(tree(CALLER), [{ job: [{ waiting: [] }] }]);
  });

  it("have the same ids when they are exported again", async () => {
    await submit("a", SAMPLED);
    await cancelJob("a");
    await exportDue();
    const first = collector.spans.splice(0);
    await p.admin.query("insert into jobs.pending_traces select id, jobs.clock() from jobs.jobs");
    await exportDue();
    assert.deepEqual(collector.spans, first);
    assert(first.length > 0);
  });

  it("stay due while the collector fails, and delay no other maintenance", async () => {
    await submit("a", SAMPLED);
    await cancelJob("a");
    const responses = [503, 429, 401, 302];
    for (const status of responses) {
      collector.respondWith((_, response) => response.writeHead(status, { location: "http://127.0.0.1:1/" }).end());
      await p.admin.query("update jobs.trace_pause set paused_until = '-infinity'");
      await createHandlers(p.context).tick();
      assert.equal(await pending(), 1, `${status}`);
    }
    collector.respondWith((request) => request.destroy());
    await exportDue();
    const tracked = await p.context.tracking.search({ tenant: "default", limit: 1 });
    assert.deepEqual([await pending(), tracked.documents[0]?.status], [1, "CANCELLED"]);

    const calls = collector.calls.length;
    await p.admin.query("update jobs.pending_traces set due_at = jobs.clock()");
    await exportTraces(p.context);
    assert.equal(collector.calls.length, calls, "the collector is not called while exports are paused");

    collector.respondWith();
    await exportDue();
    assert.deepEqual(tree(CALLER), [{ job: [{ waiting: [] }, { responding: [] }] }]);
    assert.equal(await pending(), 0);
    const { rows } = await p.admin.query("select failures from jobs.trace_pause");
    assert.deepEqual(rows, [{ failures: 0 }]);
  });

  it("are sent with the headers of the secret, even after it is rotated and while it is unreadable", async () => {
    let clock = 0;
    const secrets = [
      async () => "authorization=Bearer%20one,x-team=rates",
      async () => '{"authorization":"Bearer two"}',
    ];
    const traceHeaders = collectorHeaders(
      { headersSecret: "arn" },
      { readSecret: () => (secrets.shift() ?? (() => Promise.reject(new Error("denied"))))(), now: () => clock },
    );
    for (const id of ["a", "b", "c"]) {
      await submit(id, SAMPLED);
      await cancelJob(id);
      await p.admin.query("update jobs.pending_traces set due_at = jobs.clock()");
      await exportTraces({ ...p.context, traceHeaders });
      clock += 300_000;
    }
    assert.deepEqual(
      collector.callHeaders.map(({ authorization, "x-team": team }) => [authorization, team]),
      [
        ["Bearer one", "rates"],
        ["Bearer two", undefined],
        ["Bearer two", undefined],
      ],
    );
    assert.equal(await pending(), 0);
    assert(!JSON.stringify(collector.spans).includes("Bearer"));
  });

  it("are abandoned if the collector refuses them, without affecting others", async () => {
    for (const id of ["a", "refused", "c"]) {
      await submit(id, SAMPLED);
      await cancelJob(id);
    }
    collector.respondWith((_, response, received) => {
      const isRefused = received.some(({ attributes }) => attributes["rates.request_id"] === "refused");
      if (!isRefused) collector.spans.push(...received);
      response.writeHead(isRefused ? 400 : 200).end("{}");
    });
    await exportDue();
    const jobs = collector.spans
      .filter(({ name }) => name === "job")
      .map(({ attributes }) => attributes["rates.request_id"]);
    assert.deepEqual([jobs.sort(), await pending()], [["a", "c"], 0]);
  });

  it("are exported in batches, and deleted if the job has expired", async () => {
    for (let index = 0; index < 60; index++) await submit(`job-${index}`, SAMPLED);
    const reader = await p.as("api_reader");
    for (let index = 0; index < 60; index++) await cancel(reader, "default", `job-${index}`);
    await sendDueResponses(p.context);
    await p.admin.query("delete from jobs.jobs where request_id = 'job-7'");
    await exportDue();
    assert.equal(collector.calls.length, 2);
    assert.deepEqual([collector.spans.filter(({ name }) => name === "job").length, await pending()], [59, 0]);
  });

  it("are deleted if no collector is configured", async () => {
    await submit("a", SAMPLED);
    await cancelJob("a");
    assert.equal(await pending(), 1);
    const { traces: _, ...settings } = p.context.settings;
    await exportTraces({ ...p.context, settings });
    assert.deepEqual([await pending(), collector.calls], [0, []]);
  });
});
