import type { FastifyRequest } from "fastify";

/** Returns the value of a cookie, undefined if it is absent. If the cookie is sent twice, its first value is used. */
export function cookieOf({ headers }: Pick<FastifyRequest, "headers">, name: string): string | undefined {
  for (const pair of (headers.cookie ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** Attributes of a cookie. Only this host receives the cookie, and scripts cannot read it. */
export interface CookieOptions {
  /** Lifetime in seconds; 0 removes the cookie. */
  maxAge: number;
  /** `Lax`: also sent when another site redirects here, as an identity provider does. */
  sameSite: "Strict" | "Lax";
  isSecure: boolean;
}

/** Formats the value of a Set-Cookie header. */
export const setCookie = (name: string, value: string, { maxAge, sameSite, isSecure }: CookieOptions): string =>
  `${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=${sameSite}${isSecure ? "; Secure" : ""}`;

/** Returns true if the client uses TLS, up to the load balancer or the API. */
export const isSecure = ({ protocol }: FastifyRequest): boolean => protocol === "https";

/**
 * Returns the name of a platform's cookie. Cookies ignore ports, so each platform on a machine has its own name. With
 * TLS, the prefix __Host- prevents other hosts of the domain from setting the cookie (RFC 6265bis).
 */
export const cookieName = (request: FastifyRequest, use: string, platform: string): string =>
  `${isSecure(request) ? "__Host-" : ""}rates_${use}_${platform}`;

/**
 * Returns true if a page of the same origin made the request. Browsers send Sec-Fetch-Site to trustworthy URLs (https,
 * loopback), and Origin with every write.
 */
export function isSameOrigin({ headers, protocol }: FastifyRequest): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  return headers.origin !== undefined && headers.origin === `${protocol}://${headers.host}`;
}
