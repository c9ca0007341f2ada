import { JobError } from "../contract/errors.ts";
import type { Settings } from "../platform/settings.ts";

/** Request of a sender on the request queue. */
export type QueueScope = "read" | "update";

/** Name of the message attribute with the sender of a dead letter that is put back. */
export const SENDER_ATTRIBUTE = "senderId";

type CallerRules = Pick<Settings, "callers" | "platformSenders">;

/**
 * The sender of a message: the SenderId that SQS recorded (SQS API Reference, ReceiveMessage: the id of a user, or of a
 * role followed by its session), or, of a dead letter that the platform put back, the sender whose message it was.
 * @param restored value of the message attribute SENDER_ATTRIBUTE; ignored from any sender but the platform itself
 */
export function senderOf({ platformSenders }: CallerRules, senderId: string, restored: string | undefined): string {
  return restored !== undefined && platformSenders.includes(uniqueId(senderId)) ? restored : senderId;
}

/** Returns true if a sender may send for a tenant at all. */
export const maySendFor = (rules: CallerRules, senderId: string, tenant: string): boolean =>
  scopesOf(rules, senderId, tenant).length > 0;

/** @throws JobError NotAllowed, if the sender may not ask for this on behalf of the tenant */
export function requireSender(rules: CallerRules, senderId: string, tenant: string, scope: QueueScope): void {
  if (!scopesOf(rules, senderId, tenant).includes(scope)) throw notAllowed(senderId, tenant, scope);
}

export const notAllowed = (senderId: string, tenant: string, scope?: QueueScope): JobError =>
  new JobError("NotAllowed", {
    sender: senderId === "" ? "without SenderId" : `'${senderId.slice(0, 200)}'`,
    action: scope === undefined ? "send requests" : `send requests of type ${scope}`,
    tenant,
  });

function scopesOf({ callers }: CallerRules, senderId: string, tenant: string): readonly QueueScope[] {
  if (callers === undefined) return ["read", "update"];
  const known = callers.filter((caller) => caller.senderId === senderId || caller.senderId === uniqueId(senderId));
  // The rule for every other sender adds nothing to that of a known one.
  const rules = known.length > 0 ? known : callers.filter((caller) => caller.senderId === "*");
  return rules
    .filter(({ tenants }) => tenants.includes("*") || tenants.includes(tenant))
    .flatMap(({ scopes }) => scopes);
}

/** A role's unique id without its session. */
const uniqueId = (senderId: string): string => senderId.split(":", 1)[0] ?? "";
