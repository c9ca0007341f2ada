import assert from "node:assert/strict";
import { TenantSlots } from "./tenantSlots.ts";

describe("slots of tenants", () => {
  it("limit each tenant and all together, and are free again once released", () => {
    const slots = new TenantSlots(3, 2, "others");
    const [first] = [slots.take("a"), slots.take("a")];
    assert.throws(() => slots.take("a"), { code: "Busy" });
    slots.take("b");
    assert.throws(() => slots.take("c"), { code: "Busy" });
    first?.();
    // A second release frees nothing more.
    first?.();
    slots.take("c");
    assert.throws(() => slots.take("a"), { code: "Busy" });
  });
});
