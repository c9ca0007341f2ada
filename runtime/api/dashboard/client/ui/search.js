import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { refineJobs, route } from "../navigation.js";

/** Delay between the last key and the search. Milliseconds. */
const TYPING_MS = 150;

/** Search in the bar of every page: searches while typing on the page of jobs, on Enter elsewhere. */
export function Search() {
  const { page, ...now } = route.value;
  const sought = "filter" in now ? now.filter.text : "";
  // Text that was typed on this page and is not searched yet.
  const [typed, setTyped] = useState(/** @type {{ page: string, text: string } | undefined} */ (undefined));
  const text = typed?.page === page ? typed.text : sought;
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  const search = (/** @type {string} */ searched) => {
    setTyped(undefined);
    refineJobs({ text: searched });
  };
  /** @param {InputEvent} event */
  const type = ({ currentTarget }) => {
    const { value } = /** @type {HTMLInputElement} */ (currentTarget);
    setTyped({ page, text: value });
    clearTimeout(timer.current);
    if (page === "jobs") timer.current = setTimeout(() => route.value.page === "jobs" && search(value), TYPING_MS);
  };
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
    clearTimeout(timer.current);
    search(text);
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
            value=${text}
            onInput=${type}
          />
          <kbd aria-hidden="true">/</kbd>
        </label>
      </form>
    </search>
  `;
}
