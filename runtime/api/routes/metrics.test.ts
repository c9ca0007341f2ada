import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { planRuns } from "../../store/runs.ts";
import { testApi } from "../../testing/api/api.ts";
import { skip } from "../../testing/cluster.ts";
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
    const text = await lines();
    assert.ok(text.includes('rates_waiting{runner="glue"} 1'), text.join("\n"));
    assert.ok(text.includes('rates_slots{runner="ec2"} 2'));
    await planRuns(p.context.db, testPlan("glue", 1));
    // Keeps a connection busy, so that the metrics count it.
    const client = await p.pool.connect();
    // The metrics are cached for a multiple of the time that reading them took.
    let later = await lines();
    while (!later.includes('rates_running{runner="glue"} 1')) later = await lines();
    client.release();
    assert.ok(Number(/ (\d+)$/.exec(later.find((line) => line.includes('state="busy"')) ?? "")?.[1]) >= 1);
    assert.ok(text.includes('rates_http_request_seconds_count{method="GET",route="/jobs/:id",status="404"} 1'));
    assert.ok(!text.some((line) => line.includes("/jobs/one")));
  });

  it("has counters and histograms of ended jobs, and counts an unknown error type as Other", async () => {
    const admin = p.admin;
    await admin.query(`insert into jobs.totals (metric, runner, type, le, value) values
      ('failedByRequest', 'glue', 'InvalidRows', 'infinity', 3), ('failedByRequest', 'glue', 'Odd', 'infinity', 1),
      ('failedByRequest', 'glue', 'Odder', 'infinity', 1), ('runTime', 'glue', '', 2.5, 4), ('runTime', 'glue', '', 'infinity', 5),
      ('runTimeSum', 'glue', '', 'infinity', 12.5)`);
    let text = await lines();
    while (!text.some((line) => line.startsWith("rates_failed_by_request_total"))) text = await lines();
    for (const line of [
      'rates_failed_by_request_total{runner="glue",type="InvalidRows"} 3',
      'rates_failed_by_request_total{runner="glue",type="Other"} 2',
      'rates_run_time_seconds_bucket{runner="glue",le="2.5"} 4',
      'rates_run_time_seconds_bucket{runner="glue",le="+Inf"} 5',
      'rates_run_time_seconds_sum{runner="glue"} 12.5',
      'rates_succeeded_total{runner="ec2"} 0',
      "rates_dead_letters 0",
    ])
      assert.ok(text.includes(line), `${line} is not in\n${text.join("\n")}`);
    assert.ok(!text.some((line) => line.includes("acme")), "no series per tenant");
  });

  it("passes promtool check metrics", async function () {
    const text = (await p.app.inject({ url: "/metrics", headers })).body;
    const { stdout, status, error, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: text,
      encoding: "utf8",
    });
    if (error) skip(this, "promtool is not installed (Debian: prometheus)");
    assert.deepEqual([status, stdout + stderr], [0, ""]);
  });

  it("requires an admin's token, since it counts the jobs of all tenants", async () => {
    assert.equal((await p.app.inject({ url: "/metrics" })).statusCode, 401);
    const tenant = await p.as("acme", "read", "submit", "update", "cancel");
    assert.equal((await p.app.inject({ url: "/metrics", headers: tenant })).statusCode, 403);
  });
});
