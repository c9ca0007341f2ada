import type { FastifyReply, FastifyRequest, onRequestHookHandler } from "fastify";
import { JobError } from "../../contract/errors.ts";
import type { Database } from "../../store/jobs.ts";
import { type Caller, callerOf, recordUse, type Scope } from "../../store/tokens.ts";
import type { Limit, Limits } from "./limits.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller | undefined;
  }
}

/** Lets only holders of a token with a scope pass, as many times as the limit has it, and says who calls. */
export type Guard = (scope: Scope, limit?: Limit) => onRequestHookHandler;

/** Tokens that were good when last seen. Their holders need not share what an address may try. */
const MOST_KNOWN = 10_000;

/** Guards stand before everything else: of who may not come in, nothing is read. */
export function createGuards(db: Database, limits: Limits): Guard {
  const find = freshly((token) => callerOf(db, token));
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
      const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
      const caller = token === undefined ? undefined : await identify(token, request, reply);
      if (!caller) {
        await limits.address(request, reply);
        const reason =
          token === undefined ? "This needs a token." : "This token is not known, has expired or was revoked.";
        throw new JobError("Unauthorized", { reason });
      }
      request.caller = caller;
      await limit(request, reply);
      requireScope(caller, scope);
      record(caller);
    };
}

/**
 * Asks once for all who ask for the same at the same time, and nothing is remembered: an answer is never older than its
 * question, so that a token is of no use from the moment it is revoked.
 */
function freshly<T>(ask: (key: string) => Promise<T>): (key: string) => Promise<T> {
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
  if (!caller.scopes.includes(scope) && !caller.scopes.includes("admin")) throw new JobError("Forbidden", { scope });
}

/** Who calls, on a route behind a guard. */
export function callerOfRequest(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error("this route has no guard");
  return request.caller;
}
