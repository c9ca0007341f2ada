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
  const ask = (task: object, more: object = {}) =>
    p.app.inject({ method: "POST", url: "/explain", headers, payload: { task, ...more } });

  it("returns a read's plan, estimates, route and capacity, and creates no job", async () => {
    const response = await ask({ type: "read", sql: "select * from generate_series(1, 100000) n", format: "csv" });
    assert.equal(response.statusCode, 200, response.body);
    const { plan, cost, estimatedRows, estimatedBytes, ...rest } = response.json();
    assert.deepEqual(rest, { route: "glue", room: { slots: 2, now: true } });
    assert.equal(plan["Node Type"], "Function Scan");
    assert.equal(cost, plan["Total Cost"]);
    assert.equal(estimatedRows, 100_000);
    assert.equal(estimatedBytes, 400_000);
    assert.equal((await p.admin.query("select from jobs.jobs")).rowCount, 0);
  });

  it("sends a read whose result is expected to be large to EC2, and accepts it there", async () => {
    const task = { type: "read", sql: "select * from generate_series(1, 1000000000) n", format: "csv" };
    assert.equal((await ask(task)).json().route, "ec2");
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
      const response = await ask({ type: "update", statement: "purge_prices", params: { before } });
      assert.deepEqual(Object.keys(response.json()).sort(), ["estimatedRows", "room", "route"], response.body);
      return response.json().estimatedRows as number;
    };
    const half = await rowsBefore("2020-02-20");
    assert.ok(half > 450 && half < 550, String(half));
    assert.ok((await rowsBefore("2019-01-01")) < 50);
    assert.equal((await p.admin.query("delete from prices")).rowCount, 1_000);
  });

  it("returns the route of updates, without a plan", async () => {
    const response = await ask({
      type: "update",
      target: "prices",
      mode: "append",
      source: { inline: [{ orig_code: "CNSGH", dest_code: "NOOSL", day: "2021-01-01", price: 1 }] },
    });
    assert.deepEqual(response.json(), { route: "ec2", room: { slots: 1, now: true } });
  });

  it("reports no capacity once as many jobs wait as can start", async () => {
    for (const requestId of ["a", "b"])
      await p.app.inject({
        method: "POST",
        url: "/jobs",
        headers,
        payload: { requestId, task: { type: "read", sql: "select 1", format: "csv" } },
      });
    const task = { type: "read", sql: "select 1 as n", format: "csv" };
    assert.deepEqual((await ask(task)).json().room, { slots: 2, now: false });
    const asked = await p.app.inject({ method: "POST", url: "/explain", headers: admin, payload: { task } });
    assert.deepEqual(asked.json().room, { slots: 2, running: 0, waiting: 2, now: false }, "counts of all tenants");
  });

  for (const [what, sql, type] of [
    ["two statements", "select 1; delete from prices", "NotOneStatement"],
    ["a way out of the parentheses", "select 1) to stdout; commit; --", "InvalidSql"],
    ["text that is not a statement", "selec 1", "InvalidSql"],
    ["tables that a read may not see", "select * from jobs.tokens", "InvalidSql"],
    ["a write", "delete from prices", "InvalidSql"],
  ] as const) {
    it(`refuses ${what} as a job would`, async () => {
      const response = await ask({ type: "read", sql, format: "csv" });
      assert.equal(response.json().type, type, response.body);
      assert.ok(response.statusCode < 500);
    });
  }

  it("reports the position of an error in SQL, and the server's hint", async () => {
    const { detail } = (await ask({ type: "read", sql: 'select 1 as "é🚢",\n  nme from ports', format: "csv" })).json();
    assert.match(detail, /"nme" does not exist \(line 2, column 3\)\. Perhaps you meant to reference the column/);
  });

  it("leaves the API's own session unchanged", async () => {
    await ask({ type: "read", sql: "select 1 as n", format: "csv" });
    const { rows } = await p.app
      .inject({ url: "/readyz" })
      .then(() =>
        p.admin.query(
          "select count(*)::int as count from pg_stat_activity where usename = 'api_reader' and state like 'idle in transaction%' and datname = current_database()",
        ),
      );
    assert.equal(rows[0].count, 0);
  });

  it("reports all problems of an invalid request at once", async () => {
    const response = await ask({ type: "read", query: "average_rates", params: {}, format: "xml" }, { priority: 11 });
    assert.equal(response.statusCode, 400);
    assert.ok(response.json().problems.length >= 3, response.body);
  });
});
