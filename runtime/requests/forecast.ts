import { cutText } from "../contract/bounds.ts";
import { JobError, type Problem } from "../contract/errors.ts";
import { invalidRequest } from "../contract/problemList.ts";
import { redactText } from "../contract/redact.ts";
import type { Settings } from "../platform/settings.ts";
import { maySendFor, notAllowed, requireSender } from "./callers.ts";
import { readMessage } from "./message.ts";
import { parseRequest } from "./parse.ts";

/** Predicted failure of a message that is sent again. */
export interface ExpectedFailure {
  /** `deadLetter`: it would become a dead letter again; `rejected`: it would get a FAILED response and create no job. */
  outcome: "deadLetter" | "rejected";
  /** Error type. */
  type: string;
  reason: string;
}

/** Configuration that a message is checked against. */
export type MessageRules = Pick<Settings, "jobs" | "callers" | "platformSenders">;

/** Maximum length of a reason. Characters. */
const MAX_REASON = 500;

/**
 * Predicts the failure of a message that is sent again, from its text and the current configuration. Failures that the
 * SQL checker, the database, S3 or the run finds (refused SQL, unknown places, a missing source, bad rows) are not
 * predicted.
 * @param sender SenderId of the message
 * @returns undefined if no failure is predicted
 */
export function expectedFailure(body: string, sender: string, rules: MessageRules): ExpectedFailure | undefined {
  const { value, isParsed, tenant, problem, problems } = readMessage(body);
  try {
    if (problem !== undefined) throw problem;
    if (!maySendFor(rules, sender, tenant)) throw notAllowed(sender, tenant);
  } catch (error) {
    return failureOf("deadLetter", error);
  }
  try {
    if (!isParsed) throw invalidRequest(problems);
    const request = parseRequest(value, rules.jobs, problems);
    requireSender(rules, sender, request.tenant, request.task.type);
    return undefined;
  } catch (error) {
    return failureOf("rejected", error);
  }
}

function failureOf(outcome: ExpectedFailure["outcome"], error: unknown): ExpectedFailure {
  if (!(error instanceof JobError)) throw error;
  const [problem] = error.details as Partial<Problem>[];
  const reason = problem?.message === undefined ? error.message : `${problem.field ?? ""} ${problem.message}`.trim();
  return { outcome, type: error.code, reason: cutText(redactText(reason), MAX_REASON) };
}
