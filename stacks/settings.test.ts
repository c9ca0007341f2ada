import assert from "node:assert/strict";
import { readSettings } from "../runtime/jobs/settings.ts";
import { planStack } from "./config.ts";
import { stackSettings } from "./settings.ts";
import { rawConfig } from "./testing/config.ts";

const settingsOf = (change: Parameters<typeof rawConfig>[0]) => {
  const { config, plan, problems } = planStack(rawConfig(change), "dev");
  if (!config) throw new Error(JSON.stringify(problems));
  return { settings: stackSettings(config, plan), plan };
};

describe("what a stack tells its runtime", () => {
  it("is what the runtime reads, and every slot is one that capacity counted", () => {
    const { settings, plan } = settingsOf((it) => it);
    const read = readSettings({ RATES_SETTINGS: JSON.stringify(settings) });
    assert.equal(read.runners.glue.slots, plan.glue.maxConcurrentRuns);
    assert.equal(read.runners.ec2.slots, plan.ec2.maxInstances);
    assert.equal(read.api.poolMax, plan.api.poolMax);
  });

  it("lets a Glue run begin no job that its timeout could cut off", () => {
    const { settings } = settingsOf((it) => ({
      ...it,
      jobs: { maxTimeoutSeconds: 1_000 },
      runners: { ...it.runners, glue: { timeoutMinutes: 60 } },
    }));
    assert.equal(settings.runners.glue.lifetimeSeconds + 1_000, 3_600);
  });
});
