import { useEffect, useState } from "preact/hooks";
import { ApiError, errorMessage, requestJson } from "../http.js";

/** @typedef {{ field?: string, message?: string }} Problem */
/**
 * Result of the latest check. `isCurrent`: the request has not changed since then.
 * @typedef {{ problems: Problem[], explained?: import("../types.ts").Explanation, isChecking: boolean, isCurrent: boolean }} Check
 */

/** Delay between the last keystroke and the check. */
const PAUSE_MS = 400;

/** Returns the problems of a refused request. @param {unknown} error @returns {Problem[]} */
export function problemsOf(error) {
  if (error instanceof ApiError && error.problems.length > 0) return error.problems;
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
    const controller = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const explained = await requestJson("explain", { method: "POST", body, signal: controller.signal });
        if (!controller.signal.aborted) setCheck({ key, problems: [], explained });
      } catch (error) {
        if (!controller.signal.aborted) setCheck({ key, problems: problemsOf(error) });
      }
    }, PAUSE_MS);
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [key, isOn]);
  return check.key === key
    ? { ...check, isChecking: false, isCurrent: true }
    : { problems: check.problems, isChecking: isOn, isCurrent: false };
}

/** Maximum time that a submission waits for its check, since planning a large query may take long. */
export const MAX_WAIT_SECONDS = 2;

/**
 * Result of the check before a submission. `isLate`: the check took too long, so the request is submitted without it.
 * @typedef {{ problems: Problem[], explained?: import("../types.ts").Explanation, isLate: boolean }} PreCheck
 */

/**
 * Validates a request before it is submitted, since refused requests are recorded.
 * @type {(body: Record<string, unknown>, check: Check) => Promise<PreCheck>}
 */
export async function checkBeforeSubmit(body, { isCurrent, explained }) {
  if (isCurrent && explained) return { problems: [], explained, isLate: false };
  const timeout = AbortSignal.timeout(1_000 * MAX_WAIT_SECONDS);
  try {
    return {
      problems: [],
      explained: await requestJson("explain", { method: "POST", body, signal: timeout }),
      isLate: false,
    };
  } catch (error) {
    // A check that fails for a reason other than the request does not prevent the submission.
    const isRefused = error instanceof ApiError && error.status < 500 && error.status !== 429;
    return { problems: isRefused ? problemsOf(error) : [], isLate: timeout.aborted && !isRefused };
  }
}
