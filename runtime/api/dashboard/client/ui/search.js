import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { refineJobs, route } from "../navigation.js";

/** Delay between the last key and the search. Milliseconds. */
const TYPING_MS = 150;

/** Search in the bar of every page: searches while typing on the page of jobs, on Enter elsewhere. */
export function Search() {
  const now = route.value;
  const sought = now.page === "jobs" ? now.filter.text : "";
  const isLive = now.page === "jobs";
  const [typed, setTyped] = useState(sought);
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const sent = useRef(sought);
  // A search that was set elsewhere, for example by a link, replaces the text, but not text typed meanwhile.
  useEffect(() => {
    if (sought !== sent.current) setTyped(sought);
    sent.current = sought;
  }, [sought]);
  useEffect(() => {
    if (!isLive || typed === sought) return;
    const timer = setTimeout(() => {
      sent.current = typed;
      refineJobs({ text: typed });
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, isLive]);
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const slash = (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select")) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", slash);
    return () => removeEventListener("keydown", slash);
  }, []);
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    if (!isLive) refineJobs({ text: typed });
  };
  return html`
    <search class="find">
      <form onSubmit=${submit}>
        <label>
          <span class="hidden">Search jobs</span>
          <input
            ref=${input}
            type="search"
            maxlength="200"
            placeholder="Search jobs"
            aria-keyshortcuts="/"
            value=${typed}
            onInput=${(/** @type {InputEvent} */ { currentTarget }) => setTyped(/** @type {HTMLInputElement} */ (currentTarget).value)}
          />
          <kbd aria-hidden="true">/</kbd>
        </label>
      </form>
    </search>
  `;
}
