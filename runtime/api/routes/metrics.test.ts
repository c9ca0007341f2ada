import assert from "node:assert/strict";
import { planRuns } from "../../store/runs.ts";
import { testApi } from "../../testing/api/api.ts";
import { testPlan } from "../../testing/jobs.ts";

describe("GET /metrics", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let headers: { authorization: string };
  before(async () => {
    p = await testApi({ runners: { glue: { slots: 3 }, ec2: { slots: 2 } } });
    headers = await p.as("acme", "admin", "submit", "read");
  });
  after(() => p.close());
  const lines = async () => (await p.app.inject({ url: "/metrics", headers })).body.split("\n");

  it("counts waiting jobs and slots by runner, and requests by route, never by path", async () => {
    const payload = { requestId: "one", task: { type: "read", sql: "select 1 as n", format: "csv" } };
    await p.app.inject({ method: "POST", url: "/jobs", headers, payload });
    await p.app.inject({ url: "/jobs/one", headers });
    await p.app.inject({ url: "/jobs/two", headers });
    const said = await lines();
    assert.ok(said.includes('rates_jobs{runner="glue",state="waiting"} 1'), said.join("\n"));
    assert.ok(said.includes('rates_slots{runner="ec2"} 2'));
    await planRuns(p.context.db, testPlan("glue", 1));
    // Somebody else's connection is busy while this is asked.
    const client = await p.pool.connect();
    const later = await lines();
    client.release();
    assert.ok(later.includes('rates_runs{runner="glue"} 1'), later.join("\n"));
    assert.ok(Number(/ (\d+)$/.exec(later.find((line) => line.includes('state="busy"')) ?? "")?.[1]) >= 1);
    assert.ok(said.includes('rates_http_request_seconds_count{method="GET",route="/jobs/:id",status="404"} 1'));
    assert.ok(!said.some((line) => line.includes("/jobs/one")));
  });

  it("needs an admin's token, since it counts the jobs of all tenants", async () => {
    assert.equal((await p.app.inject({ url: "/metrics" })).statusCode, 401);
    const tenant = await p.as("acme", "read", "submit", "update", "cancel");
    assert.equal((await p.app.inject({ url: "/metrics", headers: tenant })).statusCode, 403);
  });
});
