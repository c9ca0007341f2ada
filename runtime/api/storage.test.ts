import assert from "node:assert/strict";
import { S3Client } from "@aws-sdk/client-s3";
import { testApi } from "../testing/api/api.ts";

describe("the API while S3 does not respond", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let headers: { authorization: string };
  let gone: S3Client;
  beforeEach(async () => {
    p = await testApi();
    headers = await p.as("acme");
    // No server listens on port 1, so the SDK reports its own error.
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    gone = new S3Client({ endpoint: "http://127.0.0.1:1", region: "eu-west-1", credentials, maxAttempts: 1 });
    p.s3.send = gone.send.bind(gone);
  });
  afterEach(async () => {
    gone.destroy();
    await p.close();
  });

  const post = (url: string, payload: object) => p.app.inject({ method: "POST", url, headers, payload });

  it("reports a retryable storage error for operations that need S3", async () => {
    const source = { s3: `s3://uploads/${"0".repeat(16)}/a.csv` };
    const admin = await p.as("acme", "admin");
    for (const response of [
      await post("/uploads", { fileName: "a.csv", bytes: 1 }),
      await p.app.inject({
        method: "POST",
        url: "/jobs",
        headers: admin,
        payload: { task: { type: "update", target: "prices", source } },
      }),
    ]) {
      assert.deepEqual([response.statusCode, response.json().type], [503, "StorageUnavailable"], response.body);
      assert.match(response.json().detail, /try again in a moment/);
      assert.doesNotMatch(response.body, /127\.0\.0\.1|ECONN/);
      assert.equal(response.headers["retry-after"], "5");
    }
  });

  it("accepts and cancels jobs while the queues do not respond either", async () => {
    const task = { type: "read", sql: "select 1" };
    p.context.sqs.send = () => Promise.reject(new Error("SQS is unreachable"));
    const statuses = [];
    for (const [url, payload] of [
      ["/jobs", { requestId: "a", task }],
      ["/jobs/a/cancel", {}],
      // The response is due again.
      ["/jobs", { requestId: "a", task }],
    ] as const)
      statuses.push((await post(url, payload)).statusCode);
    assert.deepEqual(statuses, [202, 200, 200]);
    const figures = await p.app.inject({ url: "/stats/figures", headers: await p.as("acme", "admin") });
    assert.deepEqual([figures.statusCode, figures.json().queues], [200, {}], "the sizes of the queues are unknown");
  });

  it("accepts a read, which does not need S3", async () => {
    const task = { type: "read", sql: "select 1" };
    assert.equal((await post("/jobs", { requestId: "read", task })).statusCode, 202);
    const { rows } = await p.admin.query("select request_id from jobs.jobs");
    assert.deepEqual(rows, [{ request_id: "read" }]);
  });
});
