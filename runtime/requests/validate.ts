import { JobError, type Problem } from "../contract/errors.ts";
import { ProblemList } from "../contract/problemList.ts";
import { isObject } from "../contract/problems.ts";
import type { Request } from "../contract/request.ts";
import { placeProblems } from "../queries/places.ts";
import type { Database } from "../store/jobs.ts";
import { parseRequest, type RequestRules, requestAsSent } from "./parse.ts";

/**
 * Validates a request, including its places, and fills in its defaults.
 * @param textProblems problems found in its text
 * @param authorize throws a JobError if the sender may not submit the request
 * @throws JobError InvalidRequest with all problems, or the error of `authorize`
 */
export async function validateRequest(
  db: Database,
  value: unknown,
  rules: RequestRules,
  textProblems: readonly Problem[] = [],
  authorize: (request: Request) => void = () => undefined,
): Promise<Request> {
  let request: Request;
  try {
    request = parseRequest(value, rules, textProblems);
  } catch (error) {
    if (!(error instanceof JobError) || !mayLookUp(value, rules, authorize)) throw error;
    const unknown = await unknownPlaces(db, value);
    if (unknown.length === 0) throw error;
    const problems = new ProblemList();
    problems.addAll(textProblems);
    problems.addAll(unknown);
    return parseRequest(value, rules, problems);
  }
  authorize(request);
  const unknown = await unknownPlaces(db, request);
  return unknown.length === 0 ? request : parseRequest(value, rules, unknown);
}

/** Returns the problems of the places that a request names. */
async function unknownPlaces(db: Database, value: unknown): Promise<Problem[]> {
  const [unknown = []] = await placeProblems(db, [isObject(value) ? value.task : undefined]);
  return unknown;
}

/** Returns true if the response to an invalid request may show which places exist. */
function mayLookUp(value: unknown, rules: RequestRules, authorize: (request: Request) => void): boolean {
  const request = requestAsSent(value, rules);
  try {
    if (request) authorize(request);
    return true;
  } catch {
    return false;
  }
}
