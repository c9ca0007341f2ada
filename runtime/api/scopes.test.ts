import assert from "node:assert/strict";
import { createToken } from "../store/tokens.ts";
import { testApi } from "../testing/api/api.ts";

describe("scopes and tokens of the API", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  before(async () => {
    p = await testApi();
  });
  after(() => p.close());

  const rows = [{ orig_code: "CNSGH", dest_code: "NOOSL", day: "2021-01-01", price: 1 }];
  const updates: Record<string, object> = {
    "an inline batch": { type: "update", target: "prices", source: { inline: rows } },
    "a dry run": { type: "update", target: "prices", source: { inline: rows }, dryRun: true },
    "an S3 batch": { type: "update", target: "ports", source: { s3: "s3://uploads/x" } },
    "a URL batch": { type: "update", target: "regions", source: { url: "https://example.org/x.csv" } },
    "a statement": { type: "update", statement: "purge_prices", params: { before: "2000-01-01" } },
    "a statement without its parameters": { type: "update", statement: "purge_prices" },
    "an update that is not valid": { type: "update" },
  };
  const post = (url: string, payload: object, headers: object) =>
    p.app.inject({ method: "POST", url, payload, headers: headers as Record<string, string> });

  for (const [name, task] of Object.entries(updates))
    it(`refuses ${name} from a token without the scope update, at POST /jobs and POST /explain`, async () => {
      const submitter = await p.as("acme", "read", "submit", "cancel");
      const count = async () => (await p.admin.query("select from jobs.jobs")).rowCount;
      const before = await count();
      for (const url of ["/jobs", "/explain"]) {
        const response = await post(url, { task }, submitter);
        assert.deepEqual(
          [response.statusCode, response.json().detail],
          [403, "This token lacks the scope 'update'."],
          url,
        );
      }
      assert.equal(await count(), before);
    });

  it("accepts an update from a token with submit and update, and requires both", async () => {
    const payload = { requestId: "allowed", task: updates["a statement"] };
    assert.equal((await post("/jobs", payload, await p.as("acme", "update"))).statusCode, 403);
    assert.equal((await post("/jobs", payload, await p.as("acme", "submit", "update"))).statusCode, 202);
  });

  it("requires the scope update for retrying an update, but not for retrying a read", async () => {
    const owner = await p.as("acme", "submit", "update", "cancel");
    const submitter = await p.as("acme", "submit");
    const retried = { update: updates["a statement"], read: { type: "read", sql: "select 1 as n" } };
    for (const [requestId, task] of Object.entries(retried)) {
      await post("/jobs", { requestId, task }, owner);
      await post(`/jobs/${requestId}/cancel`, {}, owner);
    }
    assert.equal((await post("/jobs/update/retry", {}, submitter)).statusCode, 403);
    assert.equal((await post("/jobs/update/retry", {}, owner)).statusCode, 202);
    assert.equal((await post("/jobs/read/retry", {}, submitter)).statusCode, 202);
  });

  it("requires the scope update for uploads", async () => {
    const file = { fileName: "x.csv", bytes: 1 };
    assert.equal((await post("/uploads", file, await p.as("acme", "read", "submit", "cancel"))).statusCode, 403);
    assert.equal((await post("/uploads", file, await p.as("acme", "update"))).statusCode, 201);
  });

  it("accepts a token until it expires, and refuses it afterwards", async () => {
    const admin = await p.as("ops", "admin");
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const created = await post("/tokens", { name: "short", tenant: "acme", scopes: ["read"], expiresAt }, admin);
    assert.equal(created.statusCode, 201, created.body);
    const { id, token } = created.json();
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await p.app.inject({ url: "/jobs", headers })).statusCode, 200);
    const listed = (await p.app.inject({ url: "/tokens", headers: admin })).json().tokens;
    const listedToken = listed.find((entry: { id: string }) => entry.id === id);
    assert.equal(Date.parse(listedToken.expiresAt), Date.parse(expiresAt));
    await p.admin.query("update jobs.tokens set expires_at = jobs.clock() where id = $1", [id]);
    for (const url of ["/jobs", "/queries", "/stats", "/stats/figures", "/jobs/x/events"])
      assert.equal((await p.app.inject({ url, headers })).statusCode, 401, url);
  });

  it("refuses to create a token that is already expired", async () => {
    const payload = { name: "late", tenant: "acme", scopes: ["read"], expiresAt: "2020-01-01T00:00:00Z" };
    const response = await post("/tokens", payload, await p.as("ops", "admin"));
    assert.deepEqual([response.statusCode, response.json().problems[0].field], [400, "expiresAt"]);
  });

  it("accepts an expiry that is beyond the year 9999 in UTC", async () => {
    const admin = await p.as("ops", "admin");
    const payload = { name: "late", tenant: "acme", scopes: ["read"], expiresAt: "9999-12-31T23:59:59-23:59" };
    const { id } = (await post("/tokens", payload, admin)).json();
    const { tokens } = (await p.app.inject({ url: "/tokens", headers: admin })).json();
    const { expiresAt } = tokens.find((entry: { id: string }) => entry.id === id);
    assert.match(expiresAt, /^9999-12-31T23:59:59/);
  });

  it("records the day of last use once per day, not per request", async () => {
    const { id, token } = await createToken(p.admin, { name: "used", tenant: "acme", scopes: ["read"] });
    const read = async () =>
      (
        await p.admin.query("select last_used_on = current_date as today, xmin::text from jobs.tokens where id = $1", [
          id,
        ])
      ).rows[0];
    assert.equal((await read()).today, null);
    const use = () => p.app.inject({ url: "/queries", headers: { authorization: `Bearer ${token}` } });
    await p.admin.query("set time zone 'UTC'");
    await use();
    while ((await read()).today === null) await new Promise((resolve) => setImmediate(resolve));
    const first = await read();
    assert.equal(first.today, true);
    await Promise.all([use(), use(), use()]);
    assert.deepEqual(await read(), first, "the row is not written again");
  });
});

describe("the maximum of waiting jobs over HTTP", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  before(async () => {
    p = await testApi({ jobs: { maxWaiting: 1 } });
  });
  after(() => p.close());

  it("responds to submissions and retries with 429 and Retry-After, and leaves the id unused", async () => {
    const headers = await p.as("acme");
    const task = { type: "read", sql: "select 1 as n" };
    const post = (url: string, payload: object = {}) => p.app.inject({ method: "POST", url, payload, headers });
    assert.equal((await post("/jobs", { requestId: "one", task })).statusCode, 202);
    await post("/jobs/one/cancel");
    assert.equal((await post("/jobs", { requestId: "two", task })).statusCode, 202);
    for (const full of [await post("/jobs", { requestId: "three", task }), await post("/jobs/one/retry")]) {
      assert.deepEqual([full.statusCode, full.json().type], [429, "TooManyWaiting"]);
      assert.match(full.json().detail, /Tenant 'acme' has its maximum of 1 waiting jobs/);
      assert.match(String(full.headers["retry-after"]), /^[1-9]\d*$/);
    }
    assert.equal((await p.app.inject({ url: "/jobs/three", headers })).statusCode, 404);
    assert.equal(
      (await post("/jobs", { requestId: "two", task })).statusCode,
      200,
      "a repeated request is not another job",
    );
    await post("/jobs/two/cancel");
    assert.equal((await post("/jobs", { requestId: "three", task })).statusCode, 202);
  });
});
