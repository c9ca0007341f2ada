import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";

/** People who can sign in: the login is the name, any password works. */
const PEOPLE: Record<string, { email: string; groups: string[]; company: string }> = {
  ada: { email: "ada@acme.example", groups: ["rates-admins", "staff"], company: "acme" },
  bob: { email: "bob@acme.example", groups: ["rates-readers"], company: "acme" },
  eve: { email: "eve@other.example", groups: ["staff"], company: "other" },
};

/**
 * Access rules: `rates-admins` administer the platform as tenant `default`; `rates-readers` read and submit for the
 * tenant of their company.
 */
export const RULES = [
  { claim: "groups", value: "rates-admins", tenant: "default", scopes: ["admin"] },
  { claim: "groups", value: "rates-readers", tenantClaim: "company", scopes: ["read", "submit"] },
];

/** Options of the provider. */
export interface ProviderOptions {
  /** True to include groups in the ID token, not only in the userinfo response. */
  groupsInIdToken?: boolean;
}

/** Starts a real OpenID Connect provider on the loopback address, with a sign-in page and the device flow. */
export async function startProvider({ groupsInIdToken = false }: ProviderOptions = {}) {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "rates",
        // A native client may use any port of the loopback address.
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
        response_types: ["code"],
        redirect_uris: ["http://127.0.0.1/login/callback", "http://127.0.0.1/callback"],
      },
    ],
    claims: { openid: ["sub"], profile: ["groups", "company"], email: ["email"] },
    conformIdTokenClaims: !groupsInIdToken,
    features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) }),
    cookies: { keys: ["of a test"] },
  });
  // Creating the callback prints a warning that the provider is for development.
  const respond = provider.callback();
  const failures = new Map<string, number>();
  server.on("request", (request, response) => {
    const status = failures.get(request.url ?? "");
    if (status === undefined) respond(request, response);
    else response.writeHead(status).end();
  });
  return {
    issuer,
    settings: { issuer, clientId: "rates", name: "Acme login", rules: RULES },
    /** Status with which the provider responds to requests of a path, instead of its usual response. */
    failures,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A minimal browser: follows redirects, keeps cookies, and fills in the provider's forms. */
export class FormBrowser {
  readonly #cookies = new Map<string, Map<string, string>>();

  /**
   * Opens an address, signs in as a person and confirms everything.
   * @returns The last response with its address: the application's, or a page of the provider without a form.
   */
  async signIn(url: string, login: string): Promise<{ url: string; response: Response; text: string }> {
    let next: { url: string; form?: URLSearchParams } = { url };
    for (let steps = 0; steps < 30; steps++) {
      const response = await fetch(next.url, {
        redirect: "manual",
        headers: { cookie: this.cookiesOf(next.url) },
        ...(next.form ? { method: "POST", body: next.form } : {}),
      });
      this.#storeCookies(next.url, response.headers.getSetCookie());
      const location = response.headers.get("location");
      if (location !== null) {
        next = { url: new URL(location, next.url).href };
        continue;
      }
      const text = await response.text();
      const form = formOf(text, next.url, login);
      if (form === undefined) return { url: next.url, response, text };
      next = form;
    }
    throw new Error(`too many steps; the last is ${next.url}`);
  }

  cookiesOf(url: string): string {
    return [...(this.#cookies.get(new URL(url).host) ?? [])].map((pair) => pair.join("=")).join("; ");
  }

  #storeCookies(url: string, cookies: readonly string[]): void {
    const { host } = new URL(url);
    const hostCookies = this.#cookies.get(host) ?? new Map();
    this.#cookies.set(host, hostCookies);
    for (const cookie of cookies) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === "" || /max-age=0\b|expires=Thu, 01 Jan 1970/i.test(cookie)) hostCookies.delete(name);
      else hostCookies.set(name, value);
    }
  }
}

/** Fills in a page's form. @returns undefined for a page without a form */
function formOf(page: string, url: string, login: string): { url: string; form: URLSearchParams } | undefined {
  const action = /<form[^>]*action="([^"]+)"/.exec(page)?.[1];
  if (action === undefined) return undefined;
  const form = new URLSearchParams();
  for (const [input] of page.matchAll(/<input[^>]*>/g)) {
    const name = /name="([^"]+)"/.exec(input)?.[1];
    const value = /value="([^"]*)"/.exec(input)?.[1];
    if (name !== undefined) form.set(name, name === "login" ? login : (value ?? "x"));
  }
  return { url: new URL(action.replaceAll("&amp;", "&"), url).href, form };
}
