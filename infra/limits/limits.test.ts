import assert from "node:assert/strict";
import { StackConfig } from "../../stacks/config/schema.ts";
import { FARGATE_SIZES, GLUE_DPU_SIZES, LIMITS, type Limit } from "./limits.ts";

const limits = Object.entries<Limit>(LIMITS);

describe("the service limits", () => {
  it("have a Service Quotas code when they are adjustable, and none when they are hard", () => {
    for (const [name, { kind, quota }] of limits) assert.equal(quota !== undefined, kind === "adjustable", name);
    const codes = limits.flatMap(([, { quota }]) => (quota ? [`${quota.service} ${quota.code}`] : []));
    for (const code of codes) assert.match(code, /^[a-z]+[a-z0-9]* L-[0-9A-F]{8}$/);
    assert.equal(new Set(codes).size, codes.length, "one limit per code");
  });

  it("have a lowest known value below the default, if they have one", () => {
    for (const [name, { value, lowestKnown }] of limits)
      assert.ok(lowestKnown === undefined || lowestKnown < value, name);
  });

  it("include the sizes of API tasks and Glue runs that a configuration may choose", () => {
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
