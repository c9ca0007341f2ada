import assert from "node:assert/strict";
import { DISPATCHER } from "../../infra/dispatcher.ts";
import { readSettings } from "../../runtime/platform/settings.ts";
import { rawConfig } from "../testing/config.ts";
import { planStack } from "./parse.ts";
import { stackSettings } from "./settings.ts";

const settingsOf = (change: Parameters<typeof rawConfig>[0]) => {
  const { config, plan, problems } = planStack(rawConfig(change), "dev");
  if (!config) throw new Error(JSON.stringify(problems));
  return { settings: stackSettings(config, plan), plan };
};

describe("settings of a stack's runtime", () => {
  it("can be read by the runtime, with a slot for every planned run", () => {
    const { settings, plan } = settingsOf((base) => base);
    const read = readSettings({ RATES_SETTINGS: JSON.stringify(settings) });
    assert.equal(read.runners.glue.slots, plan.glue.maxConcurrentRuns);
    assert.equal(read.runners.ec2.slots, plan.ec2.maxInstances);
    assert.equal(read.api.poolMax, plan.api.poolMax);
  });

  it("do not reassign a run's slot while the invocation that launches the run may still be running", () => {
    const { settings } = settingsOf((base) => base);
    // The dispatcher checks a deadline before it launches a run, but may be delayed between the check and the call.
    // Lambda's timeout bounds that delay: an invocation takes slots after its own start, so it launches nothing later
    // than one timeout after it took them.
    for (const { startSeconds } of Object.values(settings.runners))
      assert.ok(startSeconds >= 2 * DISPATCHER.timeoutSeconds);
  });

  it("have the configured maximum of slots per tenant, and no maximum by default", () => {
    assert.equal(settingsOf((base) => base).settings.runners.glue.tenantSlots, undefined);
    const { settings } = settingsOf((base) => ({
      ...base,
      runners: { glue: { tenantSlots: 3 }, ec2: { ...base.runners.ec2, tenantSlots: 1 } },
    }));
    assert.deepEqual([settings.runners.glue.tenantSlots, settings.runners.ec2.tenantSlots], [3, 1]);
  });

  it("give the API its sign-in methods, and its own URL for redirects from the identity provider", () => {
    const rule = { claim: "groups", value: "staff", tenant: "default", scopes: ["read"] };
    const { settings } = settingsOf((base) => ({
      ...base,
      api: {
        certificateArn: "arn:aws:acm:eu-central-1:111111111111:certificate/1",
        domainName: "rates.example.com",
        signIn: {
          sessionMinutes: 60,
          oidc: { issuer: "https://login.example.com/acme", clientId: "rates", rules: [rule] },
        },
      },
    }));
    const { signIn } = readSettings({ RATES_SETTINGS: JSON.stringify(settings) }).api;
    assert.deepEqual([signIn.sessionMinutes, signIn.oidc?.publicUrl], [60, "https://rates.example.com"]);
    assert.deepEqual(signIn.oidc?.rules, [rule]);
  });

  it("name the configured trace collector if it is valid, and none by default", () => {
    const traces = {
      endpoint: "https://collector.example.com/otlp",
      headersSecret: "arn:aws:secretsmanager:eu-central-1:111111111111:secret:rates/collector-AbCdEf",
    };
    const read = (more: object) =>
      readSettings({ RATES_SETTINGS: JSON.stringify(settingsOf((base) => ({ ...base, ...more })).settings) }).traces;
    assert.deepEqual([read({ traces }), read({})], [traces, undefined]);
    for (const endpoint of [
      "http://collector.example.com",
      "https://collector.example.com:4318",
      "https://user:secret@collector.example.com",
      "collector.example.com",
    ])
      assert.throws(() => settingsOf((base) => ({ ...base, traces: { endpoint } })), /traces\.endpoint/, endpoint);
    // Text that is not an ARN could be the key itself.
    for (const headersSecret of [
      "api-key=hunter2",
      "rates/collector",
      traces.headersSecret.replace("rates/", "other/"),
    ])
      assert.throws(
        () => settingsOf((base) => ({ ...base, traces: { ...traces, headersSecret } })),
        /traces\.headersSecret/,
        headersSecret,
      );
  });

  it("stop a Glue run from claiming jobs that could outlast its timeout", () => {
    const { settings } = settingsOf((base) => ({
      ...base,
      jobs: { maxTimeoutSeconds: 1_000 },
      runners: { ...base.runners, glue: { timeoutMinutes: 60 } },
    }));
    assert.equal(settings.runners.glue.lifetimeSeconds + 1_000, 3_600);
  });
});
