import { type Body, readBody } from "../contract/body.ts";
import { JobError, type Problem } from "../contract/errors.ts";
import { DEFAULT_TENANT, REQUEST_ID_RULE, requestIdPattern, tenantPattern } from "../contract/request.ts";
import { topLevelOf } from "../contract/topLevel.ts";

/** The content of a queue message. */
export interface MessageContent {
  /** Undefined for text that is not JSON. */
  value: unknown;
  /** True if its text was parsed: otherwise `problems` has the reason, and `value` the recipient of the answer. */
  isParsed: boolean;
  /** Undefined where no answer can be addressed. */
  requestId: string | undefined;
  tenant: string;
  /** Reason why it is not a request. */
  problem: JobError | undefined;
  /** Ambiguities of the text of a readable request. */
  problems: Problem[];
}

/** Reads the body of a queue message: its request, or why it is none, and whom an answer may address. */
export function readMessage(body: string): MessageContent {
  let read: Body;
  try {
    read = readBody(body);
  } catch (error) {
    const problem = new JobError("UnreadableMessage", { reason: (error as Error).message });
    return { value: undefined, isParsed: false, ...addressOf(body), problem, problems: [] };
  }
  if (!read.isParsed) return unparsed(body, read.problems);
  const { value, problems } = read;
  const { requestId, tenant } = (value ?? {}) as { requestId?: unknown; tenant?: unknown };
  // Whom to answer must be certain: of two ids, or two tenants, neither is.
  const twice = problems.find(({ field }) => field === "requestId" || field === "tenant")?.field;
  const found = twice ? usable(undefined, undefined) : usable(requestId, tenant);
  const reason = twice ? `its ${twice} is given more than once` : whyUnusable(value);
  const problem = found.requestId === undefined ? new JobError("UnreadableMessage", { reason }) : undefined;
  return { value, isParsed: true, ...found, problem, problems };
}

/** A message whose text is not parsed: an invalid request of whom it names, else no request. */
function unparsed(body: string, problems: readonly Problem[]): MessageContent {
  const { requestId, tenant, reply } = addressOf(body);
  // The error's template ends the sentence itself.
  const reason = `it ${problems[0]?.message.replace(/\.$/, "")}`;
  return {
    value: { requestId, tenant, reply },
    isParsed: false,
    requestId,
    tenant,
    problem: requestId === undefined ? new JobError("UnreadableMessage", { reason }) : undefined,
    problems: [...problems],
  };
}

/**
 * Finds the recipient of the answer in a text that is not parsed. Only certain values count, so that another request's
 * id or tenant is never used.
 */
function addressOf(body: string): ReturnType<typeof usable> & { reply?: string | undefined } {
  const { values, uncertain } = topLevelOf(body.replace(/^\uFEFF/, ""), ["requestId", "tenant", "reply"]);
  if (uncertain.has("requestId") || uncertain.has("tenant")) return usable(undefined, undefined);
  return { ...usable(values.requestId, values.tenant), reply: values.reply };
}

const usable = (requestId: unknown, tenant: unknown) => ({
  requestId: typeof requestId === "string" && requestIdPattern.test(requestId) ? requestId : undefined,
  tenant: typeof tenant === "string" && tenantPattern.test(tenant) ? tenant : DEFAULT_TENANT,
});

/** A value that was given as an id, short; of a URL, which may hold a secret, only that it is one. */
function shown(requestId: unknown): string {
  if (typeof requestId !== "string") return typeof requestId === "object" ? "(not text)" : String(requestId);
  const text = requestId.includes("://") ? "(a URL)" : `'${requestId.slice(0, 40)}${requestId.length > 40 ? "…" : ""}'`;
  return `${text} (${requestId.length} characters)`;
}

/** Explains why a message has no id that could be answered. */
function whyUnusable(value: unknown): string {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return "it is not a JSON object";
  if (!("requestId" in value)) return "it has no requestId";
  const { requestId } = value;
  return `its requestId ${shown(requestId)} is not text of ${REQUEST_ID_RULE}`;
}
