import assert from "node:assert/strict";
import { json, start, startFakeServer } from "../../testing/cli.ts";
import { EXITS } from "../lib/exits.ts";

const USAGE = {
  ...{ tenant: "acme", succeeded: 1_200, failed: 3, cancelled: 0, rows: 45_000, bytes: 1_000_000 },
  ...{ glueSeconds: 7_200, ec2Seconds: 1_800, estimatedUsd: 0.123_4 },
};

describe("rates usage", () => {
  it("shows a month's usage by tenant with hours and estimated cost, and names excluded costs", async () => {
    const api = await startFakeServer((call) =>
      json(call, { month: "2026-01", tenants: [USAGE], furtherTenants: true }),
    );
    try {
      const { stdout, stderr } = await start(["usage", "--month", "2026-01", "--tenant", "acme"], api.env).ended;
      assert.match(stdout, /^TENANT +SUCCEEDED +FAILED +CANCELLED +ROWS +BYTES +GLUE H +EC2 H +USD\n/);
      assert.match(stdout, /\nacme +1,200 +3 +0 +45,000 +1,000,000 +2\.00 +0\.50 +0\.12\n/);
      assert.match(
        stderr,
        /more tenants: --tenant NAME[\s\S]*list prices of eu-central-1, without idle time, storage and traffic\./,
      );
      assert.deepEqual(api.calls, ["GET /usage?month=2026-01&tenant=acme"]);
    } finally {
      api.close();
    }
  });

  it("prints the response with --json, reports a month without jobs, and refuses an invalid month", async () => {
    const response = { month: "2026-02", tenants: [], furtherTenants: false };
    const api = await startFakeServer((call) => json(call, response));
    try {
      assert.deepEqual(JSON.parse((await start(["usage", "--json"], api.env).ended).stdout), response);
      assert.match((await start(["usage"], api.env).ended).stderr, /No jobs ended in 2026-02\./);
      const wrong = await start(["usage", "--month", "2026-13"], api.env).ended;
      assert.equal(wrong.code, EXITS.invalid.code);
      assert.match(wrong.stderr, /--month '2026-13' must be a month \(YYYY-MM\)/);
    } finally {
      api.close();
    }
  });
});
