import assert from "node:assert/strict";
import { page, withTables } from "./docs.ts";

/** Without what the formatter does to a table. */
const plain = (text: string) => text.replace(/ *\| */g, "|").replace(/-{3,}/g, "---");

describe("the page about stacks", () => {
  it("has every key of the configuration and what the stacks cost, as the code has them", () => {
    assert.equal(plain(page()), plain(withTables(page())), "`node stacks/docs.ts --write` brings it up to date");
    for (const key of ["quotas.share", "runners.ec2.machineImage", "callers[].principal", "tracking.zoneCount"])
      assert.ok(plain(page()).includes(`|\`${key}\`|`), key);
    for (const stack of ["dev", "staging", "prod"]) assert.match(page(), new RegExp(`\\| ${stack} `));
  });
});
