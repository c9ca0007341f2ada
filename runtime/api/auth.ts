import type { FastifyRequest, preHandlerHookHandler } from "fastify";
import { JobError } from "../jobs/errors.ts";
import type { Database } from "../jobs/store.ts";
import { type Caller, callerOf, type Scope } from "../jobs/tokens.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller | undefined;
  }
}

/** How long a token's holder is remembered: a revoked token works no longer than that. Milliseconds. */
const REMEMBER_MS = 5_000;
const MOST_REMEMBERED = 10_000;

/** Makes guards that let only holders of a token with a scope pass, and say who calls. */
export function createGuards(db: Database): (scope: Scope) => preHandlerHookHandler {
  const remembered = new Map<string, { caller: Caller | undefined; until: number }>();
  const find = async (token: string): Promise<Caller | undefined> => {
    const known = remembered.get(token);
    if (known && known.until > Date.now()) return known.caller;
    const caller = await callerOf(db, token);
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(token, { caller, until: Date.now() + REMEMBER_MS });
    return caller;
  };
  return (scope) => async (request: FastifyRequest) => {
    const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined) throw new JobError("Unauthorized", { reason: "This needs a token." });
    const caller = await find(token);
    if (!caller) throw new JobError("Unauthorized", { reason: "This token is not known, or was revoked." });
    if (!caller.scopes.includes(scope) && !caller.scopes.includes("admin")) throw new JobError("Forbidden", { scope });
    request.caller = caller;
  };
}

/** Who calls, on a route behind a guard. */
export function callerOfRequest(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error("this route has no guard");
  return request.caller;
}
