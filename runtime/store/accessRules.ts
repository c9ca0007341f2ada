import { createHash } from "node:crypto";
import { cutText } from "../contract/bounds.ts";
import { JobError } from "../contract/errors.ts";
import type { AccessRule } from "../platform/settings.ts";
import type { SessionHolder } from "./sessions.ts";

/** Claims of a person's ID token. */
export type Claims = Readonly<Record<string, unknown>> & { readonly iss: string; readonly sub: string };

const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Returns the holder of a session that a person's claims allow, by the first matching rule whose tenant is valid.
 *
 * @throws JobError NoAccess if there is no such rule
 */
export function holderOfClaims(rules: readonly AccessRule[], claims: Claims): Omit<SessionHolder, "proof"> {
  const name = nameOf(claims);
  const owner = `oidc:${createHash("sha256").update(`${claims.iss}\n${claims.sub}`).digest("hex")}`;
  for (const rule of rules) {
    if (!matches(rule, claims)) continue;
    const tenant = tenantOf(rule, claims);
    if (tenant !== undefined) return { name, tenant, scopes: rule.scopes, parent: undefined, owner };
  }
  throw new JobError("NoAccess", { name, claims: cutText(Object.keys(claims).sort().join(", "), 300) });
}

/** Returns a person's display name: the first claim of a fixed list that has text. */
function nameOf(claims: Claims): string {
  const name = ["email", "preferred_username", "name", "sub"].map((claim) => claims[claim]).find(isText) ?? claims.sub;
  return cutText(name.replace(/\p{C}/gu, ""), 100) || "unnamed";
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

function matches({ claim, value }: AccessRule, claims: Claims): boolean {
  const claimed = claimOf(claims, claim);
  if (claimed === undefined || claimed === null) return false;
  const values = Array.isArray(claimed) ? claimed : [claimed];
  return value === "*" ? values.length > 0 : values.some((item) => isScalar(item) && String(item) === value);
}

/** Returns true for values that String() can convert; an object in a token may have no usable `toString`. */
const isScalar = (value: unknown) => ["string", "number", "boolean"].includes(typeof value);

function tenantOf({ tenant, tenantClaim }: AccessRule, claims: Claims): string | undefined {
  if (tenantClaim === undefined) return tenant;
  const claimed = claimOf(claims, tenantClaim);
  return isText(claimed) && TENANT.test(claimed) ? claimed : undefined;
}

/** Reads a claim by its name, which may contain dots (a URL), or by its path. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split(".").reduce<unknown>((value, key) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
    return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  }, claims);
}
