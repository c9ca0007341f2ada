import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { JobError } from "../../contract/errors.ts";
import type { Settings } from "../../platform/settings.ts";

/** Lets a request pass, or not; `counts: false` only looks. @throws JobError TooManyRequests */
export type Limit = (request: FastifyRequest, reply: FastifyReply, options?: { counts: boolean }) => Promise<void>;

/** How much one caller may ask for in a minute. */
export interface Limits {
  /** A holder of a token. */
  token: Limit;
  /** Whoever comes without one that is known. */
  address: Limit;
  /** Either of them, of /rates alone; undefined: as much as they like. */
  rates: Limit | undefined;
}

const MINUTE_MS = 60_000;

/** Limits that a process keeps for itself, in memory: asking elsewhere would cost more than most requests. */
export async function createLimits(app: FastifyInstance, settings: Settings["api"]["limits"]): Promise<Limits> {
  await app.register(rateLimit, { global: false });
  const limit = (max: number, who: string, keyGenerator?: (request: FastifyRequest) => string): Limit | undefined => {
    if (max === 0) return undefined;
    const check = app.createRateLimit({ max, timeWindow: MINUTE_MS, ...(keyGenerator ? { keyGenerator } : {}) });
    return async (request, reply, { counts } = { counts: true }) => {
      const found = await check(request, { increment: counts });
      if (found.isAllowed || (counts ? !found.isExceeded : found.remaining > 0)) return;
      const seconds = Math.max(1, found.ttlInSeconds);
      reply.header("retry-after", seconds);
      throw new JobError("TooManyRequests", { who, max, seconds });
    };
  };
  const none: Limit = async () => undefined;
  const caller = ({ caller, ip }: FastifyRequest) => caller?.tokenId ?? ip;
  return {
    token: limit(settings.tokenPerMinute, "one token", caller) ?? none,
    address: limit(settings.addressPerMinute, "one address without a known token") ?? none,
    rates: limit(settings.ratesPerMinute, "one caller of /rates", caller),
  };
}
