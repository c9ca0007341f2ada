import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../cli/lib/apiClient.ts";
import type { QueueClient, Target } from "./target.ts";

/** Dependencies of the checks of a smoke run. */
export interface Smoke {
  readonly target: Target;
  readonly client: Client;
  readonly queues: QueueClient;
  /** Creates a request id that is unique to this smoke run. */
  id(name: string): string;
  /** A lane with prices. */
  readonly lane: { orig_code: string; dest_code: string };
}

/** A guarantee and the code that checks it. */
export interface Check {
  readonly guarantee: string;
  /** True if the check needs raw SQL, which not every stack allows. */
  readonly rawSql?: true;
  /** Returns what was observed; throws if the guarantee does not hold. */
  try(smoke: Smoke): Promise<string>;
}

/** A day before all prices, and the next day. A later check purges all prices before DAY_AFTER. */
const DAY = "1900-01-01";
const DAY_AFTER = "1900-01-02";

const item = (smoke: Smoke, price: number) => ({ ...smoke.lane, day: DAY, price });
const update = (smoke: Smoke, mode: string, prices: number[]) => ({
  type: "update",
  target: "prices",
  mode,
  source: { inline: prices.map((price) => item(smoke, price)) },
});
/** Returns SQL that runs for about this many seconds. It computes, because pg_sleep is refused. */
const slowSql = (seconds: number) =>
  `select count(*) from (select generate_series(1, ${seconds} * 8000000::bigint)) numbers`;
const readTask = (sql: string, more: object = {}) => ({ type: "read", sql, format: "json", ...more });
const pricesOfDay = async (smoke: Smoke, name: string) => {
  const params = { ...smoke.lane, date_from: DAY, date_to: DAY };
  const requestId = smoke.id(name);
  await smoke.queues.send({ requestId, task: { type: "read", query: "price_export", params, format: "json" } });
  const { result } = await smoke.queues.response(requestId);
  return (result.inline as { price: number }[]).map(({ price }) => price).sort((a, b) => a - b);
};
const runToEnd = async (smoke: Smoke, name: string, task: object) => {
  const requestId = smoke.id(name);
  await smoke.queues.send({ requestId, task });
  const response = await smoke.queues.response(requestId);
  assert.equal(response.status, "SUCCEEDED", JSON.stringify(response.error));
  return response;
};
const fetchJob = async (smoke: Smoke, requestId: string) =>
  await smoke.client.json<{ status: string; attempts: { runner: string; runId: string }[] }>(
    "GET",
    smoke.client.jobPath(requestId),
  );
const waitForStatus = async (smoke: Smoke, requestId: string, status: string, seconds = 900) => {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(250)) {
    const job = await fetchJob(smoke, requestId).catch(() => undefined);
    if (job?.status === status) return job;
  }
  throw new Error(`${requestId} was not ${status} within ${seconds} s`);
};

