import assert from "node:assert/strict";
import fc from "fast-check";
import { readSettings } from "../platform/settings.ts";
import { PLATFORM_SENDER_ID } from "./aws/principals.ts";
import { connectionsFor, type LocalPlan, localPlan, localSettings, StackError, scaleToMachine } from "./plan.ts";

describe("the capacity of the local platform", () => {
  it("is the stack's if the machine has enough cores", () => {
    assert.deepEqual(scaleToMachine({ glue: 3, ec2: 2 }, 2), {
      glue: { stack: 3, local: 3 },
      ec2: { stack: 2, local: 2 },
    });
  });

  it("keeps the stack's proportion on a smaller machine", () => {
    assert.deepEqual(scaleToMachine({ glue: 60, ec2: 20 }, 2), {
      glue: { stack: 60, local: 6 },
      ec2: { stack: 20, local: 2 },
    });
  });

  it("never exceeds the stack's capacity or four processes per core, and has every runner type of the stack", () => {
    const runs = fc.nat({ max: 2_000 });
    fc.assert(
      fc.property(runs, runs, fc.integer({ min: 1, max: 64 }), (glue, ec2, cores) => {
        const { glue: g, ec2: e } = scaleToMachine({ glue, ec2 }, cores);
        assert.ok(g.local <= glue && e.local <= ec2);
        assert.ok(g.local + e.local <= 4 * cores);
        assert.equal(g.local > 0, glue > 0);
        assert.equal(e.local > 0, ec2 > 0);
      }),
    );
  });

  it("uses the requested number of processes per core, and suggests twice that number, at most 32, as the remedy", () => {
    assert.deepEqual(scaleToMachine({ glue: 60, ec2: 20 }, 2, 8).glue, { stack: 60, local: 12 });
    const remedy = (runsPerCore: number, startCommand?: string) => {
      const plan = localPlan("prod", { cores: 1, runsPerCore, ...(startCommand ? { startCommand } : {}) });
      const queues = { requests: "r", wakeups: "w", deadLetters: "d", responses: "a", tenants: {} };
      const settings = JSON.stringify(localSettings(plan, "local-test", queues, { results: "r", uploads: "u" }));
      const { limitedBy, limitRemedy } = readSettings({ RATES_SETTINGS: settings }).runners.glue;
      return `${limitedBy}: ${limitRemedy}`;
    };
    assert.match(
      remedy(1),
      /runs at most 1 runner process per core: restart with npm start -- --runs-per-core 2, or use/,
    );
    assert.match(
      remedy(4),
      /runs at most 4 runner processes per core: restart with npm start -- --runs-per-core 8, or use/,
    );
    assert.match(remedy(20), /--runs-per-core 32, or use/);
    assert.match(remedy(32), /per core: use a machine with more cores$/);
    assert.match(remedy(4, "npm start -- --port 4000"), /restart with npm start -- --port 4000 --runs-per-core 8, or/);
  });

  for (const stack of ["dev", "staging", "prod"]) {
    it(`follows from Pulumi.${stack}.yaml`, () => {
      const plan = localPlan(stack, { cores: 2 });
      assert.ok(plan.runners.glue.local >= 1 && plan.runners.ec2.local >= 1);
      assert.ok(plan.dispatchers.requests >= 2);
      const queues = { requests: "r", wakeups: "w", deadLetters: "d", responses: "a", tenants: {} };
      const settings = JSON.stringify(localSettings(plan, "local-test", queues, { results: "r", uploads: "u" }));
      assert.equal(readSettings({ RATES_SETTINGS: settings }).jobs.rawSql, plan.settings.jobs?.rawSql);
    });
  }

  it("suggests the nearest name for an unknown stack", () => {
    assert.throws(
      () => localPlan("stagin"),
      (error) => error instanceof StackError && /no stack 'stagin'\. Did you mean 'staging'/.test(error.message),
    );
  });

  it("is passed to every component in valid settings", () => {
    const runners = scaleToMachine({ glue: 60, ec2: 20 }, 2);
    const plan: LocalPlan = {
      stack: "prod",
      runners,
      dispatchers: { requests: 4, wakeups: 2 },
      tenants: [],
      callers: [{ senderId: "*", tenants: ["default"], scopes: ["read"] }],
      maxConnections: connectionsFor(runners),
      runsPerCore: 4,
      startCommand: "npm start --",
      settings: localPlan("prod").settings,
    };
    const queues = { requests: "r", wakeups: "w", deadLetters: "d", responses: "a", tenants: {} };
    const settings = localSettings(
      { ...plan, settings: { ...plan.settings, traces: { endpoint: "https://collector.example.com" } } },
      "local-test",
      queues,
      { results: "r", uploads: "u" },
    );
    const read = readSettings({ RATES_SETTINGS: JSON.stringify(settings) });
    assert.equal(read.runners.glue.slots, 6);
    assert.equal(read.runners.ec2.slots, 2);
    assert.equal(read.api.openRates, true);
    assert.equal(read.traces, undefined, "the stack's collector gets no traces from this machine");
    assert.deepEqual(
      read.callers?.map(({ senderId, tenants }) => [senderId, tenants]),
      [
        [PLATFORM_SENDER_ID, ["*"]],
        ["*", ["default"]],
      ],
      "the platform's own credentials may send for every tenant, others as in the stack",
    );
  });
});
