import assert from "node:assert/strict";
import { mayLoad, uploadPrefix } from "./uploads.ts";

const alone = { hasSeveralTenants: false, sharedPrefixes: [] };
const several = { hasSeveralTenants: true, sharedPrefixes: ["drops/", "0"] };

describe("objects of the uploads bucket that a tenant may load", () => {
  const own = uploadPrefix("acme");
  const foreign = uploadPrefix("other");

  it("are its own uploads, and no other tenant's, in every stack", () => {
    for (const rules of [alone, several]) {
      assert.equal(mayLoad(`${own}/x.csv`, "acme", rules), true);
      assert.equal(mayLoad(`${foreign}/x.csv`, "acme", rules), false);
      // A tenant whose name equals another tenant's prefix cannot load its uploads.
      assert.equal(mayLoad(`${foreign}/x.csv`, foreign, rules), false);
      for (const key of [`${own}/../${foreign}/x.csv`, `./${foreign}/x.csv`, `acme/..`, `acme/./x`, `..`])
        assert.equal(mayLoad(key, "acme", rules), false, key);
      assert.equal(mayLoad("acme/a..b/.c", "acme", rules), true);
    }
  });

  it("are all other keys in a stack with one tenant", () => {
    for (const key of ["x.csv", "other/x.csv", "drops/x.csv"]) assert.equal(mayLoad(key, "acme", alone), true, key);
  });

  it("are keys below its name and shared keys in a stack with several tenants", () => {
    for (const key of ["acme/x.csv", "drops/x.csv"]) assert.equal(mayLoad(key, "acme", several), true, key);
    for (const key of [
      "x.csv",
      "other/x.csv",
      "acme",
      "acme2/x.csv",
      "/acme/x.csv",
      "ACME/x.csv",
      `0${foreign.slice(1)}/x`,
    ])
      assert.equal(mayLoad(key, "acme", several), false, key);
  });
});
