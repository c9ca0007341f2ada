import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { replaceRoute } from "../navigation.js";
import { RECENT_RANGES } from "../route.js";
import { rangeProblem } from "./rangeProblem.js";

const LABELS = { "15m": "15 min", "1h": "1 h", "6h": "6 h", "24h": "24 h" };
const DAY_MS = 86_400_000;

/** Formats a time for a datetime-local input, in the browser's time zone. @param {string} iso */
const localTime = (iso) => {
  const at = new Date(iso);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

/** Selection of the time range. @param {{ range: import("../route.js").Range }} props */
export function RangeChoice({ range }) {
  const isCustom = range.from !== "";
  const [isOpen, setOpen] = useState(isCustom);
  const isShown = isOpen || isCustom;
  /** @param {string} over */
  const choose = (over) => {
    setOpen(false);
    replaceRoute({ page: "overview", over, from: "", to: "" });
  };
  return html`
    <div class="range">
      <fieldset class="segments">
        <legend class="hidden">Time range</legend>
        ${RECENT_RANGES.map(
          (over) => html`
            <label>
              <input type="radio" name="range" checked=${!isShown && range.over === over} onChange=${() => choose(over)} />
              <span>${LABELS[over]}</span>
            </label>
          `,
        )}
        <label>
          <input type="radio" name="range" checked=${isShown} onChange=${() => setOpen(true)} />
          <span>Custom</span>
        </label>
      </fieldset>
      ${isShown && html`<${Custom} range=${range} />`}
    </div>
  `;
}

/** @param {{ range: import("../route.js").Range }} props */
function Custom({ range }) {
  const [from, setFrom] = useState(localTime(range.from || new Date(Date.now() - DAY_MS).toISOString()));
  const [to, setTo] = useState(localTime(range.to || new Date().toISOString()));
  const problem = rangeProblem(Date.parse(from), Date.parse(to));
  /** @param {SubmitEvent} event */
  const show = (event) => {
    event.preventDefault();
    if (problem) return;
    const [first, last] = [from, to].map((time) => new Date(time).toISOString());
    replaceRoute({ page: "overview", over: range.over, from: first ?? "", to: last ?? "" });
  };
  /** @type {(name: "from" | "to", label: string, value: string, set: (value: string) => void) => unknown} */
  const field = (name, label, value, set) => html`
    <label>
      <span>${label}</span>
      <input
        type="datetime-local"
        value=${value}
        aria-invalid=${problem?.field === name}
        aria-describedby="range-problem"
        onInput=${(/** @type {InputEvent} */ { currentTarget }) => set(/** @type {HTMLInputElement} */ (currentTarget).value)}
      />
    </label>
  `;
  return html`
    <form class="range-form" onSubmit=${show} noValidate>
      ${field("from", "From", from, setFrom)} ${field("to", "To", to, setTo)}
      <button type="submit" disabled=${problem !== undefined}>Show</button>
      <p id="range-problem" class="bad-text small" role="status">${problem && `${problem.field === "from" ? "From" : "To"} ${problem.message}`}</p>
    </form>
  `;
}
