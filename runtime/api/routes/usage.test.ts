import assert from "node:assert/strict";
import { testApi } from "../../testing/api/api.ts";
import { estimateUsd } from "../cost.ts";

describe("GET /usage", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  before(async () => {
    p = await testApi({ runners: { glue: { usdPerHour: 0.0275 }, ec2: { usdPerHour: 0.2 } } });
    const admin = p.admin;
    await admin.query(`insert into jobs.usage (tenant, month, succeeded, failed, cancelled, rows, bytes, glue_seconds, ec2_seconds)
      values ('acme', '2026-01-01', 2, 1, 0, 10, 20, 3600, 1800), ('globex', '2026-01-01', 1, 0, 0, 5, 6, 7200, 0),
        ('acme', '2025-12-01', 9, 0, 0, 1, 1, 1, 1)`);
  });
  after(() => p.close());
  const usage = async (caller: string[], search = "?month=2026-01") => {
    const [tenant = "", ...scopes] = caller;
    const headers = await p.as(tenant, ...(scopes as "read"[]));
    const response = await p.app.inject({ url: `/usage${search}`, headers });
    return { status: response.statusCode, body: response.json() };
  };
  const acme = {
    ...{ tenant: "acme", succeeded: 2, failed: 1, cancelled: 0, rows: 10, bytes: 20 },
    ...{ glueSeconds: 3_600, ec2Seconds: 1_800, estimatedUsd: 0.0275 + 0.1 },
  };

  it("shows a tenant its own usage only", async () => {
    assert.deepEqual((await usage(["acme", "read"])).body, {
      month: "2026-01",
      tenants: [acme],
      furtherTenants: false,
    });
    assert.equal((await usage(["acme", "read"], "?month=2026-01&tenant=globex")).status, 403);
    assert.deepEqual((await usage(["other", "read"])).body.tenants, []);
  });

  it("shows an admin all tenants or one; the default is the current month", async () => {
    const { body } = await usage(["acme", "read", "admin"]);
    assert.deepEqual(
      body.tenants.map(({ tenant }: { tenant: string }) => tenant),
      ["globex", "acme"],
    );
    const globex = await usage(["acme", "read", "admin"], "?month=2026-01&tenant=globex");
    assert.equal(globex.body.tenants.length, 1);
    assert.equal((await usage(["acme", "read"], "")).body.month, new Date().toISOString().slice(0, 7));
  });

  it("refuses an invalid month, and requires the scope read", async () => {
    for (const month of ["2026-13", "2026-1", "0000-01", "2026-01-01"])
      assert.equal((await usage(["acme", "read"], `?month=${month}`)).status, 400, month);
    assert.equal((await p.app.inject({ url: "/usage" })).statusCode, 401);
    assert.equal((await usage(["acme", "submit"])).status, 403);
  });

  it("estimates no cost if the platform has no prices", () => {
    const runner = { slots: 1, idleSeconds: 30, startSeconds: 1, lifetimeSeconds: 1 };
    assert.equal(
      estimateUsd({ glueSeconds: 1, ec2Seconds: 1 }, { glue: { ...runner, usdPerHour: 1 }, ec2: runner }),
      undefined,
    );
  });
});
