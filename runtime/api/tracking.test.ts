import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { testApi } from "../testing/api/api.ts";
import { startRecordingServer } from "../testing/tracking/recordingServer.ts";

describe("the API while the tracking store does not answer", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let headers: { authorization: string };
  beforeEach(async () => {
    const gone = await startRecordingServer(() => undefined);
    await gone.stop();
    p = await testApi({ tracking: { endpoint: gone.endpoint } });
    headers = await p.as("acme");
  });
  afterEach(() => p.close());

  it("accepts and shows jobs; searches and statistics fail at once with the reason", async () => {
    const task = { type: "read", query: "price_export", params: {}, format: "json" };
    const taken = await p.app.inject({ method: "POST", url: "/jobs", headers, payload: { requestId: "a", task } });
    assert.equal(taken.statusCode, 202, taken.body);
    assert.equal((await p.app.inject({ url: "/jobs/a", headers })).json().status, "PENDING");
    for (const url of ["/jobs?text=a", "/stats"]) {
      const answer = await p.app.inject({ url, headers });
      assert.deepEqual([answer.statusCode, answer.json().type], [503, "TrackingUnavailable"], answer.body);
      assert.match(answer.json().detail, /search is unavailable: it cannot be reached\. Jobs keep running/);
      assert.equal(answer.headers["retry-after"], "5");
    }
  });
});

describe("the start of the API and the dispatcher", () => {
  it("does not load the OpenSearch client before its first use", async () => {
    const loaded = async (use: string) => {
      const parts = ["./app.ts", "../dispatcher/dispatcher.ts", "../tracking/index.ts"];
      const script = `
        import { createRequire } from "node:module";
        for (const part of ${JSON.stringify(parts)}) await import(new URL(part, ${JSON.stringify(import.meta.url)}));
        const { trackingStore } = await import(new URL("../tracking/index.ts", ${JSON.stringify(import.meta.url)}));
        ${use}
        const { cache } = createRequire(${JSON.stringify(import.meta.url)});
        console.log(Object.keys(cache).filter((name) => name.includes("@opensearch-project")).length);`;
      const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
      return Number(stdout);
    };
    const store = `trackingStore({ tracking: { endpoint: "http://127.0.0.1:1", indexPrefix: "x" } })`;
    assert.equal(await loaded(`${store}; trackingStore({});`), 0);
    assert((await loaded(`await ${store}.search({ limit: 1 }).catch(() => {});`)) > 0, "so it can be seen here");
  });
});
