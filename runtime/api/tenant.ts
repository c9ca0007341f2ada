import type { Caller } from "../store/tokens.ts";
import { missingScopeError } from "./plugins/auth.ts";

/**
 * Returns the tenant of a call: the caller's own, or the one that an admin names.
 * @throws JobError Forbidden if the caller may not act for the named tenant
 */
export function tenantOf(caller: Caller, named: string | undefined): string {
  if (named === undefined || named === caller.tenant) return caller.tenant;
  if (!caller.scopes.includes("admin")) throw missingScopeError("admin");
  return named;
}
