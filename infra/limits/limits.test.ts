import assert from "node:assert/strict";
import { StackConfig } from "../../stacks/config/schema.ts";
import { FARGATE_SIZES, GLUE_DPU_SIZES, LIMITS, type Limit } from "./limits.ts";

const limits = Object.entries<Limit>(LIMITS);

describe("the service limits", () => {
  it("tell the adjustable ones from the hard ones by their code in Service Quotas", () => {
    for (const [name, { kind, quota }] of limits) assert.equal(quota !== undefined, kind === "adjustable", name);
    const codes = limits.flatMap(([, { quota }]) => (quota ? [`${quota.service} ${quota.code}`] : []));
    for (const code of codes) assert.match(code, /^[a-z]+[a-z0-9]* L-[0-9A-F]{8}$/);
    assert.equal(new Set(codes).size, codes.length, "one limit a code");
  });

  it("give low accounts less than the default", () => {
    for (const [name, { value, low }] of limits) assert.ok(low === undefined || low < value, name);
  });

  it("name the sizes that a configuration may choose, and no other", () => {
    const { api, runners } = StackConfig.properties;
    assert.deepEqual(
      api.properties.taskVcpus.enum,
      FARGATE_SIZES.map(({ vcpus }) => vcpus),
    );
    assert.deepEqual(
      runners.properties.glue.properties.dpu.enum,
      GLUE_DPU_SIZES.map(({ dpu }) => dpu),
    );
  });
});
