import { JobError, type Problem } from "../contract/errors.ts";
import { ProblemList } from "../contract/problemList.ts";
import { isObject } from "../contract/problems.ts";
import type { Request } from "../contract/request.ts";
import { placeProblems } from "../queries/places.ts";
import type { Database } from "../store/jobs.ts";
import { parseRequest, type RequestRules, requestAsSent } from "./parse.ts";

/**
 * Validates a request, including its places, and fills in its defaults.
 * @param found problems of its text
 * @param authorise throws a JobError if the sender may not submit the request
 * @throws JobError InvalidRequest with the problems of all fields
 */
export async function validateRequest(
  db: Database,
  value: unknown,
  rules: RequestRules,
  found: readonly Problem[] = [],
  authorise: (request: Request) => void = () => undefined,
): Promise<Request> {
  let request: Request;
  try {
    request = parseRequest(value, rules, found);
  } catch (error) {
    if (!(error instanceof JobError) || !mayLookUp(value, rules, authorise)) throw error;
    const unknown = await unknownPlaces(db, value);
    if (unknown.length === 0) throw error;
    const all = new ProblemList();
    all.addAll(found);
    all.addAll(unknown);
    return parseRequest(value, rules, all);
  }
  authorise(request);
  const unknown = await unknownPlaces(db, request);
  return unknown.length === 0 ? request : parseRequest(value, rules, unknown);
}

/** Returns the problems of a request's places. */
async function unknownPlaces(db: Database, value: unknown): Promise<Problem[]> {
  const [unknown = []] = await placeProblems(db, [isObject(value) ? value.task : undefined]);
  return unknown;
}

/** Returns true if the sender of an invalid request may learn which places exist. */
function mayLookUp(value: unknown, rules: RequestRules, authorise: (request: Request) => void): boolean {
  const request = requestAsSent(value, rules);
  try {
    if (request) authorise(request);
    return true;
  } catch {
    return false;
  }
}
