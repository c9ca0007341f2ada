import assert from "node:assert/strict";
import { httpDouble, json, start } from "../../testing/cli.ts";

describe("rates places", () => {
  it("lists matching places, or reports that none match", async () => {
    let places = [{ code: "NLRTM", name: "Rotterdam", kind: "port" }];
    const double = await httpDouble((call) => json(call, { places }));
    try {
      assert.match((await start(["places", "rott"], double.env).ended).stdout, /NLRTM +Rotterdam +port/);
      const first = await start(["places", "rott", "--limit", "1"], double.env).ended;
      assert.match(first.stderr, /^The first 1 place\. .*--limit N \(at most 100\) shows more\./);
      double.calls.pop();
      places = [];
      assert.match((await start(["places", "rott"], double.env).ended).stderr, /No places match/);
      await start(["places"], double.env).ended;
      assert.equal(double.calls[2], "GET /places?text=&limit=20");
      assert.equal(double.calls[0], "GET /places?text=rott&limit=20");
    } finally {
      double.close();
    }
  });
});
