import type { FastifyRequest } from "fastify";

/** A cookie's value; undefined where the request has none of this name. Where it is sent twice, the first counts. */
export function cookieOf({ headers }: Pick<FastifyRequest, "headers">, name: string): string | undefined {
  for (const pair of (headers.cookie ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** Attributes of a cookie that only this host gets, and no script. */
export interface CookieOptions {
  /** Seconds; 0 removes it. */
  maxAge: number;
  /** `Lax`: also sent when another site leads here, as an identity provider does. */
  sameSite: "Strict" | "Lax";
  isSecure: boolean;
}

/** The value of a Set-Cookie header. */
export const setCookie = (name: string, value: string, { maxAge, sameSite, isSecure }: CookieOptions): string =>
  `${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=${sameSite}${isSecure ? "; Secure" : ""}`;

/** Whether the client reaches the API over TLS, the load balancer's included. */
export const isSecure = ({ protocol }: FastifyRequest): boolean => protocol === "https";

/**
 * Name of a platform's cookie. Cookies do not distinguish ports, so that each platform on a machine has a name of its own.
 * Behind TLS the prefix keeps other hosts of the domain from setting it (RFC 6265bis, __Host-).
 */
export const cookieName = (request: FastifyRequest, use: string, platform: string): string =>
  `${isSecure(request) ? "__Host-" : ""}rates_${use}_${platform}`;

/**
 * Whether a page of this very origin made the request. Browsers say so in Sec-Fetch-Site where the origin is trustworthy,
 * and in Origin with every write.
 */
export function isSameOrigin({ headers, protocol }: FastifyRequest): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  return headers.origin !== undefined && headers.origin === `${protocol}://${headers.host}`;
}
