import assert from "node:assert/strict";
import { mock } from "node:test";
import { Client } from "./apiClient.ts";
import { documents } from "./events.ts";
import { CommandError } from "./exits.ts";

describe("the documents of a watched job", () => {
  it("are awaited for a minute while the platform is down, and no longer", async () => {
    const client = new Client("http://127.0.0.1:1", "token");
    let asked = 0;
    client.fetch = async () => {
      asked += 1;
      if (asked === 1) return new Response('event: job\ndata: {"status":"IN_PROGRESS"}\n\n');
      throw new CommandError("unreachable", "away", { isTransient: true });
    };
    mock.timers.enable({ apis: ["Date"], now: Date.now() });
    try {
      const all = documents(client, "a", new AbortController().signal);
      assert.equal((await all.next()).value?.status, "IN_PROGRESS");
      const next = all.next();
      // Advances the clock once the platform is unreachable, that is from the second request on.
      const away = setInterval(() => asked >= 2 && mock.timers.tick(30_001), 50);
      await assert.rejects(next, /away/).finally(() => clearInterval(away));
      assert(asked >= 3, "a moment is nothing");
    } finally {
      mock.timers.reset();
    }
  });
});
