import { useEffect, useState } from "preact/hooks";
import { ask, errorMessage, Refused } from "../http.js";

/** @typedef {{ field?: string, message?: string }} Problem */
/** @typedef {{ problems: Problem[], explained?: import("../types.ts").Explained, isChecking: boolean }} Check */

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
export function useCheck({ requestId: _, ...body }, isOn) {
  const key = JSON.stringify(body);
  const [check, setCheck] = useState(
    /** @type {Check & { key: string }} */ ({ key: "", problems: [], isChecking: false }),
  );
  useEffect(() => {
    if (!isOn) return;
    const ended = new AbortController();
    const timer = setTimeout(async () => {
      /** @type {Check} */
      let found;
      try {
        found = {
          problems: [],
          explained: await ask("explain", { method: "POST", body, signal: ended.signal }),
          isChecking: false,
        };
      } catch (error) {
        found = { problems: problemsOf(error), isChecking: false };
      }
      if (!ended.signal.aborted) setCheck({ key, ...found });
    }, PAUSE_MS);
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [key, isOn]);
  return check.key === key ? check : { problems: check.problems, isChecking: isOn };
}
