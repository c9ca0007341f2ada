import type { FastifyReply, FastifyRequest, onRequestHookHandler } from "fastify";
import { JobError } from "../../contract/errors.ts";
import type { AuditRecord } from "../../store/audit.ts";
import type { Database } from "../../store/jobs.ts";
import { type Caller, callerOf, recordUse, type Scope } from "../../store/tokens.ts";
import { cookieName, cookieOf, isSameOrigin } from "./cookies.ts";
import type { Limit, Limits } from "./limits.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller | undefined;
  }
}

/** Creates a hook that identifies the caller, checks its rate limit and requires a scope (`any`: no specific scope). */
export type Guard = (scope: Scope | "any", limit?: Limit) => onRequestHookHandler;

/** Secret of a caller, and the part of the request that contains it. */
interface Credential {
  secret: string;
  from: "header" | "cookie";
}

/** Methods that change nothing. */
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Headers of private responses: shared caches must not store them, and browsers must not sniff their type. */
const PRIVATE_HEADERS = { "cache-control": "private, no-cache", "x-content-type-options": "nosniff" };

/** Returns true if a request has two Authorization headers: proxies and servers differ in which one they use. */
function isAuthorizedTwice({ raw: { rawHeaders } }: FastifyRequest): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === "authorization") count += 1;
  return count > 1;
}

/** Reads the credential of a request. An Authorization header, even an invalid one, takes precedence over a cookie. */
function credentialOf(request: FastifyRequest, platform: string): Credential | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const secret = isAuthorizedTwice(request) ? undefined : /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    return secret === undefined ? undefined : { secret, from: "header" };
  }
  const secret = cookieOf(request, cookieName(request, "session", platform));
  return secret === undefined || secret === "" ? undefined : { secret, from: "cookie" };
}

/** Maximum number of remembered valid tokens. Requests with them are not checked against the limit of the address. */
const MAX_REMEMBERED_TOKENS = 10_000;

/** Creates guards. They run before the body is read. */
export function createGuards(db: Database, limits: Limits, platform: string): Guard {
  const findCaller = singleFlight((token) => callerOf(db, token));
  const validTokens = new Set<string>();
  const recording = new Set<string>();
  /** Records the first use of a token per day in the background, so that failures affect no request. */
  const recordFirstUse = ({ tokenId, isUsedToday }: Caller) => {
    if (isUsedToday || recording.has(tokenId)) return;
    recording.add(tokenId);
    recordUse(db, tokenId)
      .catch(() => undefined)
      .finally(() => recording.delete(tokenId));
  };
  const identify = async (token: string, request: FastifyRequest, reply: FastifyReply) => {
    // The limit of the address applies before the database is queried for a token that is not remembered.
    if (!validTokens.has(token)) await limits.address(request, reply, { counts: false });
    const caller = await findCaller(token);
    if (!caller) validTokens.delete(token);
    else if (!validTokens.has(token)) {
      if (validTokens.size >= MAX_REMEMBERED_TOKENS) validTokens.clear();
      validTokens.add(token);
    }
    return caller;
  };
  return (scope, limit = limits.token) =>
    async (request, reply) => {
      const credential = credentialOf(request, platform);
      // Browsers send cookies with requests from any page; writes must come from a page of this platform.
      if (credential?.from === "cookie" && !SAFE_METHODS.has(request.method) && !isSameOrigin(request))
        throw crossOriginError();
      const caller = credential && (await identify(credential.secret, request, reply));
      if (!caller) {
        await limits.address(request, reply);
        throw unidentifiedError(credential);
      }
      request.caller = caller;
      reply.headers(PRIVATE_HEADERS);
      await limit(request, reply);
      if (scope !== "any") requireScope(caller, scope);
      recordFirstUse(caller);
    };
}

/** Identifies the caller and the channel for the audit trail. */
export function actorOf(request: FastifyRequest): Pick<AuditRecord, "actorId" | "actor" | "via"> {
  const { tokenId, name } = callerOfRequest(request);
  const { authorization, "user-agent": agent = "" } = request.headers;
  const via = authorization === undefined ? "dashboard" : agent.startsWith("rates-cli") ? "cli" : "api";
  return { actorId: tokenId, actor: name.slice(0, 100), via };
}

/** Creates the error for an unidentified caller. */
function unidentifiedError(credential: Credential | undefined): JobError {
  if (credential?.from === "cookie")
    return new JobError("Unauthorized", { reason: "The session has expired or was ended. Sign in again." });
  const problem =
    credential === undefined ? "A token is required." : "This token is unknown, has expired or was revoked.";
  const reason = `${problem} Send \`Authorization: Bearer <token>\`; create one with \`rates token create\`.`;
  return new JobError("Unauthorized", { reason });
}

/** Creates the error for a write that may come from a page of another origin. */
export const crossOriginError = (): JobError =>
  new JobError("Forbidden", {
    reason:
      "A session cookie authorizes changes only from a page of this platform. Send a token in the Authorization header instead.",
  });

/** Creates the error for a missing scope. */
export const missingScopeError = (scope: Scope): JobError =>
  new JobError("Forbidden", { reason: `This token lacks the scope '${scope}'.` });

/**
 * Shares one query among concurrent callers with the same key. Results are not cached: a result is never older than
 * the call, so that a revoked token is refused at once.
 */
function singleFlight<T>(query: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const pending = new Map<string, { running: Promise<T>; next: Promise<T> | undefined }>();
  const start = (key: string): Promise<T> => {
    const running = query(key);
    const entry = { running, next: undefined };
    pending.set(key, entry);
    const done = () => {
      if (pending.get(key) === entry && entry.next === undefined) pending.delete(key);
    };
    running.then(done, done);
    return running;
  };
  return (key) => {
    const entry = pending.get(key);
    if (!entry) return start(key);
    // The running query may already have read its result, so this call waits for the next one.
    entry.next ??= entry.running.then(
      () => start(key),
      () => start(key),
    );
    return entry.next;
  };
}

/**
 * Requires a scope.
 * @throws JobError Forbidden if the caller has neither the scope nor `admin`
 */
export function requireScope(caller: Caller, scope: Scope): void {
  if (!caller.scopes.includes(scope) && !caller.scopes.includes("admin")) throw missingScopeError(scope);
}

/** Returns the caller of a request on a guarded route. */
export function callerOfRequest(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error("the route has no guard");
  return request.caller;
}
