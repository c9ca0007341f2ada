import type { Settings } from "../../runtime/platform/settings.ts";
import type { StackConfig } from "./schema.ts";

/** A role or user of the stack's own account, whose unique id is looked up in IAM. */
export interface OwnPrincipal {
  readonly kind: "role" | "user";
  /** Name without its path. */
  readonly name: string;
}

/**
 * Parses the ARN of a role or user of the account.
 *
 * @returns undefined for an account's root, and for a principal of another account
 */
export function ownPrincipal(arn: string, account: string): OwnPrincipal | undefined {
  const [, id, kind, path] = /^arn:[a-z-]+:iam::(\d{12}):(role|user)\/(.+)$/.exec(arn) ?? [];
  if (id !== account || path === undefined) return undefined;
  return { kind: kind === "role" ? "role" : "user", name: path.split("/").at(-1) ?? path };
}

/** One entry of the runtime's `callers`. */
export type CallerRule = NonNullable<Settings["callers"]>[number];

/** Rules of a stack without callers: every principal that IAM allows may send, but only for the default tenant. */
export const DEFAULT_CALLER_RULES: readonly CallerRule[] = [
  { senderId: "*", tenants: ["default"], scopes: ["read", "update"] },
];

/**
 * Returns the runtime's rules for senders to the request queue.
 *
 * @param idsOf - Returns the unique ids of a caller without configured ids.
 */
export function callerRules<Id>(
  callers: StackConfig["callers"],
  idsOf: (caller: StackConfig["callers"][number]) => readonly Id[],
): (Omit<CallerRule, "senderId"> & { senderId: string | Id })[] {
  if (callers.length === 0) return [...DEFAULT_CALLER_RULES];
  return callers.flatMap((caller) => {
    const ids: readonly (string | Id)[] = caller.senderIds ?? idsOf(caller);
    return ids.map((senderId) => ({ senderId, tenants: [...caller.tenants], scopes: [...caller.scopes] }));
  });
}

/**
 * Returns the rule for the stack's own smoke task. Returns none for a stack without callers, since DEFAULT_CALLER_RULES
 * already allow the task.
 */
export const smokeRule = <Id>(
  callers: StackConfig["callers"],
  senderId: Id,
): (Omit<CallerRule, "senderId"> & { senderId: Id })[] =>
  callers.length === 0 ? [] : DEFAULT_CALLER_RULES.map((rule) => ({ ...rule, senderId }));
