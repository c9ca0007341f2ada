import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { errorMessage, isTemporary } from "./http.js";

/** Maximum delay after failures. */
const MAX_BACKOFF_SECONDS = 8;

/**
 * `data` is kept while the next request is running or has failed. `isStale`: `data` belongs to an earlier key.
 * `contactAt`: time of the last successful request, in milliseconds since 1970.
 * @template T
 * @typedef {{ data: T | undefined, error: string, isStale: boolean, contactAt: number | undefined, refresh: () => void }}
 * Polled
 */

/**
 * Polls while the page is visible. A new `key` cancels the running request and polls at once.
 * @template T
 * @param {string} key identifies what is polled
 * @param {(signal: AbortSignal) => Promise<T>} poll
 * @param {number | ((data: T) => number | undefined)} intervalMs undefined: the data is final
 * @returns {Polled<T>}
 */
export function usePolled(key, poll, intervalMs) {
  const [state, setState] = useState(
    /** @type {{ key: string, data?: T, error: string, contactAt?: number }} */ ({ key: "", error: "" }),
  );
  const [refreshes, setRefreshes] = useState(0);
  const latestPoll = useRef(poll);
  latestPoll.current = poll;
  const latestInterval = useRef(intervalMs);
  latestInterval.current = intervalMs;

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let backoffSeconds = 1;
    let isFinal = false;
    let isBusy = false;
    const next = async () => {
      clearTimeout(timer);
      if (isBusy || isFinal || signal.aborted || document.hidden) return;
      isBusy = true;
      /** @type {number | undefined} */
      let delayMs;
      try {
        const data = await latestPoll.current(signal);
        backoffSeconds = 1;
        const interval = latestInterval.current;
        delayMs = typeof interval === "number" ? interval : interval(data);
        isFinal = delayMs === undefined;
        if (!signal.aborted) setState({ key, data, error: "", contactAt: Date.now() });
      } catch (error) {
        backoffSeconds = Math.min(MAX_BACKOFF_SECONDS, 2 * backoffSeconds);
        delayMs = 1_000 * backoffSeconds;
        const message = `${errorMessage(error)}${isTemporary(error) ? " Retrying automatically." : ""}`;
        if (!signal.aborted) setState((before) => ({ ...before, error: message }));
      }
      isBusy = false;
      if (delayMs !== undefined && !signal.aborted) timer = setTimeout(next, delayMs);
    };
    document.addEventListener("visibilitychange", next);
    next();
    return () => {
      controller.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", next);
    };
  }, [key, refreshes]);

  const refresh = useCallback(() => setRefreshes((before) => before + 1), []);
  return { data: state.data, error: state.error, isStale: state.key !== key, contactAt: state.contactAt, refresh };
}
