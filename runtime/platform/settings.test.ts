import assert from "node:assert/strict";
import { hasSeveralTenants, readSettings } from "./settings.ts";

describe("hasSeveralTenants", () => {
  const senderId = "*";
  const queuesOf = (...tenants: string[]) => ({
    ...{ requests: "q", wakeups: "w", deadLetters: "d", responses: "r" },
    tenants: Object.fromEntries(tenants.map((tenant) => [tenant, tenant])),
  });

  it("counts tenants with a response queue and tenants of callers together", () => {
    const caller = (...tenants: string[]) => ({ senderId, tenants, scopes: ["read" as const] });
    assert.equal(hasSeveralTenants({}), false);
    assert.equal(hasSeveralTenants({ queues: queuesOf("a"), callers: [caller("a", "*")] }), false);
    assert.equal(hasSeveralTenants({ queues: queuesOf("a", "b") }), true);
    assert.equal(hasSeveralTenants({ queues: queuesOf("a"), callers: [caller("b")] }), true);
    assert.equal(hasSeveralTenants({ callers: [caller("a"), caller("b")] }), true);
  });
});

describe("readSettings", () => {
  const read = (settings: unknown) => readSettings({ RATES_SETTINGS: JSON.stringify(settings) });

  it("fills in defaults at every depth, and keeps given values", () => {
    const { jobs, runners, api } = read({ jobs: { timeoutSeconds: 60 }, api: { signIn: { sessionMinutes: 5 } } });
    assert.deepEqual([jobs.timeoutSeconds, jobs.maxAttempts, jobs.urlHosts], [60, 3, []]);
    assert.deepEqual([runners.glue.slots, api.signIn.sessionMinutes, api.signIn.linkMinutes], [1, 5, 10]);
  });

  it("reports all problems with their fields", () => {
    assert.throws(() => read({ jobs: { timeoutSeconds: 0, urlHosts: [1] }, job: {}, buckets: { results: "r" } }), {
      message: `The settings are not valid:
  RATES_SETTINGS.job is not a known field. Did you mean 'jobs'?
  RATES_SETTINGS.buckets.uploads is missing.
  RATES_SETTINGS.jobs.timeoutSeconds must be at least 1.
  RATES_SETTINGS.jobs.urlHosts.0 must be of type string.`,
    });
    assert.throws(() => read([]), { message: "The settings are not valid:\n  RATES_SETTINGS must be of type object." });
  });
});
