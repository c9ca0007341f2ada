import type { Settings } from "../../runtime/platform/settings.ts";
import type { StackConfig } from "./schema.ts";

/** A role or user of the stack's own account, whose unique id is looked up in IAM. */
export interface OwnPrincipal {
  readonly kind: "role" | "user";
  /** Name without its path. */
  readonly name: string;
}

/** @returns undefined for an account's root, and for a principal of another account */
export function ownPrincipal(arn: string, account: string): OwnPrincipal | undefined {
  const [, id, kind, path] = /^arn:[a-z-]+:iam::(\d{12}):(role|user)\/(.+)$/.exec(arn) ?? [];
  if (id !== account || path === undefined) return undefined;
  return { kind: kind === "role" ? "role" : "user", name: path.split("/").at(-1) ?? path };
}

/** One entry of the runtime's `callers`. */
export type CallerRule = NonNullable<Settings["callers"]>[number];

/** Without callers, principals that the account's own policies admit may send for the default tenant only. */
export const WITHOUT_CALLERS: readonly CallerRule[] = [
  { senderId: "*", tenants: ["default"], scopes: ["read", "update"] },
];

/**
 * Returns the runtime's rules for senders on the request queue.
 *
 * @param idsOf - Unique ids of a caller whose id is not configured.
 */
export function callerRules<Id>(
  callers: StackConfig["callers"],
  idsOf: (caller: StackConfig["callers"][number]) => readonly Id[],
): (Omit<CallerRule, "senderId"> & { senderId: string | Id })[] {
  if (callers.length === 0) return [...WITHOUT_CALLERS];
  return callers.flatMap((caller) => {
    const ids: readonly (string | Id)[] = caller.senderIds ?? idsOf(caller);
    return ids.map((senderId) => ({ senderId, tenants: [...caller.tenants], scopes: [...caller.scopes] }));
  });
}

/** Returns the rule for the stack's own smoke task. Without callers, WITHOUT_CALLERS already covers it. */
export const smokeRule = <Id>(
  callers: StackConfig["callers"],
  senderId: Id,
): (Omit<CallerRule, "senderId"> & { senderId: Id })[] =>
  callers.length === 0 ? [] : WITHOUT_CALLERS.map((rule) => ({ ...rule, senderId }));
