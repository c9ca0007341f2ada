import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { refineJobs, route } from "../navigation.js";

/** Delay between the last keystroke and the search. */
const TYPING_MS = 150;

/** Search field in the header of every page. It searches while typing on the page of jobs, and on Enter elsewhere. */
export function Search() {
  const { page, ...current } = route.value;
  const routeText = "filter" in current ? current.filter.text : "";
  // Text that was typed on this page and is not in the route yet.
  const [typed, setTyped] = useState(/** @type {{ page: string, text: string } | undefined} */ (undefined));
  const text = typed?.page === page ? typed.text : routeText;
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  const search = (/** @type {string} */ value) => {
    setTyped(undefined);
    refineJobs({ text: value });
  };
  /** @param {InputEvent} event */
  const onTyped = ({ currentTarget }) => {
    const { value } = /** @type {HTMLInputElement} */ (currentTarget);
    setTyped({ page, text: value });
    clearTimeout(timer.current);
    if (page === "jobs") timer.current = setTimeout(() => route.value.page === "jobs" && search(value), TYPING_MS);
  };
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const focusOnSlash = (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select")) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", focusOnSlash);
    return () => removeEventListener("keydown", focusOnSlash);
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
            onInput=${onTyped}
          />
          <kbd aria-hidden="true">/</kbd>
        </label>
      </form>
    </search>
  `;
}
