import type { FastifyReply, FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import { JobError } from "../../contract/errors.ts";
import { type Channel, recordAudit } from "../../store/audit.ts";
import { type CreatedSession, createSession, endSession, holderOf, redeemLink } from "../../store/sessions.ts";
import { type Caller, callerOf, SCOPES } from "../../store/tokens.ts";
import type { Services } from "../deps.ts";
import { operation } from "../operation.ts";
import { actorOf, callerOfRequest, crossOriginError } from "../plugins/auth.ts";
import { cookieName, isSameOrigin, isSecure, setCookie } from "../plugins/cookies.ts";
import type { RoutePlugin } from "./plugin.ts";

/** Schema of a token or of a sign-in link's code. */
const secret = (description: string) => Type.String({ pattern: "^[!-~]+$", minLength: 1, maxLength: 200, description });
const SignIn = Type.Union([
  Type.Object({ code: secret("the code of a one-time sign-in link") }, { additionalProperties: false }),
  Type.Object(
    { token: secret("a token; the session has its scopes and ends with it") },
    { additionalProperties: false },
  ),
]);
export const Session = Type.Object({
  id: Type.String(),
  kind: Type.Enum(["token", "session"]),
  name: Type.String({ description: "name of the token or signed-in user" }),
  tenant: Type.String(),
  scopes: Type.Array(Type.Enum([...SCOPES])),
  expiresAt: Type.Optional(Type.String({ format: "date-time" })),
});
const Link = Type.Object({
  path: Type.String({ description: "path to open in a browser at the API's address; signs in once" }),
  expiresAt: Type.String({ format: "date-time" }),
});
const SET_COOKIE = { "Set-Cookie": Type.String({ description: "the session cookie, for this host only" }) };

/** Returns the path of the dashboard's sign-in page. The code is in the fragment, which no server or log receives. */
const signInPath = (code: string): string => `/dashboard#/sign-in/${code}`;

/** Sets the session cookie. */
export function setSession(
  request: FastifyRequest,
  reply: FastifyReply,
  platform: string,
  { secret, expiresAt }: CreatedSession,
): void {
  const maxAge = Math.max(0, Math.floor((Date.parse(expiresAt) - Date.now()) / 1000));
  const options = { maxAge, sameSite: "Strict", isSecure: isSecure(request) } as const;
  reply.header("set-cookie", setCookie(cookieName(request, "session", platform), secret, options));
}

/** Sign-in: exchanges a link or a token for a session, which the browser stores as a cookie. */
export const sessionRoutes: RoutePlugin = async (app, { db, settings, guard, limits }) => {
  const { platform, sessionMinutes, linkMinutes } = settings.api.signIn;
  const seconds = sessionMinutes * 60;

  app.post(
    "/session-links",
    operation(guard, {
      id: "createSessionLink",
      tag: "sessions",
      scope: "any",
      summary: "Create a one-time sign-in link to the dashboard, with the caller's scopes",
      responses: { 201: { description: "the link, shown only once", schema: Link } },
      errors: ["Forbidden"],
    }),
    async (request, reply) => {
      const link = await createSession(db, "link", holderOf(callerOfRequest(request)), linkMinutes * 60);
      if (!link) throw endedCredentialError();
      reply.code(201).header("cache-control", "no-store");
      return { path: signInPath(link.secret), expiresAt: link.expiresAt };
    },
  );

  app.post(
    "/session",
    operation(undefined, {
      id: "signIn",
      tag: "sessions",
      summary: "Sign in: exchange a link's code or a token for a session cookie",
      description: "Only for pages of this platform.",
      // Guesses are rate-limited before the database is queried.
      onRequest: (request, reply) => limits.address(request, reply),
      body: SignIn,
      responses: { 201: { description: "signed in", schema: Session, headers: SET_COOKIE } },
      errors: ["InvalidSignIn", "Forbidden"],
    }),
    async (request, reply) => {
      if (!isSameOrigin(request)) throw crossOriginError();
      const session = await exchange(request.body);
      setSession(request, reply, platform, session);
      reply.code(201).header("cache-control", "no-store");
      const caller = await callerOf(db, session.secret);
      if (!caller) throw endedCredentialError();
      await recordSignIn(db, request, caller, "code" in request.body ? "link" : "token");
      return sessionResponse(caller);
    },
  );

  const exchange = async (body: Static<typeof SignIn>): Promise<CreatedSession> => {
    if ("code" in body) {
      const session = await redeemLink(db, body.code, seconds);
      if (session) return session;
      const reason = "the link was already used, or has expired. Create another with `rates dashboard`.";
      throw new JobError("InvalidSignIn", { reason });
    }
    const caller = await callerOf(db, body.token);
    const session = caller && (await createSession(db, "session", holderOf(caller), seconds));
    if (session) return session;
    const reason = "this token is unknown, has expired or was revoked. Create one with `rates token create`.";
    throw new JobError("InvalidSignIn", { reason });
  };

  app.get(
    "/session",
    operation(guard, {
      id: "getSession",
      tag: "sessions",
      scope: "any",
      summary: "The caller: token or session, tenant and scopes",
      responses: { 200: { description: "the caller", schema: Session } },
    }),
    async (request, reply) => {
      reply.header("cache-control", "no-store");
      return sessionResponse(callerOfRequest(request));
    },
  );

  app.delete(
    "/session",
    operation(guard, {
      id: "signOut",
      tag: "sessions",
      scope: "any",
      summary: "Sign out: end the calling session. A token stays valid",
      responses: { 204: { description: "the session has ended", headers: SET_COOKIE } },
      errors: ["Forbidden"],
    }),
    async (request, reply) => {
      const { kind, tokenId, tenant } = callerOfRequest(request);
      if (kind === "session") {
        await endSession(db, tokenId);
        const record = { tenant, ...actorOf(request), action: "sign-out", target: tokenId } as const;
        await recordAudit(db, record).catch((error) =>
          request.log.error({ err: error, ...record }, "audit entry failed"),
        );
      }
      const options = { maxAge: 0, sameSite: "Strict", isSecure: isSecure(request) } as const;
      return reply
        .code(204)
        .header("set-cookie", setCookie(cookieName(request, "session", platform), "", options))
        .send();
    },
  );
};

/** Records a sign-in. Failures are logged and do not affect the session. */
export async function recordSignIn(
  db: Services["db"],
  request: FastifyRequest,
  { tenant, tokenId, name }: Caller,
  by: "link" | "token" | "identity provider",
  via: Channel = "dashboard",
): Promise<void> {
  const record = {
    tenant,
    actorId: tokenId,
    actor: name,
    via,
    action: "sign-in",
    target: tokenId,
    detail: { by },
  } as const;
  await recordAudit(db, record).catch((error) => request.log.error({ err: error, ...record }, "audit entry failed"));
}

/** Creates the error for a credential that ended during the request. */
const endedCredentialError = () =>
  new JobError("Unauthorized", { reason: "The token was just revoked, or has expired." });

/** Formats a caller for GET /session. */
export const sessionResponse = ({
  tokenId,
  kind,
  name,
  tenant,
  scopes,
  expiresAt,
}: ReturnType<typeof callerOfRequest>) => ({
  id: tokenId,
  kind,
  name,
  tenant,
  scopes: [...scopes],
  ...(expiresAt === undefined ? {} : { expiresAt }),
});
