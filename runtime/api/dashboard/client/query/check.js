import { useEffect, useState } from "preact/hooks";
import { ask, errorMessage, Refused } from "../http.js";

/** @typedef {{ field?: string, message?: string }} Problem */
/**
 * Result of the latest check. `isCurrent`: it is of the request as it is now.
 * @typedef {{ problems: Problem[], explained?: import("../types.ts").Explained, isChecking: boolean, isCurrent: boolean }} Check
 */

/** Delay between the last key and checking a request. Milliseconds. */
const PAUSE_MS = 400;

/** Returns the problems of a refused request. @param {unknown} error @returns {Problem[]} */
export function problemsOf(error) {
  if (error instanceof Refused && error.problems.length > 0) return error.problems;
  return [{ message: errorMessage(error) }];
}

/**
 * Validates and estimates a request with the API while it is edited.
 * @param {Record<string, unknown>} body
 * @param {boolean} isOn false while there is nothing to check
 * @returns {Check}
 */
export function useCheck(body, isOn) {
  const key = JSON.stringify(body);
  const [check, setCheck] = useState(
    /** @type {Omit<Check, "isCurrent" | "isChecking"> & { key: string }} */ ({ key: "", problems: [] }),
  );
  useEffect(() => {
    if (!isOn) return;
    const ended = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const explained = await ask("explain", { method: "POST", body, signal: ended.signal });
        if (!ended.signal.aborted) setCheck({ key, problems: [], explained });
      } catch (error) {
        if (!ended.signal.aborted) setCheck({ key, problems: problemsOf(error) });
      }
    }, PAUSE_MS);
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [key, isOn]);
  return check.key === key
    ? { ...check, isChecking: false, isCurrent: true }
    : { problems: check.problems, isChecking: isOn, isCurrent: false };
}

/**
 * Validates a request before it is submitted, since refused requests are recorded.
 * @type {(body: Record<string, unknown>, check: Check) => Promise<Problem[]>}
 */
export async function problemsBefore(body, { isCurrent, explained }) {
  if (isCurrent && explained) return [];
  try {
    await ask("explain", { method: "POST", body });
    return [];
  } catch (error) {
    // An estimate that fails for another reason does not prevent the job.
    return error instanceof Refused && error.status < 500 && error.status !== 429 ? problemsOf(error) : [];
  }
}
