import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { testApi } from "../../testing/api/api.ts";
import { FormBrowser, startProvider } from "../../testing/api/oidcProvider.ts";

describe("signing in at an identity provider", function () {
  this.slow(2_000);
  let provider: Awaited<ReturnType<typeof startProvider>>;
  let p: Awaited<ReturnType<typeof testApi>>;
  let origin = "";
  before(async () => {
    provider = await startProvider();
    p = await testApi({ api: { signIn: { platform: "t", oidc: provider.settings } } });
    await p.app.listen({ host: "127.0.0.1", port: 0 });
    origin = `http://127.0.0.1:${(p.app.server.address() as AddressInfo).port}`;
  });
  after(async () => {
    await p.close();
    provider.close();
  });

  const signIn = async (login: string, browser = new FormBrowser()) => {
    const { url } = await browser.signIn(`${origin}/login/start?next=${encodeURIComponent("#/jobs/default/x")}`, login);
    const cookie = browser.cookiesOf(origin);
    return { url, cookie, session: (await fetch(`${origin}/session`, { headers: { cookie } })) as Response };
  };

  it("lists the sign-in methods", async () => {
    const { issuer } = provider;
    const scopes = ["openid", "profile", "email"];
    assert.deepEqual((await p.app.inject("/login")).json(), {
      oidc: { name: "Acme login", issuer, clientId: "rates", scopes },
    });
  });

  it("gives a user the tenant and scopes of the first rule that matches their claims, and redirects back", async () => {
    const ada = await signIn("ada");
    assert.match(ada.url, /\/dashboard#\/signed-in\/%23%2Fjobs%2Fdefault%2Fx$/);
    assert.match(ada.cookie, /^rates_session_t=rates_s_[\w-]{43}$/, "the sign-in's own cookie is gone");
    const { kind, name, tenant, scopes } = (await ada.session.json()) as Record<string, unknown>;
    assert.deepEqual([kind, name, tenant, scopes], ["session", "ada@acme.example", "default", ["admin"]]);
    const bob = (await (await signIn("bob")).session.json()) as Record<string, unknown>;
    assert.deepEqual([bob.name, bob.tenant, bob.scopes], ["bob@acme.example", "acme", ["read", "submit"]]);
  });

  it("limits sessions that a signed-in user creates to the lifetime of the sign-in, and gives them the same owner", async () => {
    const { cookie } = await signIn("ada");
    const token = cookie.slice(cookie.indexOf("=") + 1);
    const headers = { "sec-fetch-site": "same-origin" };
    const response = await p.app.inject({ method: "POST", url: "/session", headers, payload: { token } });
    assert.equal(response.statusCode, 201, response.body);
    const { rows } = await p.admin.query(
      `select c.expires_at <= s.expires_at as bounded, c.owner = s.owner as same from jobs.tokens c
       join jobs.tokens s on s.id = c.parent where c.id = $1`,
      [response.json().id],
    );
    assert.deepEqual(rows, [{ bounded: true, same: true }]);
  });

  it("refuses a user without a matching rule", async () => {
    const { url, session } = await signIn("eve");
    assert.match(url, /\/dashboard#\/sign-in-failed\/NoAccess$/);
    assert.equal(session.status, 401);
  });

  it("refuses a callback of a sign-in that this browser did not begin, or that was tampered with", async () => {
    const fail = async (path: string, cookie = "") => {
      const response = await p.app.inject({ url: path, headers: { cookie, host: new URL(origin).host } });
      assert.equal(response.statusCode, 302);
      assert.match(String(response.headers.location), /#\/sign-in-failed\/InvalidSignIn$/);
      assert.equal(response.headers["set-cookie"], undefined);
    };
    await fail("/login/callback?code=x&state=y");
    await fail("/login/callback");
    const begun = await p.app.inject({ url: "/login/start", headers: { host: new URL(origin).host } });
    const [cookie = ""] = String(begun.headers["set-cookie"]).split(";");
    assert.match(String(begun.headers["set-cookie"]), /HttpOnly; SameSite=Lax$/);
    const state = new URL(String(begun.headers.location)).searchParams.get("state") ?? "";
    await fail(`/login/callback?code=forged&state=${state}&iss=${encodeURIComponent(provider.issuer)}`, cookie);
    await fail(`/login/callback?error=access_denied&state=${state}&iss=${encodeURIComponent(provider.issuer)}`, cookie);
    await fail(`/login/callback?code=x&state=${state}x`, cookie);
  });

  it("uses PKCE, state and nonce, and without a public URL redirects only to the loopback address", async () => {
    const begin = (host: string) => p.app.inject({ url: "/login/start", headers: { host } });
    const url = new URL(String((await begin("127.0.0.1:8080")).headers.location));
    assert.equal(url.searchParams.get("redirect_uri"), "http://127.0.0.1:8080/login/callback");
    assert.equal(url.searchParams.get("code_challenge_method"), "S256");
    for (const name of ["code_challenge", "state", "nonce"])
      assert((url.searchParams.get(name) ?? "").length > 20, name);
    for (const host of ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:80:80"])
      assert.match(String((await begin(host)).headers.location), /sign-in-failed\/InvalidSignIn$/, host);
  });

  it("redirects to pages of the dashboard only", async () => {
    for (const next of ["https://evil.example", "//evil.example", "javascript:alert(1)", `#/${"x".repeat(600)}`]) {
      const begun = await p.app.inject({
        url: `/login/start?next=${encodeURIComponent(next)}`,
        headers: { host: new URL(origin).host },
      });
      const [, value = ""] = /=([^;]+)/.exec(String(begun.headers["set-cookie"])) ?? [];
      assert.equal(JSON.parse(Buffer.from(value, "base64url").toString()).page, "#/", next);
    }
  });

  it("reports an unavailable provider, in the browser and to the command line", async () => {
    const settings = { ...provider.settings, issuer: "http://127.0.0.1:1" };
    const q = await testApi({ api: { signIn: { platform: "t", oidc: settings } } });
    try {
      const begun = await q.app.inject({ url: "/login/start", headers: { host: "127.0.0.1" } });
      assert.match(String(begun.headers.location), /#\/sign-in-failed\/IdentityProviderUnavailable$/);
      const payload = { idToken: "x".repeat(30) };
      const response = await q.app.inject({ method: "POST", url: "/session-tokens", payload });
      assert.deepEqual([response.statusCode, response.json().type], [503, "IdentityProviderUnavailable"]);
    } finally {
      await q.close();
    }
  });
});
