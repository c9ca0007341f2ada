import assert from "node:assert/strict";
import { hasSeveralTenants } from "./settings.ts";

describe("the number of a stack's tenants", () => {
  const senderId = "*";
  const queuesOf = (...tenants: string[]) => ({
    ...{ requests: "q", wakeups: "w", deadLetters: "d", responses: "r" },
    tenants: Object.fromEntries(tenants.map((tenant) => [tenant, tenant])),
  });

  it("counts the tenants with queues and those of callers together", () => {
    const caller = (...tenants: string[]) => ({ senderId, tenants, scopes: ["read" as const] });
    assert.equal(hasSeveralTenants({}), false);
    assert.equal(hasSeveralTenants({ queues: queuesOf("a"), callers: [caller("a", "*")] }), false);
    assert.equal(hasSeveralTenants({ queues: queuesOf("a", "b") }), true);
    assert.equal(hasSeveralTenants({ queues: queuesOf("a"), callers: [caller("b")] }), true);
    assert.equal(hasSeveralTenants({ callers: [caller("a"), caller("b")] }), true);
  });
});
