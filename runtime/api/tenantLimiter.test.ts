import assert from "node:assert/strict";
import { TenantLimiter } from "./tenantLimiter.ts";

describe("TenantLimiter", () => {
  it("limits each tenant and the process, and gives a released permit again", () => {
    const limiter = new TenantLimiter(3, 2, "others");
    const [first] = [limiter.take("a"), limiter.take("a")];
    assert.throws(() => limiter.take("a"), { code: "Busy" });
    limiter.take("b");
    assert.throws(() => limiter.take("c"), { code: "Busy" });
    first?.();
    // A second release frees nothing more.
    first?.();
    limiter.take("c");
    assert.throws(() => limiter.take("a"), { code: "Busy" });
  });
});
