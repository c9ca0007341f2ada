import assert from "node:assert/strict";
import { FormBrowser, startProvider } from "../testing/api/oidcProvider.ts";
import { IdentityProvider } from "./identityProvider.ts";

describe("IdentityProvider", function () {
  this.slow(2_000);
  let provider: Awaited<ReturnType<typeof startProvider>>;
  before(async () => {
    provider = await startProvider();
  });
  afterEach(() => provider.failures.clear());
  after(() => provider.close());

  const create = () =>
    new IdentityProvider({ ...provider.settings, rules: [], scopes: ["openid", "profile", "email"] });
  /** The provider redirects to its own address, whose error page ends the sign-in of the browser. */
  const begin = (client: IdentityProvider) => client.begin(`${provider.issuer}/callback`);
  const signIn = async () => {
    const client = create();
    const { url, pending } = await begin(client);
    const { search } = new URL((await new FormBrowser().signIn(url.href, "ada")).url);
    return () => client.finish(search, pending);
  };

  it("completes a sign-in if the provider is available", async () => {
    const finish = await signIn();
    assert.equal((await finish()).sub, "ada");
  });

  for (const [path, status] of [
    ["/token", 503],
    ["/token", 429],
    ["/jwks", 500],
    ["/me", 502],
  ] as const)
    it(`reports an unavailable provider if ${path} returns ${status} during a sign-in`, async () => {
      const finish = await signIn();
      provider.failures.set(path, status);
      await assert.rejects(finish(), {
        code: "IdentityProviderUnavailable",
        message: new RegExp(`unavailable: ${provider.issuer}${path} returned HTTP ${status}\\. Try again`),
      });
    });

  it("reports an unavailable provider if its keys or metadata cannot be fetched for an ID token", async () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const idToken = `${encode({ alg: "RS256" })}.${encode({ sub: "ada" })}.c2ln`;
    for (const path of ["/jwks", "/.well-known/openid-configuration"]) {
      provider.failures.set(path, 503);
      await assert.rejects(create().verify(idToken, undefined), {
        code: "IdentityProviderUnavailable",
        message: new RegExp(`${path} returned HTTP 503`),
      });
      provider.failures.clear();
    }
  });

  it("distinguishes an outage that the redirect reports from a refused sign-in", async () => {
    for (const [error, code] of [
      ["temporarily_unavailable", "IdentityProviderUnavailable"],
      ["server_error", "IdentityProviderUnavailable"],
      ["access_denied", "InvalidSignIn"],
    ] as const) {
      const client = create();
      const { pending } = await begin(client);
      const { state } = pending;
      const search = `?${new URLSearchParams({ error, state, iss: provider.issuer })}`;
      await assert.rejects(client.finish(search, pending), { code, message: new RegExp(`returned ${error}\\.`) });
    }
  });

  it("reports a refused sign-in if the token endpoint returns another status", async () => {
    const finish = await signIn();
    provider.failures.set("/token", 400);
    await assert.rejects(finish(), { code: "InvalidSignIn" });
  });
});
