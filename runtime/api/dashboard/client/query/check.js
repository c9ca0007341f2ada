import { useEffect, useState } from "preact/hooks";
import { ask, errorMessage, Refused } from "../http.js";

/** @typedef {{ field?: string, message?: string }} Problem */
/**
 * Result of the latest check. `isCurrent`: the request has not changed since then.
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

/** Maximum time that a submission waits for its check, since planning a large query may take long. Seconds. */
export const MAX_WAIT_SECONDS = 2;

/**
 * Result of the check before a submission. `isLate`: it took too long and is not awaited.
 * @typedef {{ problems: Problem[], explained?: import("../types.ts").Explained, isLate: boolean }} Before
 */

/**
 * Validates a request before it is submitted, since refused requests are recorded.
 * @type {(body: Record<string, unknown>, check: Check) => Promise<Before>}
 */
export async function checkBefore(body, { isCurrent, explained }) {
  if (isCurrent && explained) return { problems: [], explained, isLate: false };
  const late = AbortSignal.timeout(1_000 * MAX_WAIT_SECONDS);
  try {
    return { problems: [], explained: await ask("explain", { method: "POST", body, signal: late }), isLate: false };
  } catch (error) {
    // An estimate that fails for another reason does not prevent the job.
    const isRefused = error instanceof Refused && error.status < 500 && error.status !== 429;
    return { problems: isRefused ? problemsOf(error) : [], isLate: late.aborted && !isRefused };
  }
}
