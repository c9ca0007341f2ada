import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { syncTracking } from "../../dispatcher/syncTracking.ts";
import { testApi } from "../../testing/api/api.ts";
import { FormBrowser, startProvider } from "../../testing/api/oidcProvider.ts";
import { start } from "../../testing/cli.ts";
import { EXITS } from "../lib/exits.ts";

describe("rates login", function () {
  this.timeout(60_000);
  this.slow(5_000);
  let provider: Awaited<ReturnType<typeof startProvider>>;
  let p: Awaited<ReturnType<typeof testApi>>;
  let api = "";
  let configHome = "";
  before(async () => {
    provider = await startProvider();
    p = await testApi({ api: { signIn: { platform: "t", oidc: provider.settings } } });
    await p.app.listen({ host: "127.0.0.1", port: 0 });
    api = `http://127.0.0.1:${(p.app.server.address() as AddressInfo).port}`;
  });
  beforeEach(async () => {
    configHome = await mkdtemp(join(tmpdir(), "rates-login-"));
  });
  afterEach(() => rm(configHome, { recursive: true }));
  after(async () => {
    await p.close();
    provider.close();
  });

  const env = () => ({ XDG_CONFIG_HOME: configHome });
  const run = (...args: string[]) => start(args, env()).ended;
  const profiles = async () => JSON.parse(await readFile(join(configHome, "rates", "profiles.json"), "utf8"));
  /** Starts a sign-in and resolves with the address that it prints. */
  const startSignIn = async (...args: string[]) => {
    const { child, ended } = start(["login", "--api", api, ...args], env());
    let text = "";
    for (;;) {
      const url = /^ {2}(http\S+)$/m.exec(text)?.[1];
      const completeUrl = /or open\n {2}(http\S+)\n/.exec(text)?.[1];
      if (args.includes("--device") ? completeUrl : url) return { child, ended, url: (completeUrl ?? url) as string };
      const [data] = await once(child.stderr as NonNullable<typeof child.stderr>, "data");
      text += data;
    }
  };

  it("signs in with a browser on this machine, stores the session, and uses it for later commands", async () => {
    const { url, ended } = await startSignIn("--no-browser", "--profile", "acme");
    assert.equal(new URL(url).searchParams.get("code_challenge_method"), "S256");
    const page = await new FormBrowser().signIn(url, "bob");
    assert.match(page.text, /You can close this window/);
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /Signed in as bob@acme\.example for tenant acme \(read, submit\) until [-\d]{10} [:\d]{8} UTC\./,
    );
    assert.equal((await stat(join(configHome, "rates", "profiles.json"))).mode & 0o777, 0o600);
    assert.match((await run("whoami")).stdout, /^bob@acme\.example for tenant acme/);
    assert.equal((await run("list", "--json")).code, 0);
    assert.equal((await run("list", "--api", `${api}/`, "--json")).code, 0, "the token of a profile with this API");
    assert.doesNotMatch((await run("profile", "list", "--json")).stdout, /rates_s_/);

    const { token } = (await profiles()).profiles.acme;
    assert.equal((await run("logout")).code, 0);
    const after = await fetch(`${api}/session`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(after.status, 401, "the session has ended");
    const refused = await run("whoami");
    assert.deepEqual(
      [refused.code, /Profile 'acme' has no valid session for http/.test(refused.stderr)],
      [EXITS.invalid.code, true],
    );
  });

  it("shows a signed-in user only the jobs of their tenant", async () => {
    const submit = async (tenant: string, requestId: string) => {
      const headers = await p.as(tenant, "read", "submit");
      const payload = { requestId, task: { type: "read", sql: "select 1" } };
      assert.equal((await p.app.inject({ method: "POST", url: "/jobs", headers, payload })).statusCode, 202);
    };
    await submit("acme", "ours");
    await submit("other", "theirs");
    await syncTracking(p.context);
    const { url, ended } = await startSignIn("--no-browser");
    await new FormBrowser().signIn(url, "bob");
    assert.equal((await ended).code, 0);

    const { jobs } = JSON.parse((await run("list", "--json")).stdout);
    assert.deepEqual(
      jobs.map(({ requestId, tenant }: { requestId: string; tenant: string }) => [requestId, tenant]),
      [["ours", "acme"]],
    );
    assert.equal((await run("show", "ours")).code, 0);
    const hidden = await run("show", "theirs");
    assert.deepEqual([hidden.code, hidden.stdout], [EXITS.invalid.code, ""], hidden.stderr);
    const foreign = await run("list", "--tenant", "other");
    assert.deepEqual([foreign.code, foreign.stdout], [EXITS.unreachable.code, ""], foreign.stderr);
    assert.match(foreign.stderr, /lacks the scope 'admin'/);
    assert.equal(
      (await run("cancel", "ours")).code,
      EXITS.unreachable.code,
      "the rule does not grant the scope cancel",
    );
  });

  it("signs in with a browser on another machine", async () => {
    const { url, ended } = await startSignIn("--device");
    await new FormBrowser().signIn(url, "ada");
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Signed in as ada@acme\.example for tenant default \(admin\)/);
    assert.equal((await profiles()).current, "local");
  });

  it("reports that no rule gives the user access", async () => {
    const { url, ended } = await startSignIn("--no-browser");
    await new FormBrowser().signIn(url, "eve");
    const { code, stderr } = await ended;
    assert.equal(code, EXITS.unreachable.code);
    assert.match(stderr, /eve@other\.example signed in.*no rule of api\.signIn\.oidc\.rules.*groups/s);
    await assert.rejects(profiles());
  });

  it("ignores requests from other programs on this machine", async () => {
    const { url, child, ended } = await startSignIn("--no-browser");
    const redirect = new URL(url).searchParams.get("redirect_uri") ?? "";
    assert.equal((await fetch(`${redirect}?code=x&state=wrong`)).status, 404);
    assert.equal((await fetch(redirect, { method: "POST" })).status, 404);
    child.kill("SIGINT");
    assert.equal((await ended).code, EXITS.interrupted.code);
  });

  it("shows in the browser that a sign-in failed, and the reason in the terminal", async () => {
    const { url, ended } = await startSignIn("--no-browser");
    const sent = new URL(url).searchParams;
    const { issuer } = provider.settings;
    const query = new URLSearchParams({ error: "access_denied", state: sent.get("state") ?? "", iss: issuer });
    const page = await fetch(`${sent.get("redirect_uri")}?${query}`);
    assert.match(await page.text(), /^The sign-in failed\./);
    const { code, stderr } = await ended;
    assert.equal(code, EXITS.unreachable.code);
    assert.match(stderr, /access_denied/);
  });

  it("creates no session from a forged ID token", async () => {
    const idToken = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"sub":"ada"}').toString("base64url")}.`;
    for (const token of [idToken, `${idToken}AAAA`]) {
      const response = await p.app.inject({ method: "POST", url: "/session-tokens", payload: { idToken: token } });
      assert.deepEqual([response.statusCode, response.json().type], [401, "InvalidSignIn"], response.body);
    }
  });

  it("stores a token in a profile, and lists the existing profiles if the name is unknown", async () => {
    const { authorization } = await p.as("acme", "read");
    const token = authorization.slice("Bearer ".length);
    const stored = await run("login", "--api", api, "--token", token, "--profile", "ci");
    assert.equal(stored.code, 0, stored.stderr);
    assert.match((await run("whoami")).stdout, /^test for tenant acme/);
    assert.deepEqual(JSON.parse((await run("profile", "use", "--none", "--json")).stdout), { profile: null });
    assert.match((await run("whoami", "--profile", "ci")).stdout, /^test for tenant acme/);
    const { code, stderr } = await run("whoami", "--profile", "c1");
    assert.deepEqual([code, /There is no profile 'c1'.*ci/.test(stderr)], [EXITS.invalid.code, true], stderr);
    const unlike = await run("whoami", "--profile", "production");
    assert.match(unlike.stderr, /^There is no profile 'production'\. Known: ci; `rates login /);
    const removed = await run("profile", "remove", "ci", "--json");
    assert.deepEqual(JSON.parse(removed.stdout), { profile: "ci", removed: true });
    assert.deepEqual(await profiles(), { profiles: {} });
    const wrong = await run("login", "--api", api, "--token", "rates_wrong", "--profile", "ci");
    assert.equal(wrong.code, EXITS.unreachable.code);
  });
});
