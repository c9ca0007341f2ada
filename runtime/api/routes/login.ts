import type { FastifyReply, FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import { asJobError, JobError } from "../../contract/errors.ts";
import type { OidcSettings } from "../../platform/settings.ts";
import { type Claims, holderOfClaims } from "../../store/accessRules.ts";
import { type CreatedSession, createSession } from "../../store/sessions.ts";
import { callerOf } from "../../store/tokens.ts";
import { IdentityProvider, type PendingSignIn } from "../identityProvider.ts";
import { operation } from "../operation.ts";
import { type CookieOptions, cookieName, cookieOf, isSecure, setCookie } from "../plugins/cookies.ts";
import type { RoutePlugin } from "./plugin.ts";
import { recordSignIn, Session, sessionResponse, setSession } from "./sessions.ts";

/** Time limit for a sign-in at the identity provider. */
const PENDING_SECONDS = 900;
const CALLBACK = "/login/callback";
/** Matches the fragment of a dashboard page to return to after the sign-in. */
const PAGE = /^#\/[!-~]{0,500}$/;

const Methods = Type.Object({
  oidc: Type.Optional(
    Type.Object(
      {
        name: Type.String(),
        issuer: Type.String(),
        clientId: Type.String({ description: "a public client" }),
        scopes: Type.Array(Type.String()),
      },
      { description: "OpenID Connect provider; absent if users sign in with tokens and links only" },
    ),
  ),
});
const Exchange = Type.Object(
  {
    idToken: Type.String({ pattern: "^[\\w.-]+$", minLength: 20, maxLength: 16_384 }),
    accessToken: Type.Optional(
      Type.String({
        pattern: "^[!-~]+$",
        minLength: 1,
        maxLength: 16_384,
        description: "for claims that are not in the ID token",
      }),
    ),
  },
  { additionalProperties: false },
);
const SessionWithToken = Type.Object({ ...Session.properties, token: Type.String({ description: "shown only once" }) });

/**
 * Sign-in with an identity provider: GET /login lists the methods, GET /login/start and /login/callback serve browsers,
 * and POST /session-tokens serves `rates login`.
 */
export const loginRoutes: RoutePlugin = async (app, { db, settings, limits }) => {
  const { platform, sessionMinutes, oidc } = settings.api.signIn;
  const limit = (request: FastifyRequest, reply: FastifyReply) => limits.address(request, reply);
  const methods: Static<typeof Methods> = oidc
    ? { oidc: { name: oidc.name, issuer: oidc.issuer, clientId: oidc.clientId, scopes: oidc.scopes } }
    : {};
  app.get(
    "/login",
    operation(undefined, {
      id: "getLogin",
      tag: "sessions",
      summary: "The sign-in methods",
      onRequest: limit,
      responses: { 200: { description: "the sign-in methods", schema: Methods } },
    }),
    async () => methods,
  );
  if (!oidc) return;

  const provider = new IdentityProvider(oidc);
  const createUserSession = async (claims: Claims, singleUseToken?: string): Promise<CreatedSession> => {
    const session = await createSession(
      db,
      "session",
      { ...holderOfClaims(oidc.rules, claims), proof: singleUseToken },
      sessionMinutes * 60,
    );
    if (!session)
      throw new JobError("InvalidSignIn", { reason: "this ID token was already used for a session. Sign in again." });
    return session;
  };

  app.post(
    "/session-tokens",
    operation(undefined, {
      id: "exchangeIdToken",
      tag: "sessions",
      summary: "Exchange an ID token of the identity provider for a session (`rates login`)",
      onRequest: limit,
      body: Exchange,
      responses: {
        201: { description: "a session; send its token as Authorization: Bearer", schema: SessionWithToken },
      },
      errors: ["InvalidSignIn", "NoAccess", "IdentityProviderUnavailable"],
    }),
    async (request, reply) => {
      const { idToken, accessToken } = request.body;
      const { secret } = await createUserSession(await provider.verify(idToken, accessToken), idToken);
      const caller = await callerOf(db, secret);
      if (!caller) throw new JobError("InvalidSignIn", { reason: "the session has already ended. Sign in again." });
      await recordSignIn(db, request, caller, "identity provider", "cli");
      reply.code(201).header("cache-control", "no-store");
      return { ...sessionResponse(caller), token: secret };
    },
  );

  /** Returns the cookie name of one sign-in; several tabs can sign in at once. */
  const pendingCookieName = (request: FastifyRequest, state: string) =>
    cookieName(request, `login-${state.replace(/\W/g, "").slice(0, 16)}`, platform);
  const pendingOptions = (request: FastifyRequest, maxAge: number): CookieOptions =>
    // Lax, since the provider redirects here.
    ({ maxAge, sameSite: "Lax", isSecure: isSecure(request) });

  app.get<{ Querystring: { next?: unknown } }>(
    "/login/start",
    { onRequest: limit, schema: { hide: true } },
    async (request, reply) => {
      const { next } = request.query;
      const page = typeof next === "string" && PAGE.test(next) ? next : "#/";
      try {
        const { url, pending } = await provider.begin(redirectUri(request, oidc));
        const value = Buffer.from(JSON.stringify({ ...pending, page })).toString("base64url");
        reply.header(
          "set-cookie",
          setCookie(pendingCookieName(request, pending.state), value, pendingOptions(request, PENDING_SECONDS)),
        );
        return reply.header("cache-control", "no-store").redirect(url.href, 302);
      } catch (error) {
        return redirectToSignIn(request, reply, error);
      }
    },
  );

  app.get<{ Querystring: { state?: unknown } }>(
    CALLBACK,
    { onRequest: limit, schema: { hide: true } },
    async (request, reply) => {
      const name = pendingCookieName(request, String(request.query.state ?? ""));
      try {
        const pending = parsePending(cookieOf(request, name));
        const [, search = ""] = request.url.split(/(?=\?)/);
        const session = await createUserSession(await provider.finish(search, pending));
        setSession(request, reply, platform, session);
        const caller = await callerOf(db, session.secret);
        if (caller) await recordSignIn(db, request, caller, "identity provider");
        // Fastify appends this cookie to that of the session.
        reply.header("set-cookie", setCookie(name, "", pendingOptions(request, 0)));
        return reply
          .header("cache-control", "no-store")
          .redirect(`../dashboard#/signed-in/${encodeURIComponent(pending.page)}`, 302);
      } catch (error) {
        return redirectToSignIn(request, reply, error);
      }
    },
  );

  /** Redirects to the sign-in page with the error's code; the log has the reason. */
  const redirectToSignIn = (request: FastifyRequest, reply: FastifyReply, thrown: unknown) => {
    const { code } = asJobError(thrown);
    request.log.warn({ err: thrown }, "a sign-in at the identity provider failed");
    return reply.header("cache-control", "no-store").redirect(`../dashboard#/sign-in-failed/${code}`, 302);
  };
};

type Pending = PendingSignIn & { page: string };

/**
 * Reads the state of a sign-in.
 * @throws JobError InvalidSignIn if the browser did not begin it here, or it took too long
 */
function parsePending(value: string | undefined): Pending {
  const expired = new JobError("InvalidSignIn", {
    reason: "the sign-in did not begin in this browser, or took too long. Sign in again.",
  });
  if (value === undefined) throw expired;
  let pending: Partial<Record<keyof Pending, unknown>>;
  try {
    pending = JSON.parse(Buffer.from(value, "base64url").toString()) ?? {};
  } catch {
    throw expired;
  }
  const { state, nonce, verifier, redirectUri, page } = pending;
  if ([state, nonce, verifier, redirectUri, page].some((field) => typeof field !== "string")) throw expired;
  return { ...(pending as Pending), page: PAGE.test(String(page)) ? String(page) : "#/" };
}

/**
 * Returns the redirect URI: on the loopback address if the request names one (RFC 8252, section 7.3), otherwise on the
 * platform's public URL. Other Host headers are not used, since the caller chooses them.
 * @throws JobError InvalidSignIn if the platform has no address for the redirect
 */
function redirectUri(request: FastifyRequest, { publicUrl }: OidcSettings): string {
  const { host = "" } = request.headers;
  if (/^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/.test(host)) return `${request.protocol}://${host}${CALLBACK}`;
  if (publicUrl !== undefined) return `${publicUrl.replace(/\/$/, "")}${CALLBACK}`;
  throw new JobError("InvalidSignIn", {
    reason: `the platform has no public address, and '${host.slice(0, 100)}' is not this machine`,
  });
}
