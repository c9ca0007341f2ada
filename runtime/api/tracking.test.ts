import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { testApi } from "../testing/api/api.ts";
import { startRecordingServer } from "../testing/tracking/recordingServer.ts";

describe("the API while the tracking store does not respond", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let headers: { authorization: string };
  beforeEach(async () => {
    const gone = await startRecordingServer(() => undefined);
    await gone.stop();
    p = await testApi({ tracking: { endpoint: gone.endpoint } });
    headers = await p.as("acme");
  });
  afterEach(() => p.close());

  it("accepts and shows jobs, and fails searches and statistics at once with the reason", async () => {
    const task = { type: "read", query: "price_export", params: {}, format: "json" };
    const submitted = await p.app.inject({ method: "POST", url: "/jobs", headers, payload: { requestId: "a", task } });
    assert.equal(submitted.statusCode, 202, submitted.body);
    assert.equal((await p.app.inject({ url: "/jobs/a", headers })).json().status, "PENDING");
    for (const url of ["/jobs?text=a", "/stats"]) {
      const response = await p.app.inject({ url, headers });
      assert.deepEqual([response.statusCode, response.json().type], [503, "TrackingUnavailable"], response.body);
      assert.match(response.json().detail, /search is unavailable: it cannot be reached\. Jobs keep running/);
      assert.equal(response.headers["retry-after"], "5");
    }
  });
});

describe("the start of the API and the dispatcher", () => {
  it("does not load the OpenSearch client before its first use", async () => {
    const loadedModules = async (statements: string) => {
      const modules = ["./app.ts", "../dispatcher/dispatcher.ts", "../tracking/index.ts"];
      const script = `
        import { createRequire } from "node:module";
        for (const module of ${JSON.stringify(modules)}) await import(new URL(module, ${JSON.stringify(import.meta.url)}));
        const { trackingStore } = await import(new URL("../tracking/index.ts", ${JSON.stringify(import.meta.url)}));
        ${statements}
        const { cache } = createRequire(${JSON.stringify(import.meta.url)});
        console.log(Object.keys(cache).filter((name) => name.includes("@opensearch-project")).length);`;
      const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
      return Number(stdout);
    };
    const store = `trackingStore({ tracking: { endpoint: "http://127.0.0.1:1", indexPrefix: "x" } })`;
    assert.equal(await loadedModules(`${store}; trackingStore({});`), 0);
    assert((await loadedModules(`await ${store}.search({ limit: 1 }).catch(() => {});`)) > 0, "the first use loads it");
  });
});
