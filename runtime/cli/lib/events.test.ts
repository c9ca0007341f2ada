import assert from "node:assert/strict";
import { mock } from "node:test";
import { Client } from "./apiClient.ts";
import { documents } from "./events.ts";
import { CommandError } from "./exits.ts";

describe("the documents of a watched job", () => {
  it("are requested again for a minute while the platform is unreachable", async () => {
    const client = new Client("http://127.0.0.1:1", "token");
    let requests = 0;
    client.fetch = async () => {
      requests += 1;
      if (requests === 1) return new Response('event: job\ndata: {"status":"IN_PROGRESS"}\n\n');
      throw new CommandError("unreachable", "unreachable", { isTransient: true });
    };
    mock.timers.enable({ apis: ["Date"], now: Date.now() });
    try {
      const all = documents(client, "a", new AbortController().signal);
      assert.equal((await all.next()).value?.status, "IN_PROGRESS");
      const next = all.next();
      // Advances the clock once the platform is unreachable, that is from the second request on.
      const timer = setInterval(() => requests >= 2 && mock.timers.tick(30_001), 50);
      await assert.rejects(next, /unreachable/).finally(() => clearInterval(timer));
      assert(requests >= 3, "it retries for a minute");
    } finally {
      mock.timers.reset();
    }
  });

  it("are requested again if the connection fails after minutes without a change", async () => {
    const client = new Client("http://127.0.0.1:1", "token");
    let requests = 0;
    client.fetch = async () => {
      requests += 1;
      if (requests === 3) return new Response('event: job\ndata: {"status":"SUCCEEDED"}\n\n');
      if (requests === 2) {
        mock.timers.tick(300_000);
        throw new CommandError("unreachable", "unreachable", { isTransient: true });
      }
      return new Response('event: job\ndata: {"status":"PENDING"}\n\n');
    };
    mock.timers.enable({ apis: ["Date"], now: Date.now() });
    try {
      const states: string[] = [];
      for await (const { status } of documents(client, "a", new AbortController().signal)) states.push(status);
      assert.deepEqual(states, ["PENDING", "SUCCEEDED"]);
    } finally {
      mock.timers.reset();
    }
  });
});
