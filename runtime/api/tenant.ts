import type { Caller } from "../store/tokens.ts";
import { lacksScope } from "./plugins/auth.ts";

/** The tenant that a call is about: the caller's own, or, for an admin, the one it names. */
export function tenantOf(caller: Caller, named: string | undefined): string {
  if (named === undefined || named === caller.tenant) return caller.tenant;
  if (!caller.scopes.includes("admin")) throw lacksScope("admin");
  return named;
}
