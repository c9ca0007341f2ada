import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { JobError } from "../../contract/errors.ts";
import type { Settings } from "../../platform/settings.ts";

/**
 * Counts a request against a limit; with `counts: false` only checks it.
 * @throws JobError TooManyRequests
 */
export type Limit = (request: FastifyRequest, reply: FastifyReply, options?: { counts: boolean }) => Promise<void>;

/** Rate limits per caller and minute. */
export interface Limits {
  /** Limit per token. */
  token: Limit;
  /** Limit per address, for requests without a valid token. */
  address: Limit;
  /** Limit per caller of /rates; undefined if /rates has no limit of its own. */
  rates: Limit | undefined;
}

const MINUTE_MS = 60_000;

/** Creates the limits of one process. They are kept in memory: a shared store would cost more than most requests. */
export async function createLimits(app: FastifyInstance, settings: Settings["api"]["limits"]): Promise<Limits> {
  await app.register(rateLimit, { global: false });
  const limit = (max: number, who: string, keyGenerator?: (request: FastifyRequest) => string): Limit | undefined => {
    if (max === 0) return undefined;
    const check = app.createRateLimit({ max, timeWindow: MINUTE_MS, ...(keyGenerator ? { keyGenerator } : {}) });
    return async (request, reply, { counts } = { counts: true }) => {
      const usage = await check(request, { increment: counts });
      if (usage.isAllowed || (counts ? !usage.isExceeded : usage.remaining > 0)) return;
      const seconds = Math.max(1, usage.ttlInSeconds);
      reply.header("retry-after", seconds);
      throw new JobError("TooManyRequests", { who, max, seconds });
    };
  };
  const unlimited: Limit = async () => undefined;
  // Requests of a token's sessions count as requests of the token.
  const callerKey = ({ caller, ip }: FastifyRequest) => caller?.owner ?? ip;
  return {
    token: limit(settings.tokenPerMinute, "one token", callerKey) ?? unlimited,
    address: limit(settings.addressPerMinute, "one address without a valid token") ?? unlimited,
    rates: limit(settings.ratesPerMinute, "one caller of /rates", callerKey),
  };
}
