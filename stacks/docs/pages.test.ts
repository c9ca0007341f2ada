import assert from "node:assert/strict";
import { page, withTables } from "./docs.ts";
import { unformatted } from "./pageTables.ts";

describe("the page about stacks", () => {
  it("has every key of the configuration and what the stacks cost, as the code has them", () => {
    assert.equal(
      unformatted(page()),
      unformatted(withTables(page())),
      "`node stacks/docs.ts --write` brings it up to date",
    );
    for (const key of ["quotas.share", "runners.ec2.machineImage", "callers[].principal", "tracking.zoneCount"])
      assert.ok(unformatted(page()).includes(`|\`${key}\`|`), key);
    for (const stack of ["dev", "staging", "prod"]) assert.match(page(), new RegExp(`\\| ${stack} `));
  });
});
