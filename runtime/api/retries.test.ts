import assert from "node:assert/strict";
import { requestIdPattern } from "../contract/request.ts";
import { type ApiOfSuite, apiSuite } from "../testing/api/suite.ts";
import { retryIdOf } from "./retryRequest.ts";

const isRequestId = (id: string) => requestIdPattern.test(id);
const read = { type: "read", sql: "select 1 as n", format: "json" };

describe("cancel and retry of the jobs API", () => {
  let { p, acme } = {} as ApiOfSuite;
  const { post, get, submit } = apiSuite((api) => {
    ({ p, acme } = api);
  });
  const deleteJobs = () => p.admin.query("delete from jobs.jobs");

  it("cancels a waiting job at once and retries it as a new job with the label retryOf", async () => {
    await deleteJobs();
    await submit("dropped");
    assert.deepEqual((await post("/jobs/dropped/retry")).json().type, "NotRetryable");
    await p.receive(p.context.queues.wakeups);
    // Clients may send a Content-Type without a body.
    const cancelled = await post("/jobs/dropped/cancel", "", { ...acme, "content-type": "application/json" });
    assert.deepEqual(cancelled.json(), { requestId: "dropped", tenant: "acme", status: "CANCELLED" });
    assert.equal((await p.receive(p.context.queues.wakeups)).length, 1, "its response is due");
    assert.equal((await post("/jobs/none/cancel")).statusCode, 404);
    const retried = await post("/jobs/dropped/retry");
    assert.deepEqual([retried.statusCode, retried.json().requestId], [202, "dropped.retry-1"]);
    const again = await post("/jobs/dropped/retry", { timeoutSeconds: 5, priority: 9 });
    assert.deepEqual([again.statusCode, again.json().requestId], [200, "dropped.retry-1"], "it is the same job");
    const document = (await get("/jobs/dropped.retry-1")).json();
    assert.deepEqual([document.labels, document.task.sql], [{ retryOf: "dropped" }, "select 1 as n"]);
  });

  it("retries a job with its settings, and numbers the retries of retries consecutively", async () => {
    const settings = { priority: 7, timeoutSeconds: 77, labels: { batch: "seven" } };
    await post("/jobs", { requestId: "kept", task: read, ...settings });
    for (const [id, next] of [
      ["kept", "kept.retry-1"],
      ["kept.retry-1", "kept.retry-2"],
    ]) {
      await post(`/jobs/${id}/cancel`);
      assert.equal((await post(`/jobs/${id}/retry`)).json().requestId, next);
      const { priority, timeoutSeconds, labels } = (await get(`/jobs/${next}`)).json();
      const expected = { ...settings, labels: { ...settings.labels, retryOf: id } };
      assert.deepEqual({ priority, timeoutSeconds, labels }, expected);
    }
  });

  it("retries a job with the longest possible id, and ignores an id that only looks like a retry", async () => {
    for (const id of ["l".repeat(128), "odd"]) {
      await submit(id);
      await post(`/jobs/${id}/cancel`);
    }
    await submit("odd.retry-99999999999");
    assert.equal((await post("/jobs/odd/retry")).json().requestId, "odd.retry-1");
    const long = (await post(`/jobs/${"l".repeat(128)}/retry`)).json().requestId;
    assert.match(long, /^l{99}\.[0-9a-f]{16}\.retry-1$/, "long ids with the same beginning have different retries");
    await post(`/jobs/${long}/cancel`);
    assert.equal((await post(`/jobs/${long}/retry`)).json().requestId, long.replace(/1$/, "2"));
  });

  it("gives jobs with different ids different retries", () => {
    const [a, x] = ["a", "x".repeat(116)];
    for (const [id, expected] of [
      ["a.retry-0", "a.retry-0.retry-1"],
      ["a.retry-01", "a.retry-01.retry-1"],
      ["a.retry-99998", "a.retry-99999"],
      ["a.retry-99999", "a.retry-99999.retry-1"],
    ] as const)
      assert.equal(retryIdOf(id), expected);
    const numbers = ["", ".retry-0", ".retry-1", ".retry-01", ".retry-2", ".retry-99998", ".retry-99999"];
    const ids = [a, x, `${x}x`].flatMap((id) => numbers.map((number) => `${id}${number}`)).filter(isRequestId);
    const retries = ids.map(retryIdOf);
    assert.equal(new Set(retries).size, ids.length);
    assert.deepEqual(
      retries.filter((id) => !isRequestId(id)),
      [],
    );
  });

  it("retries a job whose labels leave no room for the label retryOf", async () => {
    await deleteJobs();
    const many = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`label-${index}`, "x"]));
    // 12,217 bytes as JSON, of at most 12,224.
    const large = Object.fromEntries(
      Array.from({ length: 15 }, (_, index) => [`${index}`.padEnd(64, "n"), "€".repeat(index < 14 ? 256 : 138)]),
    );
    for (const [id, labels] of Object.entries({ many, large })) {
      const response = await post("/jobs", { requestId: id, task: read, labels });
      assert.equal(response.statusCode, 202, response.body);
      await post(`/jobs/${id}/cancel`);
      const retried = await post(`/jobs/${id}/retry`);
      assert.equal(retried.statusCode, 202, retried.body);
      assert.deepEqual((await get(`/jobs/${id}.retry-1`)).json().labels, labels);
    }
  });

  it("creates one job from concurrent retries, with the caller's changes", async () => {
    await submit("twice");
    await post("/jobs/twice/cancel");
    const responses = await Promise.all(
      [1, 2, 3].map(() => post("/jobs/twice/retry", { timeoutSeconds: 77, priority: 9 })),
    );
    assert.deepEqual(responses.map(({ statusCode }) => statusCode).sort(), [200, 200, 202]);
    const { timeoutSeconds, priority } = (await get("/jobs/twice.retry-1")).json();
    assert.deepEqual([timeoutSeconds, priority], [77, 9]);
    assert.equal((await get("/jobs/twice.retry-2")).statusCode, 404);
    assert.equal((await post("/jobs/twice/retry", { timeoutSeconds: 0 })).statusCode, 400);
  });

  it("retries an inline update with its items", async () => {
    await deleteJobs();
    const items = [{ slug: "a", name: "A" }];
    await submit("items", { type: "update", target: "regions", source: { inline: items } });
    await post("/jobs/items/cancel");
    await post("/jobs/items/retry");
    const { rows } = await p.admin.query("select inline, request_hash from jobs.jobs order by id");
    assert.deepEqual(
      rows.map((row) => row.inline),
      [items, items],
    );
    assert.equal(rows[0].request_hash, rows[1].request_hash, "it is the same task");
  });
});
