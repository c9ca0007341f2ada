import assert from "node:assert/strict";
import { syncTracking } from "../../dispatcher/syncTracking.ts";
import { testApi } from "../../testing/api/api.ts";

const read = { type: "read", sql: "select 1 as n", format: "json" };

describe("bulk actions", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  beforeEach(async () => {
    p = await testApi();
  });
  afterEach(() => p.close());

  const send = async (action: "cancel" | "retry", payload: object, headers?: Record<string, string>, tenant = "") =>
    p.app.inject({
      method: "POST",
      url: `/bulk/${action}${tenant && `?tenant=${tenant}`}`,
      payload,
      headers: headers ?? (await p.as("acme")),
    });
  const submit = async (ids: readonly string[], tenant = "acme", task: object = read, labels: object = {}) => {
    const headers = await p.as(tenant);
    for (const requestId of ids) {
      const payload = { requestId, task, labels };
      assert.equal((await p.app.inject({ method: "POST", url: "/jobs", payload, headers })).statusCode, 202);
    }
    await syncTracking(p.context);
  };
  const statuses = async (tenant = "acme") => {
    const { rows } = await p.admin.query("select request_id, status from jobs.jobs where tenant = $1 order by id", [
      tenant,
    ]);
    return Object.fromEntries(rows.map((row) => [row.request_id, row.status]));
  };
  /** Ends jobs with an error. */
  const failJobs = async (ids: readonly string[], type: string, retryable: boolean) => {
    const error = JSON.stringify({ category: "User", type, message: "m", retryable, details: [] });
    for (const id of ids) {
      const { rows } = await p.admin.query(
        "update jobs.jobs set status = 'IN_PROGRESS', attempt = 1 where request_id = $1 returning id",
        [id],
      );
      await p.admin.query("select * from jobs.finish($1, 1, 'FAILED', null, $2, 0, 0, 0)", [rows[0].id, error]);
    }
    await syncTracking(p.context);
  };

  it("counts in a dry run without changes, then cancels exactly those jobs", async () => {
    await submit(["a", "b"], "acme", read, { batch: "x" });
    await submit(["c"]);
    await submit(["theirs"], "other", read, { batch: "x" });
    const filter = { label: "batch=x" };
    const preview = (await send("cancel", { filter, dryRun: true })).json();
    assert.deepEqual([preview.matched, preview.eligible, preview.byStatus, preview.done], [2, 2, { PENDING: 2 }, 0]);
    assert.deepEqual(Object.values(await statuses()), ["PENDING", "PENDING", "PENDING"]);
    const { done, jobs, cursor } = (await send("cancel", { filter })).json();
    assert.deepEqual([done, jobs.length, cursor], [2, 2, undefined]);
    assert.deepEqual(await statuses(), { a: "CANCELLED", b: "CANCELLED", c: "PENDING" });
    assert.deepEqual(await statuses("other"), { theirs: "PENDING" });
  });

  it("processes many jobs in several calls, each job once", async () => {
    await submit(Array.from({ length: 7 }, (_, index) => `job-${index}`));
    const ended: string[] = [];
    let cursor: string | undefined;
    let calls = 0;
    do {
      const response = (await send("cancel", { filter: {}, limit: 3, ...(cursor ? { cursor } : {}) })).json();
      ended.push(...response.jobs.map(({ requestId }: { requestId: string }) => requestId));
      ({ cursor } = response);
      calls++;
    } while (cursor !== undefined);
    assert.deepEqual([ended.sort(), calls], [Array.from({ length: 7 }, (_, index) => `job-${index}`), 3]);
  });

  it("retries each job once, and only jobs that may succeed unless includeFinal is set", async () => {
    await submit(["lost", "rows", "stopped"]);
    await failJobs(["lost"], "RunnerLost", true);
    await failJobs(["rows"], "InvalidRows", false);
    await send("cancel", { ids: ["stopped"], reason: "not needed" });
    const stopped = await p.app.inject({ url: "/jobs/stopped", headers: await p.as("acme") });
    assert.equal(stopped.json().cancelReason, "not needed");
    await syncTracking(p.context);
    const preview = (await send("retry", { filter: {}, dryRun: true })).json();
    assert.deepEqual(
      [preview.matched, preview.eligible, preview.byErrorType.InvalidRows, preview.byStatus],
      [3, 2, 1, { FAILED: 2, CANCELLED: 1 }],
    );
    const first = (await send("retry", { filter: {} })).json();
    assert.deepEqual([first.done, first.matched, first.eligible], [2, 3, 2]);
    assert.deepEqual(first.jobs.map(({ retryId }: { retryId: string }) => retryId).sort(), [
      "lost.retry-1",
      "stopped.retry-1",
    ]);
    const again = (await send("retry", { filter: {} })).json();
    assert.deepEqual([again.done, again.unchanged], [0, 2]);
    assert.equal((await send("retry", { filter: {}, includeFinal: true })).json().done, 1);
    const { rows } = await p.admin.query("select action, target from jobs.audit where action = 'retry' order by id");
    assert.equal(rows.length, 3, "each retry is in the audit trail");
  });

  it("reports jobs that could not be retried, and continues with the others", async () => {
    await submit(["read"]);
    const price = { orig_code: "CNSGH", dest_code: "NOOSL", day: "2021-01-01", price: 1 };
    await submit(["update"], "acme", { type: "update", target: "prices", source: { inline: [price] } });
    await failJobs(["read", "update"], "RunnerLost", true);
    const { done, failed } = (await send("retry", { filter: {} }, await p.as("acme", "submit"))).json();
    assert.equal(done, 1);
    assert.deepEqual(
      failed.map(({ requestId, type }: Record<string, string>) => [requestId, type]),
      [["update", "Forbidden"]],
    );
  });

  it("requires the scope of the action, and the scope admin for another tenant", async () => {
    await submit(["theirs"], "other");
    const acme = await p.as("acme");
    assert.equal((await send("cancel", { filter: {} }, await p.as("acme", "submit"))).statusCode, 403);
    assert.equal((await send("retry", { filter: {} }, await p.as("acme", "cancel"))).statusCode, 403);
    assert.equal((await send("cancel", { filter: {} }, acme, "other")).statusCode, 403);
    assert.equal((await send("cancel", { filter: {} }, await p.as("acme", "admin"))).json().done, 0);
    assert.equal((await send("cancel", { filter: {} }, await p.as("acme", "admin"), "other")).json().done, 1);
  });

  it("reports an invalid selection", async () => {
    for (const [payload, message] of [
      [{}, /filter/],
      [{ filter: {}, ids: ["a"] }, /one of the two/],
      [{ ids: ["a"], cursor: "abc" }, /cursor/],
      [{ filter: { status: "SUCCEEDED" } }, /must be one of: PENDING, IN_PROGRESS/],
      [{ filter: { stauts: "PENDING" } }, /stauts/],
      [{ ids: [] }, /ids/],
      [{ filter: {}, limit: 101 }, /limit/],
    ] as const) {
      const { statusCode, body } = await send("cancel", payload);
      assert.equal(statusCode, 400, body);
      assert.match(body, message);
    }
    assert.equal((await send("cancel", { ids: ["unknown"] })).json().type, "UnknownJob");
  });
});