/** Checks for any platform, in the order in which they run. They do not change prices of DAY_AFTER and later. */
export const CHECKS: readonly Check[] = [
  {
    guarantee: "a named query sent to the queue returns an inline result",
    async try(smoke) {
      const params = { ...smoke.lane, date_from: DAY, date_to: DAY };
      const { result, stats } = await runToEnd(smoke, "named", {
        type: "read",
        query: "average_rates",
        params,
        format: "json",
      });
      assert.deepEqual([result.rows, result.inline?.length], [1, 1]);
      return `${stats.totalMs} ms from acceptance to response`;
    },
  },
  {
    guarantee: "POST /jobs accepts a named query, and its result can be fetched",
    async try(smoke) {
      const requestId = smoke.id("api");
      const params = { ...smoke.lane, date_from: DAY, date_to: DAY };
      await smoke.client.json("POST", "/jobs", {
        requestId,
        task: { type: "read", query: "average_rates", params, format: "csv" },
      });
      await waitForStatus(smoke, requestId, "SUCCEEDED");
      const text = await (await smoke.client.fetch("GET", smoke.client.jobPath(requestId, "/result"))).text();
      assert.match(text, /^day,price,count\n1900-01-01/);
      return `${text.length} bytes`;
    },
  },
  {
    guarantee: "a large result is complete in S3: its hash matches",
    rawSql: true,
    async try(smoke) {
      const sql = "select n, repeat('x', 100) as filler from generate_series(1, 100000) n";
      const { result, requestId } = await runToEnd(
        smoke,
        "large",
        readTask(sql, { format: "csv", compression: "gzip" }),
      );
      const response = await smoke.client.fetch("GET", smoke.client.jobPath(requestId, "/result"));
      const bytes = Buffer.from(await response.arrayBuffer());
      assert.equal(createHash("sha256").update(bytes).digest("hex"), result.sha256);
      return `${result.rows} rows, ${result.bytes} bytes`;
    },
  },
  {
    guarantee: "append adds rows; replace deletes existing rows of the batch's lanes and days first",
    async try(smoke) {
      await runToEnd(smoke, "append-1", update(smoke, "append", [1]));
      await runToEnd(smoke, "append-2", update(smoke, "append", [2]));
      assert.deepEqual(await pricesOfDay(smoke, "appended"), [1, 2]);
      await runToEnd(smoke, "replace", update(smoke, "replace", [3, 4, 5]));
      assert.deepEqual(await pricesOfDay(smoke, "replaced"), [3, 4, 5]);
      return "1 and 2, then 3, 4 and 5";
    },
  },
  {
    guarantee: "a batch with bad rows changes nothing, and its response lists every bad row",
    async try(smoke) {
      const requestId = smoke.id("bad");
      const bad = [{ ...item(smoke, 9) }, { ...item(smoke, -1) }, { ...item(smoke, 9), dest_code: "NOSUCHPORT" }];
      await smoke.queues.send({ requestId, task: { ...update(smoke, "append", []), source: { inline: bad } } });
      const { status, error } = await smoke.queues.response(requestId);
      assert.deepEqual([status, error.type], ["FAILED", "InvalidRows"]);
      assert.equal(error.details.length, 2, JSON.stringify(error.details));
      assert.deepEqual(await pricesOfDay(smoke, "unchanged"), [3, 4, 5]);
      return error.message;
    },
  },
  {
    guarantee: "a repeated request is the same job with the same response; another task with its id is refused",
    async try(smoke) {
      const requestId = smoke.id("again");
      const task = update(smoke, "replace", [7]);
      await smoke.queues.send({ requestId, task });
      await smoke.queues.responses(requestId);
      await smoke.queues.send({ requestId, task });
      const [first, second] = await smoke.queues.responses(requestId, 2);
      assert.equal(first?.body, second?.body);
      assert.deepEqual(await pricesOfDay(smoke, "once"), [7]);
      await smoke.queues.send({ requestId, task: update(smoke, "replace", [8]) });
      const third = (await smoke.queues.responses(requestId, 3))[2]?.response;
      assert.equal(third?.error.type, "RequestIdConflict");
      assert.notEqual(third?.responseId, first?.response.responseId);
      return "one job, two copies, one conflict";
    },
  },
  {
    guarantee: "a named statement runs, and removes this smoke run's prices",
    async try(smoke) {
      await runToEnd(smoke, "purge", { type: "update", statement: "purge_prices", params: { before: DAY_AFTER } });
      assert.deepEqual(await pricesOfDay(smoke, "purged"), []);
      return "no prices left";
    },
  },
  {
    guarantee: "an invalid message becomes a dead letter with a reason, and the next request is executed",
    async try(smoke) {
      const text = `{"torn ${smoke.id("poison")}`;
      await smoke.queues.send(text);
      const reason = await smoke.queues.deadLetter(smoke.id("poison"));
      assert.ok(reason, "the dead letter has no reason");
      await pricesOfDay(smoke, "after-poison");
      return reason;
    },
  },
  {
    guarantee: "a running job can be cancelled, and its response says CANCELLED",
    rawSql: true,
    async try(smoke) {
      const requestId = smoke.id("cancel");
      await smoke.queues.send({ requestId, task: readTask(slowSql(300)), timeoutSeconds: 600 });
      await waitForStatus(smoke, requestId, "IN_PROGRESS");
      await smoke.client.json("POST", smoke.client.jobPath(requestId, "/cancel"));
      const { status, stats } = await smoke.queues.response(requestId);
      assert.equal(status, "CANCELLED");
      return `after ${stats.executionMs} ms`;
    },
  },
  {
    guarantee: "a killed run loses nothing: another run executes its job, which gets one response",
    rawSql: true,
    async try(smoke) {
      const requestId = smoke.id("killed");
      await smoke.queues.send({ requestId, task: readTask(slowSql(8)), timeoutSeconds: 300 });
      const { attempts } = await waitForStatus(smoke, requestId, "IN_PROGRESS");
      const attempt = attempts.at(-1);
      assert.ok(attempt);
      await smoke.target.killRun(attempt);
      const { status, stats } = await smoke.queues.response(requestId);
      assert.equal(status, "SUCCEEDED");
      assert.equal(stats.attempts, 2);
      assert.equal((await smoke.queues.responses(requestId)).length, 1);
      return `2 attempts, ${stats.totalMs} ms`;
    },
  },
  {
    guarantee: "a read whose SQL leaves its transaction to write fails",
    rawSql: true,
    async try(smoke) {
      const requestId = smoke.id("write");
      await smoke.queues.send({ requestId, task: readTask("select 1) to stdout; commit; delete from prices; --") });
      const { status, error } = await smoke.queues.response(requestId);
      assert.equal(status, "FAILED");
      return error.type;
    },
  },
];
