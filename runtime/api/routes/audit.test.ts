import assert from "node:assert/strict";
import { recordAudit } from "../../store/audit.ts";
import { testApi } from "../../testing/api/api.ts";

describe("the audit trail", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  beforeEach(async () => {
    p = await testApi();
  });
  afterEach(() => p.close());

  type Entry = { actor: string; via: string; action: string; target: string; tenant: string; detail: object };
  const call = (method: "GET" | "POST" | "DELETE", url: string, headers: object, payload?: object) =>
    p.app.inject({ method, url, headers: headers as Record<string, string>, ...(payload ? { payload } : {}) });
  const entries = async (headers: object, search = "") =>
    (await call("GET", `/audit${search}`, headers)).json().entries as Entry[];
  const read = { type: "read", sql: "select 1 as n" };

  it("records each submission, cancellation and retry once, with actor and channel", async () => {
    const acme = await p.as("acme");
    const cli = { ...acme, "user-agent": "rates-cli" };
    for (let count = 0; count < 2; count++) await call("POST", "/jobs", cli, { requestId: "a", task: read });
    await call("POST", "/jobs", acme, { requestId: "a", task: { ...read, sql: "select 2 as n" } });
    await call("POST", "/jobs/none/cancel", acme);
    await call("POST", "/jobs/a/cancel", acme);
    const retried = await call("POST", "/jobs/a/retry", cli);
    assert.equal(retried.statusCode, 202, retried.body);
    const recorded = await entries(acme);
    assert.deepEqual(
      recorded.map(({ actor, via, action, target }) => [actor, via, action, target]),
      [
        ["test", "cli", "retry", "a.retry-1"],
        ["test", "api", "cancel", "a"],
        ["test", "cli", "submit", "a"],
      ],
    );
    assert.deepEqual(recorded[0]?.detail, { type: "read", retryOf: "a" });
    assert.doesNotMatch(JSON.stringify(recorded), /select 1/, "no text of the task");
  });

  it("records the parameters of a purge", async () => {
    const acme = await p.as("acme");
    const task = { type: "update", statement: "purge_prices", params: { before: "2000-01-01" } };
    assert.equal((await call("POST", "/jobs", acme, { requestId: "purge", task })).statusCode, 202);
    assert.deepEqual((await entries(acme))[0]?.detail, task);
  });

  it("records names that jsonb cannot store, with replacement characters", async () => {
    const admin = await p.as("default", "admin");
    const created = await call("POST", "/tokens", admin, { name: "a\ud800b", tenant: "acme", scopes: ["read"] });
    assert.equal(created.statusCode, 201, created.body);
    const [entry] = await entries(admin, "?action=token.create");
    assert.deepEqual(entry?.detail, { name: "a\uFFFDb", scopes: ["read"] });
  });

  it("truncates a detail that is too large for the table, whatever its characters", async () => {
    const record = { tenant: "acme", actorId: "1", actor: "x", via: "api", action: "submit", target: "a" } as const;
    for (const character of ["a", "é", "€", "😀", '"', "\\", "\n"])
      for (const length of [1_000, 1_900, 5_000])
        await recordAudit(p.pool, { ...record, detail: { text: character.repeat(length) } });
    await recordAudit(p.pool, { ...record, detail: { text: "€".repeat(600) } });
    const [fitting, ...others] = await entries(await p.as("acme"));
    assert.deepEqual(fitting?.detail, { text: "€".repeat(600) });
    assert.equal(others.length, 21);
    const { beginning = "" } = (others[0]?.detail ?? {}) as { beginning?: string };
    assert.match(beginning, /^\{"text":"(\\n)+…$/);
    assert.equal(beginning.length, 1_000);
  });

  it("records redrives (except dry runs), token changes, sign-ins and sign-outs", async () => {
    const admin = await p.as("default", "admin");
    await call("POST", "/redrive", admin, { dryRun: true });
    await call("POST", "/redrive", admin, { types: ["ReceivedTooOften"] });
    const { id } = (await call("POST", "/tokens", admin, { name: "x", tenant: "acme", scopes: ["read"] })).json();
    assert.equal((await call("DELETE", `/tokens/${id}`, admin)).statusCode, 204);
    assert.equal((await call("DELETE", `/tokens/${id}`, admin)).statusCode, 404);
    const sameOrigin = { "sec-fetch-site": "same-origin" };
    const { path } = (await call("POST", "/session-links", admin)).json();
    const signedIn = await call("POST", "/session", sameOrigin, { code: path.split("/").at(-1) });
    const cookie = String(signedIn.headers["set-cookie"]).split(";")[0];
    await call("DELETE", "/session", { ...sameOrigin, cookie });
    const recorded = await entries(admin);
    assert.deepEqual(
      recorded.map(({ via, action, tenant }) => [via, action, tenant]),
      [
        ["dashboard", "sign-out", "default"],
        ["dashboard", "sign-in", "default"],
        ["api", "token.revoke", "acme"],
        ["api", "token.create", "acme"],
        ["api", "redrive", "default"],
      ],
    );
    assert.equal(recorded[2]?.target, id);
    assert.doesNotMatch(JSON.stringify(recorded), /rates_/, "no secret");
  });

  it("shows a tenant its own entries and an admin those of all tenants or one, with filters and pages", async () => {
    const [acme, other, admin] = [await p.as("acme"), await p.as("other"), await p.as("default", "admin")];
    for (const id of ["one", "two", "three"]) await call("POST", "/jobs", acme, { requestId: id, task: read });
    await call("POST", "/jobs", other, { requestId: "theirs", task: read });
    assert.deepEqual(
      (await entries(other)).map(({ target }) => target),
      ["theirs"],
    );
    assert.equal((await entries(admin)).length, 4);
    assert.equal((await entries(admin, "?tenant=acme")).length, 3);
    assert.equal((await call("GET", "/audit?tenant=acme", other)).statusCode, 403);
    assert.deepEqual(
      (await entries(acme, "?text=TW&action=submit")).map(({ target }) => target),
      ["two"],
    );
    assert.equal((await entries(acme, "?action=cancel")).length, 0);
    assert.equal((await entries(acme, "?since=2999-01-01T00:00:00Z")).length, 0);
    assert.equal((await entries(acme, "?since=2020-01-01T00:00:00%2B17:00")).length, 3, "Postgres rejects this offset");
    const [problem] = (await call("GET", "/audit?since=2999-01-01T00:00:00Z[UTC]", acme)).json().problems;
    assert.match(problem.message, /^must be an ISO 8601 time with an offset/);
    const first = (await call("GET", "/audit?limit=2", acme)).json();
    const rest = (await call("GET", `/audit?limit=2&before=${first.next}`, acme)).json();
    const targets = [...first.entries, ...rest.entries].map(({ target }: Entry) => target);
    assert.deepEqual([targets, rest.next], [["three", "two", "one"], undefined]);
  });

  it("cannot be changed by the API, and is deleted after its retention", async () => {
    await call("POST", "/jobs", await p.as("acme"), { requestId: "a", task: read });
    for (const statement of ["delete from jobs.audit", "update jobs.audit set actor = 'x'"])
      await assert.rejects(p.pool.query(statement), /permission denied/);
    const countEntries = async () => (await p.admin.query("select from jobs.audit")).rowCount;
    await p.admin.query("select jobs.expire_audit(jobs.clock() - interval '1 day', 1000)");
    assert.equal(await countEntries(), 1);
    await p.admin.query("select jobs.expire_audit(jobs.clock() + interval '1 day', 1000)");
    assert.equal(await countEntries(), 0);
  });
});
