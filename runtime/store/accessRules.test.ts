import assert from "node:assert/strict";
import { holderOfClaims } from "./accessRules.ts";

describe("holderOfClaims", () => {
  const identity = { iss: "https://id.example", sub: "1" };
  const rules = [
    { claim: "groups", value: "analysts", tenant: "acme", scopes: ["read" as const] },
    { claim: "level", value: "3", tenant: "globex", scopes: ["read" as const] },
  ];

  it("compares texts, numbers and members of lists", () => {
    assert.equal(holderOfClaims(rules, { ...identity, groups: ["staff", "analysts"] }).tenant, "acme");
    assert.equal(holderOfClaims(rules, { ...identity, level: 3 }).tenant, "globex");
  });

  it("matches no object, null or nested list, and reports NoAccess", () => {
    const claims = { ...identity, groups: [{ toString: false }, null, ["analysts"]], level: { toString: false } };
    assert.throws(() => holderOfClaims(rules, claims), { code: "NoAccess" });
  });
});
