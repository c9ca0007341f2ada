import assert from "node:assert/strict";
import { testApi } from "../../testing/api/api.ts";
import { start } from "../../testing/cli.ts";

describe("rates token", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let env: Record<string, string>;
  before(async () => {
    p = await testApi();
    const RATES_API = await p.app.listen({ host: "127.0.0.1", port: 0 });
    const { authorization } = await p.as("operations", "admin");
    env = { RATES_API, RATES_TOKEN: authorization.slice("Bearer ".length) };
  });
  after(() => p.close());

  const rates = (...args: string[]) => start(args, env).ended;
  const jobs = (token: string) => p.app.inject({ url: "/jobs", headers: { authorization: `Bearer ${token}` } });

  it("creates a token for its tenant and scopes, lists it without its secret, and revokes it immediately", async () => {
    const created = await rates("token", "create", "billing", "--for", "acme", "--scopes", "read");
    const token = created.stdout.trim();
    assert.match(token, /^rates_[\w-]{43}$/);
    assert.equal((await jobs(token)).statusCode, 200);
    const submitted = await p.app.inject({
      method: "POST",
      url: "/jobs",
      payload: {},
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(submitted.statusCode, 403);

    const { stdout } = await rates("--json", "token", "list");
    const listed = JSON.parse(stdout).find(({ name }: { name: string }) => name === "billing");
    assert.deepEqual([listed.tenant, listed.scopes, listed.revokedAt], ["acme", ["read"], null]);
    assert(!stdout.includes(token) && !stdout.includes("hash"));
    const { rows } = await p.admin.query("select * from jobs.tokens where name = 'billing'");
    assert(!JSON.stringify(rows).includes(token.slice(6)), "the database stores only its hash");

    const shown = (await rates("token", "list")).stdout;
    assert.match(shown, /^ID +KIND +NAME +TENANT +SCOPES +CREATED(?: +LAST USED)?\n/, "no column without a value");
    assert.match(shown, / billing +acme +read +\d{4}-\d\d-\d\d(?: |$)/m);
    assert.equal((await rates("token", "revoke", listed.id)).code, 0);
    assert.match((await rates("token", "list")).stdout, / REVOKED \(UTC\)\n/);
    assert.equal((await jobs(token)).statusCode, 401);
    const ownToken = JSON.parse(stdout).find(({ tenant }: { tenant: string }) => tenant === "operations");
    assert.match((await rates("token", "revoke", ownToken.id)).stderr, /another admin/);
    const again = await rates("token", "revoke", listed.id);
    assert.deepEqual([again.code, again.stderr.includes("rates token list")], [2, true]);
    await rates("token", "create", "newer", "--for", "acme", "--scopes", "read");
    const names = JSON.parse((await rates("--json", "token", "list")).stdout).map(({ name }: { name: string }) => name);
    assert.deepEqual([names[0], names.at(-1)], ["newer", "billing"], "valid tokens first, newest first");
  });

  it("is only for admins, and lists the valid scopes after an unknown scope", async () => {
    const { authorization } = await p.as("acme");
    for (const [method, url] of [
      ["POST", "/tokens"],
      ["GET", "/tokens"],
      ["DELETE", "/tokens/x"],
    ] as const)
      assert.equal((await p.app.inject({ method, url, headers: { authorization } })).statusCode, 403);
    const other = JSON.parse(
      (await rates("token", "create", "y", "--scopes", "read", "--tenant", "acme", "--json")).stdout,
    );
    const { rows } = await p.admin.query("select tenant from jobs.tokens where id = $1", [other.id]);
    assert.equal(rows[0].tenant, "acme", "--tenant selects the tenant, as in other commands");
    const wrong = await rates("token", "create", "x", "--scopes", "read,write");
    assert.deepEqual(
      [wrong.code, /'write' is not a scope\. Scopes: read, submit, update, cancel, admin/.test(wrong.stderr)],
      [2, true],
    );
  });
});
