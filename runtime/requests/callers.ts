import { JobError } from "../contract/errors.ts";
import type { Settings } from "../platform/settings.ts";

/** Task type that a sender may request. */
export type QueueScope = "read" | "update";

/** Message attribute with the original sender of a dead letter; a redrive keeps it. */
export const SENDER_ATTRIBUTE = "senderId";

type CallerRules = Pick<Settings, "callers" | "platformSenders">;

/**
 * Returns the sender of a message: the SenderId that SQS recorded (SQS API Reference, ReceiveMessage: the id of a user,
 * or of a role followed by its session), or the original sender of a dead letter that the platform redrove.
 * @param originalSender value of the message attribute SENDER_ATTRIBUTE; ignored unless the platform sent the message
 */
export function senderOf(
  { platformSenders }: CallerRules,
  senderId: string,
  originalSender: string | undefined,
): string {
  return originalSender !== undefined && platformSenders.includes(uniqueId(senderId)) ? originalSender : senderId;
}

/** Returns true if a sender has any scope for a tenant. */
export const maySendFor = (rules: CallerRules, senderId: string, tenant: string): boolean =>
  scopesOf(rules, senderId, tenant).length > 0;

/** Checks a sender's scope for a tenant. @throws JobError NotAllowed if it is missing */
export function requireSender(rules: CallerRules, senderId: string, tenant: string, scope: QueueScope): void {
  if (!scopesOf(rules, senderId, tenant).includes(scope)) throw notAllowed(senderId, tenant, scope);
}

/** Creates the error for a sender without the scope, or without any scope for the tenant. */
export const notAllowed = (senderId: string, tenant: string, scope?: QueueScope): JobError =>
  new JobError("NotAllowed", {
    sender: senderId === "" ? "without SenderId" : `'${senderId.slice(0, 200)}'`,
    action: scope === undefined ? "send requests" : `send requests of type ${scope}`,
    tenant,
  });

function scopesOf({ callers }: CallerRules, senderId: string, tenant: string): readonly QueueScope[] {
  if (callers === undefined) return ["read", "update"];
  const ownRules = callers.filter((caller) => caller.senderId === senderId || caller.senderId === uniqueId(senderId));
  // The rule `*` applies only to senders without a rule of their own.
  const rules = ownRules.length > 0 ? ownRules : callers.filter((caller) => caller.senderId === "*");
  return rules
    .filter(({ tenants }) => tenants.includes("*") || tenants.includes(tenant))
    .flatMap(({ scopes }) => scopes);
}

/** Returns the unique id of a sender; for a role, without its session. */
const uniqueId = (senderId: string): string => senderId.split(":", 1)[0] ?? "";
