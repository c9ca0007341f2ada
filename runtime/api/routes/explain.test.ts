import assert from "node:assert/strict";
import { testApi } from "../../testing/api/api.ts";

describe("POST /explain", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let headers: { authorization: string };
  let admin: { authorization: string };
  before(async () => {
    p = await testApi({ runners: { glue: { slots: 2 }, ec2: { slots: 1 } } });
    headers = await p.as("acme");
    admin = await p.as("acme", "admin");
  });
  after(() => p.close());
  const explain = (task: object, fields: object = {}) =>
    p.app.inject({ method: "POST", url: "/explain", headers, payload: { task, ...fields } });

  it("returns a read's plan, estimates, route and slots, and creates no job", async () => {
    const response = await explain({ type: "read", sql: "select * from generate_series(1, 100000) n", format: "csv" });
    assert.equal(response.statusCode, 200, response.body);
    const { plan, cost, estimatedRows, estimatedBytes, ...rest } = response.json();
    assert.deepEqual(rest, { route: "glue", room: { slots: 2, now: true } });
    assert.equal(plan["Node Type"], "Function Scan");
    assert.equal(cost, plan["Total Cost"]);
    assert.equal(estimatedRows, 100_000);
    assert.equal(estimatedBytes, 400_000);
    assert.equal((await p.admin.query("select from jobs.jobs")).rowCount, 0);
  });

  it("routes a read with a large expected result to EC2, like POST /jobs", async () => {
    const task = { type: "read", sql: "select * from generate_series(1, 1000000000) n", format: "csv" };
    assert.equal((await explain(task)).json().route, "ec2");
    const payload = { requestId: "large", task };
    assert.equal((await p.app.inject({ method: "POST", url: "/jobs", headers, payload })).statusCode, 202);
    const { rows } = await p.admin.query("delete from jobs.jobs where request_id = 'large' returning runner");
    assert.equal(rows[0].runner, "ec2");
  });

  it("estimates the rows that a statement would delete, without a plan", async () => {
    await p.admin.query("insert into regions values ('north', 'North', null)");
    await p.admin.query("insert into ports values ('AAAAA', 'A', 'north'), ('BBBBB', 'B', 'north')");
    await p.admin.query(
      "insert into prices select 'AAAAA', 'BBBBB', date '2020-01-01' + n % 100, 5 from generate_series(0, 999) n",
    );
    await p.admin.query("analyze prices");
    const rowsBefore = async (before: string) => {
      const response = await explain({ type: "update", statement: "purge_prices", params: { before } });
      assert.deepEqual(Object.keys(response.json()).sort(), ["estimatedRows", "room", "route"], response.body);
      return response.json().estimatedRows as number;
    };
    const half = await rowsBefore("2020-02-20");
    assert.ok(half > 450 && half < 550, String(half));
    assert.ok((await rowsBefore("2019-01-01")) < 50);
    assert.equal((await p.admin.query("delete from prices")).rowCount, 1_000);
  });

  it("returns the route of updates, without a plan", async () => {
    const response = await explain({
      type: "update",
      target: "prices",
      mode: "append",
      source: { inline: [{ orig_code: "CNSGH", dest_code: "NOOSL", day: "2021-01-01", price: 1 }] },
    });
    assert.deepEqual(response.json(), { route: "ec2", room: { slots: 1, now: true } });
  });

  it("reports that no slot is free once the waiting jobs need all slots", async () => {
    for (const requestId of ["a", "b"])
      await p.app.inject({
        method: "POST",
        url: "/jobs",
        headers,
        payload: { requestId, task: { type: "read", sql: "select 1", format: "csv" } },
      });
    const task = { type: "read", sql: "select 1 as n", format: "csv" };
    assert.deepEqual((await explain(task)).json().room, { slots: 2, now: false });
    const forAdmin = await p.app.inject({ method: "POST", url: "/explain", headers: admin, payload: { task } });
    assert.deepEqual(forAdmin.json().room, { slots: 2, running: 0, waiting: 2, now: false }, "counts of all tenants");
  });

  it("reports that a job would wait while no run may start, unless an existing run is free", async () => {
    const task = { type: "read", sql: "select 1 as n", format: "csv" };
    await p.admin.query("delete from jobs.jobs");
    await p.admin.query("update jobs.runners set paused_until = 'infinity' where runner = 'glue'");
    try {
      assert.deepEqual((await explain(task)).json().room, { slots: 2, now: false });
      await p.admin.query(
        "insert into jobs.runs (runner, slot, version, state, start_deadline) values ('glue', 1, 'v', 'RUNNING', now())",
      );
      assert.deepEqual((await explain(task)).json().room, { slots: 2, now: true });
    } finally {
      await p.admin.query("update jobs.runners set paused_until = null");
      await p.admin.query("delete from jobs.runs");
    }
  });

  it("reports that a job would wait once its tenant's jobs need all slots of the tenant", async () => {
    const limited = await testApi({ runners: { glue: { slots: 2, tenantSlots: 1 }, ec2: { slots: 1 } } });
    try {
      const task = { type: "read", sql: "select 1", format: "csv" };
      const room = async (tenant: string) => {
        const response = await limited.app.inject({
          method: "POST",
          url: "/explain",
          headers: await limited.as(tenant),
          payload: { task },
        });
        return response.json().room;
      };
      for (const requestId of ["a", "b"]) {
        const call = {
          method: "POST",
          url: "/jobs",
          headers: await limited.as("acme"),
          payload: { requestId, task },
        } as const;
        assert.equal((await limited.app.inject(call)).statusCode, 202);
      }
      assert.deepEqual(await room("acme"), { slots: 2, now: false });
      assert.deepEqual(await room("globex"), { slots: 2, now: true }, "waiting jobs of acme may take one slot only");
    } finally {
      await limited.close();
    }
  });

  for (const [name, sql, type] of [
    ["two statements", "select 1; delete from prices", "NotOneStatement"],
    ["SQL that closes the platform's parenthesis", "select 1) to stdout; commit; --", "InvalidSql"],
    ["text that is not a statement", "selec 1", "InvalidSql"],
    ["a table that reads may not use", "select * from jobs.tokens", "InvalidSql"],
    ["a write", "delete from prices", "InvalidSql"],
  ] as const) {
    it(`refuses ${name}`, async () => {
      const response = await explain({ type: "read", sql, format: "csv" });
      assert.equal(response.json().type, type, response.body);
      assert.ok(response.statusCode < 500);
    });
  }

  it("reports the position of an error in SQL, and the server's hint", async () => {
    const { detail } = (
      await explain({ type: "read", sql: 'select 1 as "é🚢",\n  nme from ports', format: "csv" })
    ).json();
    assert.match(detail, /"nme" does not exist \(line 2, column 3\)\. Perhaps you meant to reference the column/);
  });

  it("leaves no transaction open", async () => {
    await explain({ type: "read", sql: "select 1 as n", format: "csv" });
    const { rows } = await p.admin.query(
      "select usename, state, query from pg_stat_activity where datname = current_database() and usename in ('api_reader', 'job_reader_plan')",
    );
    assert.ok(rows.some(({ usename }) => usename === "job_reader_plan"));
    assert.deepEqual(
      rows.filter(({ state }) => state.startsWith("idle in transaction")),
      [],
    );
  });

  it("reports all problems of an invalid request at once", async () => {
    const response = await explain(
      { type: "read", query: "average_rates", params: {}, format: "xml" },
      { priority: 11 },
    );
    assert.equal(response.statusCode, 400);
    assert.ok(response.json().problems.length >= 3, response.body);
  });
});
