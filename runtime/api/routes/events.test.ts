import assert from "node:assert/strict";
import { mock } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { testApi } from "../../testing/api/api.ts";
import { apiSuite } from "../../testing/api/suite.ts";

const read = { type: "read", sql: "select 1 as n", format: "json" };

describe("GET /jobs/{id}/events", () => {
  const { post, get, submit } = apiSuite();

  it("streams a job's changes until it has ended", async () => {
    await submit("watched");
    const [response] = await Promise.all([get("/jobs/watched/events"), post("/jobs/watched/cancel")]);
    assert.match(response.headers["content-type"] ?? "", /^text\/event-stream/);
    const states = [...response.body.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1] ?? "").status);
    assert.equal(states.at(-1), "CANCELLED");
  });

  it("sends comments on a silent stream, and stops polling when its client has disconnected", async () => {
    const other = await testApi();
    mock.timers.enable({ apis: ["Date"], now: Date.now() });
    try {
      const headers = await other.as("acme");
      const address = await other.app.listen({ host: "127.0.0.1", port: 0 });
      await other.app.inject({ method: "POST", url: "/jobs", payload: { requestId: "waits", task: read }, headers });
      const query = other.pool.query.bind(other.pool) as (...args: unknown[]) => unknown;
      let queries = 0;
      other.pool.query = ((...args: unknown[]) => {
        queries += 1;
        return query(...args);
      }) as never;
      const controller = new AbortController();
      const { body } = await fetch(`${address}/jobs/waits/events`, { headers, signal: controller.signal });
      const reader = (body as ReadableStream<Uint8Array>).getReader();
      const next = async () => new TextDecoder().decode((await reader.read()).value);
      assert.match(await next(), /"PENDING"/);
      mock.timers.tick(16_000);
      assert.equal(await next(), ": still here\n\n");
      controller.abort();
      let queriesBefore = -1;
      for (let count = 0; count < 20 && queries !== queriesBefore; count++) {
        queriesBefore = queries;
        await pause(600);
      }
      assert.equal(queries, queriesBefore);
    } finally {
      mock.timers.reset();
      await other.close();
    }
  });

  it("ends the streams of running jobs when the server closes, so that it can drain", async () => {
    const other = await testApi();
    try {
      const headers = await other.as("acme");
      const address = await other.app.listen({ host: "127.0.0.1", port: 0 });
      await other.app.inject({ method: "POST", url: "/jobs", payload: { requestId: "waits", task: read }, headers });
      const stream = await fetch(`${address}/jobs/waits/events`, { headers });
      const text = stream.text();
      await other.app.close();
      assert.match(await text, /"PENDING"/);
    } finally {
      await other.close();
    }
  });
});
