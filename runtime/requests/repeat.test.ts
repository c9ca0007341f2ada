import assert from "node:assert/strict";
import { hashOf } from "../contract/request.ts";
import { SCOPES } from "../contract/scopes.ts";
import { handleRequests } from "../dispatcher/requests.ts";
import { testApi } from "../testing/api/api.ts";
import { sqsEvent, testDispatcher } from "../testing/dispatcher.ts";
import { canonical, requestAsSent } from "./parse.ts";

/** Requests that an earlier version or configuration accepted. */
const REPEATS: Record<string, { task: Record<string, unknown>; timeoutSeconds?: number }> = {
  "SQL that is refused": { task: { type: "read", sql: "select pg_sleep(1)", format: "ndjson" } },
  "two statements": { task: { type: "read", sql: "select 1; select 2" } },
  "a query that is gone": { task: { type: "read", query: "former_query", params: { day: "2021-01-01", top: null } } },
  "a parameter that is gone": { task: { type: "read", query: "price_export", params: { former: 7 } } },
  "a statement that is gone": { task: { type: "update", statement: "former_statement", params: {} } },
  "a host that is no longer allowed": {
    task: { type: "update", target: "prices", source: { url: "https://former.example.com/p.csv" } },
  },
  "a bucket that no longer belongs to the platform": {
    task: { type: "update", target: "prices", source: { s3: "s3://former/p.csv" } },
  },
  "a timeout above the maximum": { task: { type: "read", query: "price_export" }, timeoutSeconds: 90_000 },
};

/** Stores a job as an earlier version accepted it. */
async function store(
  admin: { query(text: string, values: unknown[]): Promise<unknown> },
  { tenant, requestId, task }: { tenant: string; requestId: string; task: Record<string, unknown> },
  api: { accept: (request: object) => Promise<unknown> },
): Promise<void> {
  await api.accept({ requestId, tenant, task: { type: "read", query: "price_export" }, reply: "none" });
  const request = requestAsSent(
    { requestId, task },
    { rawSql: true, timeoutSeconds: 1, maxTimeoutSeconds: 1, urlHosts: [] },
  );
  if (request === undefined) throw new Error("not a request");
  // The version that accepted the request had the defaults of its own queries, so the hash may differ.
  const hash = hashOf(canonical(request.task)) + ("query" in task && task.query === "former_query" ? "-before" : "");
  await admin.query("update jobs.jobs set request_hash = $1, task = $2 where request_id = $3", [
    hash,
    request.task,
    requestId,
  ]);
}

describe("a repeat of a request that would be refused today", () => {
  describe("from the queue", () => {
    let dispatcher: Awaited<ReturnType<typeof testDispatcher>>;
    beforeEach(async () => {
      dispatcher = await testDispatcher({ jobs: { rawSql: true } });
    });
    afterEach(() => dispatcher.close());
    const accept = (request: object) => handleRequests(dispatcher.context, sqsEvent(request));
    const responses = async () =>
      (await dispatcher.receive(dispatcher.context.queues.responses)).map(({ Body }) => JSON.parse(Body ?? ""));
    const rejected = async () => (await dispatcher.admin.query("select from jobs.rejected")).rows.length;

    for (const [reason, { task, ...rest }] of Object.entries(REPEATS))
      it(`returns the existing job: ${reason}`, async () => {
        const requestId = "known";
        await store(dispatcher.admin, { tenant: "default", requestId, task }, { accept });
        await handleRequests(
          dispatcher.context,
          sqsEvent({ requestId, task, ...rest }, { requestId: "other", task, ...rest }),
        );
        assert.deepEqual(
          (await responses()).map(({ requestId }) => requestId),
          ["other"],
          "only the request without a job is refused",
        );
        assert.equal(await rejected(), 1);
        const { rows } = await dispatcher.admin.query("select request_id, status from jobs.jobs");
        assert.deepEqual(rows, [{ request_id: requestId, status: "PENDING" }]);
        assert.equal(
          (await dispatcher.admin.query("select from jobs.reply_requests")).rows.length,
          1,
          "its response is requested",
        );
      });

    it("is refused when its task differs, or its text is ambiguous", async () => {
      const task = { type: "read", sql: "select pg_sleep(1)", format: "csv" };
      await store(dispatcher.admin, { tenant: "default", requestId: "known", task }, { accept });
      await handleRequests(
        dispatcher.context,
        sqsEvent({ requestId: "known", task: { ...task, sql: "select pg_sleep(2)" } }),
      );
      await handleRequests(
        dispatcher.context,
        sqsEvent(`{"requestId":"known","priority":1,"priority":2,"task":${JSON.stringify(task)}}`),
      );
      await handleRequests(dispatcher.context, sqsEvent({ requestId: "known", tenant: "acme", task }));
      assert.deepEqual(
        (await responses()).map(({ error }) => error.type),
        ["RequestIdConflict", "RequestIdConflict"],
      );
      assert.equal(await rejected(), 3);
    });

    it("is refused if its sender may not send it", async () => {
      const task = { type: "update", statement: "former_statement", params: {} };
      await store(dispatcher.admin, { tenant: "default", requestId: "known", task }, { accept });
      dispatcher.context.settings.callers = [{ senderId: "*", tenants: ["default"], scopes: ["read"] }];
      await handleRequests(dispatcher.context, sqsEvent({ requestId: "known", task }));
      assert.equal(await rejected(), 1);
    });
  });

  describe("over HTTP", () => {
    let api: Awaited<ReturnType<typeof testApi>>;
    let headers: { authorization: string };
    before(async () => {
      api = await testApi();
      headers = await api.as("acme", ...SCOPES);
    });
    after(() => api.close());
    const post = (payload: object) => api.app.inject({ method: "POST", url: "/jobs", payload, headers });

    for (const [index, [reason, { task, ...rest }]] of Object.entries(REPEATS).entries())
      it(`returns the existing job: ${reason}`, async () => {
        const requestId = `known-${index}`;
        const accept = async (request: object) => assert.equal((await post(request)).statusCode, 202);
        await store(api.admin, { tenant: "acme", requestId, task }, { accept });
        const response = await post({ requestId, task, ...rest });
        assert.equal(response.statusCode, 200, response.body);
        assert.deepEqual(response.json(), { requestId, tenant: "acme", status: "PENDING" });
        assert.equal(response.headers.location, `/jobs/${requestId}`);
        assert.equal((await post({ requestId: `${requestId}-other`, task, ...rest })).statusCode, 400);
      });

    it("returns the existing retry of a job whose SQL is refused", async () => {
      const task = { type: "read", sql: "select pg_sleep(1)" };
      const accept = async (request: object) => assert.equal((await post(request)).statusCode, 202);
      for (const requestId of ["ended", "ended.retry-1"])
        await store(api.admin, { tenant: "acme", requestId, task }, { accept });
      await api.admin.query(
        "update jobs.jobs set status = 'FAILED', finished_at = jobs.clock() where request_id = 'ended'",
      );
      const response = await api.app.inject({ method: "POST", url: "/jobs/ended/retry", headers });
      assert.deepEqual([response.statusCode, response.json().requestId], [200, "ended.retry-1"]);
    });
  });
});
