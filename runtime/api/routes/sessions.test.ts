import assert from "node:assert/strict";
import { createToken } from "../../store/tokens.ts";
import { testApi } from "../../testing/api/api.ts";

const SAME_ORIGIN = { "sec-fetch-site": "same-origin" };

describe("sessions of the API", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  before(async () => {
    p = await testApi({ api: { trustedHops: 1, signIn: { platform: "here", sessionMinutes: 60, linkMinutes: 5 } } });
  });
  after(() => p.close());

  const call = (method: "GET" | "POST" | "DELETE", url: string, headers: object = {}, payload?: object) =>
    p.app.inject({ method, url, headers: headers as Record<string, string>, ...(payload ? { payload } : {}) });
  const linkFor = async (headers: object) => {
    const response = await call("POST", "/session-links", headers);
    assert.equal(response.statusCode, 201, response.body);
    assert.equal(response.headers["cache-control"], "no-store");
    return String(response.json().path);
  };
  const codeOf = (path: string) => path.replace(/^\/dashboard#\/sign-in\//, "");
  /** Signs in and returns the headers of a page with the cookie. */
  const signIn = async (body: object) => {
    const response = await call("POST", "/session", SAME_ORIGIN, body);
    assert.equal(response.statusCode, 201, response.body);
    const [pair = ""] = String(response.headers["set-cookie"]).split(";");
    return { response, cookie: pair, headers: { cookie: pair, ...SAME_ORIGIN } };
  };

  it("are created once per link, with the scopes of the token that created the link", async () => {
    const path = await linkFor(await p.as("acme", "read"));
    const { response, headers } = await signIn({ code: codeOf(path) });
    const { kind, name, tenant, scopes } = response.json();
    assert.deepEqual([kind, name, tenant, scopes], ["session", "test", "acme", ["read"]]);
    assert.equal((await call("GET", "/jobs", headers)).statusCode, 200);
    assert.equal((await call("GET", "/tokens", headers)).statusCode, 403);
    const again = await call("POST", "/session", SAME_ORIGIN, { code: codeOf(path) });
    assert.deepEqual([again.statusCode, again.json().type], [401, "InvalidSignIn"]);
    assert.match(again.json().detail, /already used.*Create another with `rates dashboard`/);
  });

  it("are created once if the same link is used concurrently", async () => {
    const code = codeOf(await linkFor(await p.as("acme")));
    const responses = await Promise.all(
      Array.from({ length: 8 }, () => call("POST", "/session", SAME_ORIGIN, { code })),
    );
    assert.equal(responses.filter(({ statusCode }) => statusCode === 201).length, 1);
  });

  it("are refused for an expired link, and for a link used as a token", async () => {
    const code = codeOf(await linkFor(await p.as("acme")));
    assert.equal((await call("GET", "/session", { authorization: `Bearer ${code}` })).statusCode, 401);
    await p.admin.query("update jobs.tokens set expires_at = jobs.clock() where kind = 'link'");
    assert.equal((await call("POST", "/session", SAME_ORIGIN, { code })).json().type, "InvalidSignIn");
  });

  it("are stored as hashes, and in a cookie that scripts cannot read and other sites cannot send", async () => {
    const { cookie, response } = await signIn({ code: codeOf(await linkFor(await p.as("acme"))) });
    const [, secret = ""] = cookie.split("=");
    assert.match(secret, /^rates_s_[\w-]{43}$/);
    const { rows } = await p.admin.query("select to_jsonb(t)::text as text from jobs.tokens t");
    assert(!rows.some(({ text }) => text.includes(secret)));
    assert.match(
      String(response.headers["set-cookie"]),
      /^rates_session_here=\S+; Path=\/; Max-Age=3[56]\d\d; HttpOnly; SameSite=Strict$/,
    );
  });

  it("use a Secure cookie behind TLS, under a name that only this host can set", async () => {
    const headers = { ...SAME_ORIGIN, "x-forwarded-proto": "https" };
    const { authorization } = await p.as("acme");
    const token = authorization.slice("Bearer ".length);
    const response = await call("POST", "/session", headers, { token });
    assert.match(String(response.headers["set-cookie"]), /^__Host-rates_session_here=.*; Secure$/);
    const [pair] = String(response.headers["set-cookie"]).split(";");
    assert.equal((await call("GET", "/session", { ...headers, cookie: pair })).statusCode, 200);
    // HTTP and HTTPS use different cookie names, so the cookie of one is not accepted over the other.
    assert.equal((await call("GET", "/session", { cookie: pair })).statusCode, 401);
  });

  it("ignore the cookie of another platform on the same host", async () => {
    const { cookie } = await signIn({ code: codeOf(await linkFor(await p.as("acme"))) });
    const other = cookie.replace("rates_session_here", "rates_session_there");
    assert.equal((await call("GET", "/session", { cookie: other })).statusCode, 401);
    assert.equal((await call("GET", "/session", { cookie: `${other}; ${cookie}; a=b` })).statusCode, 200);
  });

  it("allow writes only from a page of their own origin", async () => {
    const { cookie } = await signIn({ code: codeOf(await linkFor(await p.as("acme"))) });
    const task = { type: "read", sql: "select 1 as n" };
    const write = async (headers: object) => {
      const response = await call("POST", "/jobs", { cookie, host: "rates.example", ...headers }, { task });
      return response.statusCode;
    };
    for (const site of ["cross-site", "same-site", "none"])
      assert.equal(await write({ "sec-fetch-site": site, origin: "http://rates.example" }), 403, site);
    for (const origin of ["null", "http://evil.example", "http://rates.example:3001", "https://rates.example"])
      assert.equal(await write({ origin }), 403, origin);
    assert.equal(await write({}), 403);
    assert.equal(await write({ origin: "http://rates.example" }), 202);
    assert.equal(await write({ "sec-fetch-site": "same-origin" }), 202);
    const refused = await call("DELETE", "/session", { cookie });
    assert.match(refused.json().detail, /only from a page of this platform/);
  });

  it("yield to an Authorization header, even an invalid one", async () => {
    const { cookie } = await signIn({ code: codeOf(await linkFor(await p.as("acme", "read"))) });
    const other = await p.as("other", "read");
    assert.equal((await call("GET", "/session", { ...other, cookie })).json().tenant, "other");
    for (const authorization of ["Bearer rates_none", "Basic eDp5", "Bearer "])
      assert.equal((await call("GET", "/session", { authorization, cookie })).statusCode, 401, authorization);
    const submitter = await p.as("other", "submit");
    const task = { type: "read", sql: "select 1 as n" };
    assert.equal((await call("POST", "/jobs", { ...submitter, cookie }, { task })).json().tenant, "other");
  });

  it("end on sign-out, which removes the cookie and keeps the token", async () => {
    const acme = await p.as("acme");
    const { headers } = await signIn({ code: codeOf(await linkFor(acme)) });
    const response = await call("DELETE", "/session", headers);
    assert.equal(response.statusCode, 204);
    assert.match(String(response.headers["set-cookie"]), /^rates_session_here=; Path=\/; Max-Age=0/);
    const after = await call("GET", "/session", headers);
    assert.deepEqual(
      [after.statusCode, after.json().detail],
      [401, "The session has expired or was ended. Sign in again."],
    );
    assert.equal((await call("DELETE", "/session", acme)).statusCode, 204);
    assert.equal((await call("GET", "/session", acme)).statusCode, 200);
  });

  it("end with the token that created them, including those created by a session", async () => {
    const { id, token } = await createToken(p.admin, { name: "t", tenant: "acme", scopes: ["read"] });
    const bearer = { authorization: `Bearer ${token}` };
    const first = await signIn({ code: codeOf(await linkFor(bearer)) });
    const second = await signIn({ code: codeOf(await linkFor(first.headers)) });
    const unusedCode = codeOf(await linkFor(second.headers));
    const admin = await p.as("acme", "admin");
    const listed = (await call("GET", "/tokens", admin)).json().tokens as { id: string; kind: string }[];
    assert.equal(listed.find((entry) => entry.id === first.response.json().id)?.kind, "session");
    assert.equal((await call("DELETE", `/tokens/${id}`, admin)).statusCode, 204);
    for (const { headers } of [first, second]) assert.equal((await call("GET", "/session", headers)).statusCode, 401);
    assert.equal((await call("POST", "/session", SAME_ORIGIN, { code: unusedCode })).statusCode, 401);
  });

  it("end no later than their token", async () => {
    const expiresAt = new Date(Date.now() + 600_000).toISOString();
    const { token } = await createToken(p.admin, { name: "t", tenant: "acme", scopes: ["read"], expiresAt });
    const { response } = await signIn({ token });
    assert.equal(response.json().expiresAt.slice(0, 19), expiresAt.slice(0, 19));
    assert.match(String(response.headers["set-cookie"]), /Max-Age=(5\d\d|600);/);
  });

  it("end no later than the session that created them, by its secret or by a link", async () => {
    const first = await signIn({ code: codeOf(await linkFor(await p.as("acme"))) });
    const { id } = first.response.json();
    await p.admin.query("update jobs.tokens set expires_at = jobs.clock() + interval '200 seconds' where id = $1", [
      id,
    ]);
    const { expiresAt } = (await call("GET", "/session", first.headers)).json();
    const byLink = await signIn({ code: codeOf(await linkFor(first.headers)) });
    const bySecret = await signIn({ token: first.cookie.split("=")[1] });
    const byBoth = await signIn({ code: codeOf(await linkFor(bySecret.headers)) });
    for (const { response } of [byLink, bySecret, byBoth]) assert.equal(response.json().expiresAt, expiresAt);
    // A link ends then too: otherwise it could create a session after the first session has expired.
    const link = await call("POST", "/session-links", byLink.headers);
    assert.equal(link.json().expiresAt, expiresAt);
  });

  it("are limited to 50 per token: the oldest ends first", async () => {
    const { authorization } = await p.as("acme", "read");
    const token = authorization.slice("Bearer ".length);
    const first = await signIn({ token });
    for (let index = 0; index < 50; index++) await signIn({ token });
    assert.equal((await call("GET", "/session", first.headers)).statusCode, 401);
    const { rows } = await p.admin.query(
      "select count(*)::int as n from jobs.tokens s join jobs.tokens t on t.id = s.parent where t.hash = sha256($1)",
      [Buffer.from(token)],
    );
    assert.equal(rows[0].n, 50);
  });

  it("are deleted some time after they expire", async () => {
    await signIn({ code: codeOf(await linkFor(await p.as("acme"))) });
    await p.admin.query("update jobs.tokens set expires_at = jobs.clock() - interval '2 days' where kind <> 'token'");
    await p.admin.query("select jobs.expire(jobs.clock() - interval '1 day', 1000)");
    const { rows } = await p.admin.query("select count(*)::int as n from jobs.tokens where kind <> 'token'");
    assert.equal(rows[0].n, 0);
  });
});
