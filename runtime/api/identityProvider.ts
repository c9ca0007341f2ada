import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from "jose";
import * as oidc from "openid-client";
import { JobError } from "../contract/errors.ts";
import type { OidcSettings } from "../platform/settings.ts";
import type { Claims } from "../store/accessRules.ts";

/** Timeout of requests to the provider. */
const TIMEOUT_SECONDS = 10;
/** Maximum age of an ID token that is exchanged for a session. */
const ID_TOKEN_AGE = "10 minutes";
/** Accepted signature algorithms: only asymmetric ones, since only the provider has their private key. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

/** State of a sign-in while the user is at the provider. */
export interface PendingSignIn {
  state: string;
  nonce: string;
  verifier: string;
  redirectUri: string;
}

/** Metadata and signing keys of a provider. */
interface ProviderMetadata {
  config: oidc.Configuration;
  keys: ReturnType<typeof createRemoteJWKSet>;
}

/** An OpenID Connect provider. Its metadata is fetched at the first sign-in, and again after a failure. */
export class IdentityProvider {
  readonly settings: OidcSettings;
  #metadata: Promise<ProviderMetadata> | undefined;

  constructor(settings: OidcSettings) {
    this.settings = settings;
  }

  /**
   * Begins a sign-in.
   * @returns The provider's URL for the browser, and the state that `finish` checks.
   * @throws JobError IdentityProviderUnavailable
   */
  async begin(redirectUri: string): Promise<{ url: URL; pending: PendingSignIn }> {
    const { config } = await this.#discover();
    const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: this.settings.scopes.join(" "),
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      nonce,
    });
    return { url, pending: { state, nonce, verifier, redirectUri } };
  }

  /**
   * Completes a sign-in.
   * @param search - Query of the URL that the provider redirected to.
   * @returns The provider's claims about the user.
   * @throws JobError InvalidSignIn or IdentityProviderUnavailable
   */
  async finish(search: string, { state, nonce, verifier, redirectUri }: PendingSignIn): Promise<Claims> {
    const { config } = await this.#discover();
    try {
      const tokens = await oidc.authorizationCodeGrant(config, new URL(`${redirectUri}${search}`), {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw new Error("the provider sent no ID token");
      return await this.#withUserInfo(config, claims, tokens.access_token);
    } catch (error) {
      throw toJobError(error);
    }
  }

  /**
   * Verifies an ID token that the command line received.
   * @param accessToken - For claims that only the userinfo endpoint returns.
   * @returns The claims of the ID token and of the userinfo endpoint.
   * @throws JobError InvalidSignIn or IdentityProviderUnavailable
   */
  async verify(idToken: string, accessToken: string | undefined): Promise<Claims> {
    const { config, keys } = await this.#discover();
    try {
      const { payload } = await jwtVerify(idToken, keys, {
        issuer: config.serverMetadata().issuer,
        audience: this.settings.clientId,
        algorithms: ALGORITHMS,
        maxTokenAge: ID_TOKEN_AGE,
        requiredClaims: ["sub", "exp", "iat"],
        clockTolerance: 30,
      });
      if (Array.isArray(payload.aud) && payload.aud.length > 1 && payload.azp !== this.settings.clientId)
        throw new Error("the ID token is for another client");
      return await this.#withUserInfo(config, payload, accessToken);
    } catch (error) {
      throw toJobError(error);
    }
  }

  /** Adds the claims of the userinfo endpoint: many providers return groups only there (OIDC Core 1.0, section 5.4). */
  async #withUserInfo(
    config: oidc.Configuration,
    claims: JWTPayload | oidc.IDToken,
    accessToken: string | undefined,
  ): Promise<Claims> {
    const { iss, sub } = claims;
    if (iss === undefined || sub === undefined) throw new Error("the ID token has no issuer or subject");
    if (accessToken === undefined || config.serverMetadata().userinfo_endpoint === undefined)
      return { ...claims, iss, sub };
    const more = await oidc.fetchUserInfo(config, accessToken, sub);
    return { ...more, ...claims, iss, sub };
  }

  #discover(): Promise<ProviderMetadata> {
    this.#metadata ??= this.#fetchMetadata().catch((error) => {
      this.#metadata = undefined;
      throw unavailableError(error);
    });
    return this.#metadata;
  }

  async #fetchMetadata(): Promise<ProviderMetadata> {
    const { issuer, clientId } = this.settings;
    // The settings allow http on the loopback address only.
    const execute = [
      oidc.enableNonRepudiationChecks,
      ...(issuer.startsWith("http:") ? [oidc.allowInsecureRequests] : []),
    ];
    const config = await oidc.discovery(new URL(issuer), clientId, undefined, oidc.None(), {
      timeout: TIMEOUT_SECONDS,
      execute,
      [oidc.customFetch]: fetchFromProvider,
    });
    const { jwks_uri } = config.serverMetadata();
    if (jwks_uri === undefined) throw new Error("the provider's metadata has no jwks_uri");
    const keys = createRemoteJWKSet(new URL(jwks_uri), {
      timeoutDuration: TIMEOUT_SECONDS * 1_000,
      [customFetch]: fetchFromProvider,
    });
    return { config, keys };
  }
}

/**
 * Sends a request to the provider.
 * @throws JobError IdentityProviderUnavailable if the status is 429 or 5xx
 */
async function fetchFromProvider(url: string, init: object): Promise<Response> {
  const response = await fetch(url, init);
  if (response.status !== 429 && response.status < 500) return response;
  await response.body?.cancel();
  const { origin, pathname } = new URL(url);
  throw unavailableError(new Error(`${origin}${pathname} returned HTTP ${response.status}`));
}

/** Error codes of OAuth 2.0 (RFC 6749, section 4.1.2.1) for failures of the provider itself. */
const OUTAGE_CODES = ["server_error", "temporarily_unavailable"];

/** Creates the error of an unavailable provider, or returns that of `fetchFromProvider`. */
const unavailableError = (error: unknown): JobError =>
  jobErrorIn(error) ?? new JobError("IdentityProviderUnavailable", { reason: reasonOf(error) }, { cause: error });

/** Returns a JobError, also one that openid-client has wrapped, and undefined for other errors. */
const jobErrorIn = (error: unknown): JobError | undefined =>
  [error, (error as { cause?: unknown }).cause].find((each) => each instanceof JobError);

/**
 * Converts an error of the provider or its libraries to a JobError. Messages of these libraries contain no tokens.
 */
function toJobError(error: unknown): JobError {
  const jobError = jobErrorIn(error);
  if (jobError !== undefined) return jobError;
  const { code } = error as { code?: string };
  if (error instanceof errors.JWKSTimeout || code === "OAUTH_TIMEOUT" || error instanceof TypeError)
    return unavailableError(error);
  if (error instanceof oidc.AuthorizationResponseError) {
    const reason = `the identity provider returned ${error.error}`;
    if (OUTAGE_CODES.includes(error.error))
      return new JobError("IdentityProviderUnavailable", { reason }, { cause: error });
    return new JobError("InvalidSignIn", { reason: `${reason}. Sign in again.` }, { cause: error });
  }
  return new JobError("InvalidSignIn", { reason: `${reasonOf(error)}. Sign in again.` }, { cause: error });
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/\.$/, "") : "unknown error";
