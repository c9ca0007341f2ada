import assert from "node:assert/strict";
import { json, start, startFakeServer } from "../../testing/cli.ts";

describe("rates places", () => {
  it("lists matching places, or reports that none match", async () => {
    let places = [{ code: "NLRTM", name: "Rotterdam", kind: "port" }];
    const api = await startFakeServer((call) => json(call, { places }));
    try {
      assert.match((await start(["places", "rott"], api.env).ended).stdout, /NLRTM +Rotterdam +port/);
      const first = await start(["places", "rott", "--limit", "1"], api.env).ended;
      assert.match(first.stderr, /^The first 1 place\. .*--limit N \(at most 100\) shows more\./);
      api.calls.pop();
      places = [];
      assert.match((await start(["places", "rott"], api.env).ended).stderr, /No places match/);
      await start(["places"], api.env).ended;
      assert.equal(api.calls[2], "GET /places?text=&limit=20");
      assert.equal(api.calls[0], "GET /places?text=rott&limit=20");
    } finally {
      api.close();
    }
  });
});
