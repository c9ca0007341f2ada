import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type * as Oidc from "openid-client";
import { reasonOf } from "../../contract/reason.ts";
import { untilAborted } from "../../contract/untilAborted.ts";
import { CommandError } from "./exits.ts";

/** Identity provider in the response of GET /login. */
export interface ProviderDescription {
  name: string;
  issuer: string;
  clientId: string;
  scopes: string[];
}

/** Tokens that a sign-in returns. */
export interface IdTokens {
  idToken: string;
  accessToken: string;
}

/** Dialogue with the user who signs in. */
export interface SignInDialogue {
  print(line: string): void;
  /** Opens a browser; may fail. */
  open(url: string): Promise<void>;
}

/** Time limit of a sign-in with a browser on this machine, in seconds. A provider limits a sign-in by device itself. */
const TIMEOUT_SECONDS = 600;

/** Reads the provider's configuration. Loads the library on demand, because only a sign-in needs it. */
async function discover({ issuer, clientId }: ProviderDescription): Promise<[typeof Oidc, Oidc.Configuration]> {
  const oidc = await import("openid-client");
  const isLocal = /^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(issuer);
  if (!isLocal && !issuer.startsWith("https:"))
    throw new CommandError(
      "unreachable",
      `The identity provider ${issuer} does not use TLS. Configure an https address in api.signIn.oidc.`,
    );
  const execute = isLocal ? [oidc.allowInsecureRequests] : [];
  try {
    return [oidc, await oidc.discovery(new URL(issuer), clientId, undefined, oidc.None(), { execute })];
  } catch (error) {
    throw unreachable(issuer, error);
  }
}

const unreachable = (issuer: string, error: unknown) =>
  new CommandError("unreachable", `The identity provider ${issuer} cannot be used: ${reasonOf(error)}`, {
    isTransient: true,
  });

/**
 * Signs in with a browser on this machine, as a public client with PKCE. The provider redirects the browser to a port
 * of the loopback address (RFC 8252, section 7.3).
 */
export async function signInByBrowser(
  provider: ProviderDescription,
  { print, open }: SignInDialogue,
  signal: AbortSignal,
): Promise<IdTokens> {
  const [oidc, config] = await discover(provider);
  const verifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const redirect = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`;
  const redirected = new Promise<{ url: URL; page: ServerResponse }>((resolve) => {
    server.on("request", (request, response) => {
      const url = new URL(request.url ?? "/", redirect);
      response.setHeader("connection", "close");
      // Other programs on this machine can call the port, so only a redirect with this sign-in's state is accepted.
      if (request.method !== "GET" || url.pathname !== "/callback" || url.searchParams.get("state") !== state)
        return response.writeHead(404).end();
      response.setHeader("content-type", "text/plain; charset=utf-8");
      resolve({ url, page: response });
    });
  });
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirect,
    scope: provider.scopes.join(" "),
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
  });
  try {
    print(`Sign in with ${provider.name}:\n  ${url.href}`);
    await open(url.href).catch((error) => print(reasonOf(error)));
    const { url: redirectedUrl, page } = await untilAborted(
      redirected,
      AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_SECONDS * 1000)]),
    );
    try {
      const tokens = await oidc.authorizationCodeGrant(config, redirectedUrl, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const idTokens = idTokensOf(tokens);
      await endPage(page, "Signed in. You can close this window and return to the command line.\n");
      return idTokens;
    } catch (error) {
      await endPage(page, "The sign-in failed. Return to the command line, which shows the reason.\n");
      throw error;
    }
  } catch (error) {
    throw signInError(error, signal);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Sends the page that the browser waits for. Also resolves if the browser has closed the connection. */
const endPage = (page: ServerResponse, text: string): Promise<void> =>
  new Promise((resolve) => {
    // A response that was closed during the token exchange emits no further event.
    if (page.destroyed) return resolve();
    page.once("close", resolve);
    page.end(text);
  });

/** Signs in with a browser on any machine: prints a code that the user enters at the provider (RFC 8628). */
export async function signInByDevice(
  provider: ProviderDescription,
  { print }: Pick<SignInDialogue, "print">,
  signal: AbortSignal,
): Promise<IdTokens> {
  const [oidc, config] = await discover(provider);
  if (config.serverMetadata().device_authorization_endpoint === undefined)
    throw new CommandError("invalid", `${provider.name} does not support device sign-in. Leave out --device.`);
  try {
    const device = await oidc.initiateDeviceAuthorization(config, { scope: provider.scopes.join(" ") });
    const complete = device.verification_uri_complete;
    const direct = complete === undefined ? "" : `\nor open\n  ${complete}`;
    print(`Open\n  ${device.verification_uri}\nin any browser and enter the code ${device.user_code}${direct}`);
    return idTokensOf(await oidc.pollDeviceAuthorizationGrant(config, device, undefined, { signal }));
  } catch (error) {
    throw signInError(error, signal);
  }
}

function idTokensOf({ id_token, access_token }: { id_token?: string; access_token: string }): IdTokens {
  if (id_token === undefined) throw new Error("the provider sent no ID token");
  return { idToken: id_token, accessToken: access_token };
}

function signInError(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof CommandError || signal.aborted) return error;
  if (error instanceof Error && error.name === "TimeoutError")
    return new CommandError(
      "waitTimedOut",
      `The sign-in was not completed within ${TIMEOUT_SECONDS / 60} minutes. Run the command again.`,
    );
  const { error: code } = error as { error?: string };
  return new CommandError("unreachable", `The sign-in failed: ${code ?? reasonOf(error)}.`);
}
