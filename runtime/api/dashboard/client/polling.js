import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { errorMessage } from "./http.js";

/** Maximum delay after failures. Seconds. */
const MAX_BACKOFF = 8;

/**
 * @template T
 * @typedef {{ found: T | undefined, error: string, stale: boolean, contactAt: number | undefined, again: () => void }}
 * Polled `found` is kept while the next request is running or has failed; `stale`: it belongs to an earlier key;
 * `contactAt`: time of the API's last answer, in milliseconds
 */

/**
 * Polls while the page is visible. A new `key` cancels the running request and polls at once.
 * @template T
 * @param {string} key identifies what is polled
 * @param {(signal: AbortSignal) => Promise<T>} poll
 * @param {number | ((found: T) => number | undefined)} everyMs interval; undefined: the result is final
 * @returns {Polled<T>}
 */
export function usePolled(key, poll, everyMs) {
  const [state, setState] = useState(
    /** @type {{ key: string, found?: T, error: string, contactAt?: number }} */ ({ key: "", error: "" }),
  );
  const [turn, setTurn] = useState(0);
  const controller = useRef(poll);
  controller.current = poll;
  const every = useRef(everyMs);
  every.current = everyMs;

  useEffect(() => {
    const ended = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let backoff = 1;
    let final = false;
    let busy = false;
    const next = async () => {
      clearTimeout(timer);
      if (busy || final || ended.signal.aborted || document.hidden) return;
      busy = true;
      /** @type {number | undefined} */
      let wait;
      try {
        const found = await controller.current(ended.signal);
        backoff = 1;
        wait = typeof every.current === "number" ? every.current : every.current(found);
        final = wait === undefined;
        if (!ended.signal.aborted) setState({ key, found, error: "", contactAt: Date.now() });
      } catch (error) {
        backoff = Math.min(MAX_BACKOFF, 2 * backoff);
        wait = 1_000 * backoff;
        if (!ended.signal.aborted) setState((before) => ({ ...before, error: errorMessage(error) }));
      }
      busy = false;
      if (wait !== undefined && !ended.signal.aborted) timer = setTimeout(next, wait);
    };
    document.addEventListener("visibilitychange", next);
    next();
    return () => {
      ended.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", next);
    };
  }, [key, turn]);

  const again = useCallback(() => setTurn((before) => before + 1), []);
  return { found: state.found, error: state.error, stale: state.key !== key, contactAt: state.contactAt, again };
}
