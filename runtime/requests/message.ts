import { type Body, readBody } from "../contract/body.ts";
import { JobError, type Problem } from "../contract/errors.ts";
import { DEFAULT_TENANT, REQUEST_ID_RULE, requestIdPattern, tenantPattern } from "../contract/request.ts";
import { topLevelOf } from "../contract/topLevel.ts";

/** Creates the error of a queue message that is not a request. */
export const unreadableMessage = (reason: string): JobError =>
  new JobError("UnreadableMessage", { reason, fields: " with a requestId and a task" });

/** The content of a queue message. */
export interface MessageContent {
  /** Parsed JSON; for text that was not parsed, an object with only requestId, tenant and reply. */
  value: unknown;
  /** False for text that is not JSON, or that is refused without parsing. */
  isParsed: boolean;
  /** Valid requestId; undefined if no response can be sent. */
  requestId: string | undefined;
  tenant: string;
  /** Set if the message is not a request. */
  problem: JobError | undefined;
  /** Problems of the text: ambiguities, or the reason why it was not parsed. */
  problems: Problem[];
}

/**
 * Reads the body of a queue message: the request, or the reason why the body is not a request, and the recipient of the
 * response.
 */
export function readMessage(body: string): MessageContent {
  let read: Body;
  try {
    read = readBody(body);
  } catch (error) {
    return { ...unparsedFields(body), problem: unreadableMessage((error as Error).message), problems: [] };
  }
  if (!read.isParsed) return unparsedMessage(body, read.problems);
  const { value, problems } = read;
  const { requestId, tenant } = (value ?? {}) as { requestId?: unknown; tenant?: unknown };
  // The recipient must be unambiguous: a repeated id or tenant is not used.
  // Problems of rounded numbers have a value.
  const duplicates = problems.filter((found) => found.value === undefined).map(({ field }) => field);
  const duplicated = duplicates.find((field) => field === "requestId" || field === "tenant");
  const recipient = duplicated ? validRecipient(undefined, undefined) : validRecipient(requestId, tenant);
  const reason = duplicated ? `its ${duplicated} is given more than once` : invalidIdReason(value);
  const problem = recipient.requestId === undefined ? unreadableMessage(reason) : undefined;
  return { value, isParsed: true, ...recipient, problem, problems };
}

/**
 * Returns the content of a message that is not parsed: an invalid request if its requestId is unambiguous, otherwise an
 * unreadable message.
 */
function unparsedMessage(body: string, problems: readonly Problem[]): MessageContent {
  const content = unparsedFields(body);
  // The message template of UnreadableMessage adds the period.
  const reason = `it ${problems[0]?.message.replace(/\.$/, "")}`;
  return {
    ...content,
    problem: content.requestId === undefined ? unreadableMessage(reason) : undefined,
    problems: [...problems],
  };
}

/** Returns the fields of a message that is not parsed: the recipient of its response, and the value with its `reply`. */
function unparsedFields(body: string): Pick<MessageContent, "value" | "isParsed" | "requestId" | "tenant"> {
  const { requestId, tenant, reply } = recipientOf(body);
  return { value: { requestId, tenant, reply }, isParsed: false, requestId, tenant };
}

/**
 * Finds the recipient of the response in a text that is not parsed. Only unambiguous values count, so that another
 * request's id or tenant is never used.
 */
function recipientOf(body: string): ReturnType<typeof validRecipient> & { reply?: string | undefined } {
  const { values, uncertain } = topLevelOf(body.replace(/^\uFEFF/, ""), ["requestId", "tenant", "reply"]);
  if (uncertain.has("requestId") || uncertain.has("tenant")) return validRecipient(undefined, undefined);
  return { ...validRecipient(values.requestId, values.tenant), reply: values.reply };
}

const validRecipient = (requestId: unknown, tenant: unknown) => ({
  requestId: typeof requestId === "string" && requestIdPattern.test(requestId) ? requestId : undefined,
  tenant: typeof tenant === "string" && tenantPattern.test(tenant) ? tenant : DEFAULT_TENANT,
});

/** Describes an invalid requestId. URLs are not shown, since they may contain a secret. */
function describeId(requestId: unknown): string {
  if (typeof requestId !== "string") return typeof requestId === "object" ? "(not text)" : String(requestId);
  const text = requestId.includes("://") ? "(a URL)" : `'${requestId.slice(0, 40)}${requestId.length > 40 ? "…" : ""}'`;
  return `${text} (${requestId.length} characters)`;
}

/** Explains why a message has no valid requestId. */
function invalidIdReason(value: unknown): string {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return "it is not a JSON object";
  if (!("requestId" in value)) return "it has no requestId";
  const { requestId } = value;
  return `its requestId ${describeId(requestId)} is not text of ${REQUEST_ID_RULE}`;
}
