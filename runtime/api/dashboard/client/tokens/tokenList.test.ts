import assert from "node:assert/strict";
import { isEnded, matches } from "./tokenList.js";

describe("the list of tokens", () => {
  const token = {
    id: "3f9c2a1b",
    kind: "token" as const,
    name: "Billing service",
    tenant: "acme",
    scopes: ["read" as const, "submit" as const],
    createdAt: "2026-01-01T00:00:00.000Z",
    expiresAt: null,
    lastUsedOn: null,
    revokedAt: null,
  };
  const now = Date.parse("2026-06-01T00:00:00.000Z");

  it("distinguishes active tokens from revoked and expired ones", () => {
    assert.equal(isEnded(token, now), false);
    assert.equal(isEnded({ ...token, expiresAt: "2026-06-01T00:00:00.001Z" }, now), false);
    assert.equal(isEnded({ ...token, expiresAt: "2026-06-01T00:00:00.000Z" }, now), true);
    assert.equal(isEnded({ ...token, revokedAt: "2026-05-01T00:00:00.000Z" }, now), true);
  });

  it("finds tokens whose name, tenant, scopes or id contain every word", () => {
    for (const text of ["", "billing", "ACME submit", "3f9c", "service  read"]) assert.ok(matches(token, text), text);
    for (const text of ["globex", "billing admin"]) assert.ok(!matches(token, text), text);
  });
});
