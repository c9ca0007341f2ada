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

/** Lets only callers with a scope pass (`any`: every caller), within a limit, and identifies the caller. */
export type Guard = (scope: Scope | "any", limit?: Limit) => onRequestHookHandler;

/** What a request identifies its caller by. */
interface Credential {
  secret: string;
  from: "header" | "cookie";
}

/** Methods that change nothing. */
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/** Headers of what only its caller may see: no shared cache keeps it, and no browser takes it for a page. */
const PRIVATE = { "cache-control": "private, no-cache", "x-content-type-options": "nosniff" };

/** Returns true if a request has the header twice: which of them counts would depend on who reads it. */
function isAuthorizedTwice({ raw: { rawHeaders } }: FastifyRequest): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === "authorization") count += 1;
  return count > 1;
}

/** The credential of a request: a bearer token wins over a cookie, even one that is not valid. */
function credentialOf(request: FastifyRequest, platform: string): Credential | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const secret = isAuthorizedTwice(request) ? undefined : /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    return secret === undefined ? undefined : { secret, from: "header" };
  }
  const secret = cookieOf(request, cookieName(request, "session", platform));
  return secret === undefined || secret === "" ? undefined : { secret, from: "cookie" };
}

/** Tokens that were good when last seen. Their holders need not share what an address may try. */
const MOST_KNOWN = 10_000;

/** Guards stand before everything else: of who may not come in, nothing is read. */
export function createGuards(db: Database, limits: Limits, platform: string): Guard {
  const find = singleFlight((token) => callerOf(db, token));
  const known = new Set<string>();
  const recording = new Set<string>();
  /** Records the day of a token's first use per day, beside the request: a failure delays and refuses nothing. */
  const record = ({ tokenId, isUsedToday }: Caller) => {
    if (isUsedToday || recording.has(tokenId)) return;
    recording.add(tokenId);
    recordUse(db, tokenId)
      .catch(() => undefined)
      .finally(() => recording.delete(tokenId));
  };
  const identify = async (token: string, request: FastifyRequest, reply: FastifyReply) => {
    // Whoever guesses has spent their tries before the database is asked.
    if (!known.has(token)) await limits.address(request, reply, { counts: false });
    const caller = await find(token);
    if (!caller) known.delete(token);
    else if (!known.has(token)) {
      if (known.size >= MOST_KNOWN) known.clear();
      known.add(token);
    }
    return caller;
  };
  return (scope, limit = limits.token) =>
    async (request, reply) => {
      const credential = credentialOf(request, platform);
      // A cookie comes with whatever page made the request: a write must come from a page of our own.
      if (credential?.from === "cookie" && !SAFE.has(request.method) && !isSameOrigin(request)) throw crossOrigin();
      const caller = credential && (await identify(credential.secret, request, reply));
      if (!caller) {
        await limits.address(request, reply);
        throw unidentified(credential);
      }
      request.caller = caller;
      reply.headers(PRIVATE);
      await limit(request, reply);
      if (scope !== "any") requireScope(caller, scope);
      record(caller);
    };
}

/** Who calls, and how, for the audit trail. */
export function actorOf(request: FastifyRequest): Pick<AuditRecord, "actorId" | "actor" | "via"> {
  const { tokenId, name } = callerOfRequest(request);
  const { authorization, "user-agent": agent = "" } = request.headers;
  const via = authorization === undefined ? "dashboard" : agent.startsWith("rates-cli") ? "cli" : "api";
  return { actorId: tokenId, actor: name.slice(0, 100), via };
}

/** The error of a request whose caller is not known. */
function unidentified(credential: Credential | undefined): JobError {
  if (credential?.from === "cookie")
    return new JobError("Unauthorized", { reason: "The session has expired or was ended. Sign in again." });
  const problem =
    credential === undefined ? "This needs a token." : "This token is not known, has expired or was revoked.";
  const reason = `${problem} Send \`Authorization: Bearer <token>\`; \`rates token create\` makes one.`;
  return new JobError("Unauthorized", { reason });
}

/** The error of a write that a page of another origin may have made. */
export const crossOrigin = (): JobError =>
  new JobError("Forbidden", {
    reason:
      "A session cookie works for changes only from a page of this platform. Send a token in the Authorization header instead.",
  });

/** The error of a caller without a scope. */
export const lacksScope = (scope: Scope): JobError =>
  new JobError("Forbidden", { reason: `This token lacks the scope '${scope}'.` });

/**
 * Asks once for all who ask for the same at the same time, and nothing is remembered: an answer is never older than its
 * question, so that a token is of no use from the moment it is revoked.
 */
function singleFlight<T>(ask: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const asked = new Map<string, { running: Promise<T>; next: Promise<T> | undefined }>();
  const start = (key: string): Promise<T> => {
    const running = ask(key);
    const entry = { running, next: undefined };
    asked.set(key, entry);
    const done = () => {
      if (asked.get(key) === entry && entry.next === undefined) asked.delete(key);
    };
    running.then(done, done);
    return running;
  };
  return (key) => {
    const now = asked.get(key);
    if (!now) return start(key);
    // One that is under way may have been answered already: who comes now waits for the next.
    now.next ??= now.running.then(
      () => start(key),
      () => start(key),
    );
    return now.next;
  };
}

/** @throws JobError Forbidden, if the caller has neither the scope nor `admin` */
export function requireScope(caller: Caller, scope: Scope): void {
  if (!caller.scopes.includes(scope) && !caller.scopes.includes("admin")) throw lacksScope(scope);
}

/** Who calls, on a route behind a guard. */
export function callerOfRequest(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error("this route has no guard");
  return request.caller;
}
