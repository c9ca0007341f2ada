import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { RUNNER_LABELS, STATE_LABELS } from "../format.js";
import { refineJobs } from "../navigation.js";
import { ALL_JOBS } from "../route.js";
import { isAdmin } from "../session.js";
import { SINCE } from "./times.js";

const TYPES = { read: "Reads", update: "Updates" };

/** Returns the problem of a label filter, in the API's wording. @param {string} label */
export const labelProblem = (label) =>
  label === "" || /^[^=\0]+=[^\0]*$/.test(label) ? "" : "Label must be of the form key=value.";

/** Filters of the list of jobs. @param {{ filter: import("../route.js").JobFilter, isFiltered: boolean }} props */
export function Filters({ filter, isFiltered }) {
  /** @type {(name: string, label: string, anyLabel: string, labels: Record<string, string>, selected: string) => unknown} */
  const choice = (name, label, anyLabel, labels, selected) => html`
    <label>
      <span class="hidden">${label}</span>
      <select
        value=${selected}
        onChange=${(/** @type {Event} */ { currentTarget }) => refineJobs({ [name]: /** @type {HTMLSelectElement} */ (currentTarget).value, ...(name === "since" ? { from: "", to: "" } : {}) })}
      >
        <option value="">${anyLabel}</option>
        ${Object.entries(labels).map(([value, text]) => html`<option value=${value}>${text}</option>`)}
      </select>
    </label>
  `;
  return html`
    <div class="filters" role="group" aria-label="Filters">
      ${choice("status", "State", "Any state", STATE_LABELS, filter.status)}
      ${choice("type", "Kind", "Any kind", TYPES, filter.type)}
      ${choice("runner", "Runner", "Any runner", RUNNER_LABELS, filter.runner)}
      ${choice("since", "Created", filter.from ? "Custom range" : "Any time", SINCE, filter.since)}
      <${TextFilter} key=${`label ${filter.label}`} name="label" label="Label" hint="Label: key=value" value=${filter.label} problemOf=${labelProblem} />
      ${isAdmin.value && html`<${TextFilter} key=${`tenant ${filter.tenant}`} name="tenant" label="Tenant" hint="Any tenant" value=${filter.tenant} problemOf=${() => ""} />`}
      ${isFiltered && html`<button type="button" class="quiet" onClick=${() => refineJobs(ALL_JOBS)}>Clear</button>`}
    </div>
  `;
}

/**
 * Text filter, applied on Enter or blur.
 * @param {{ name: string, label: string, hint: string, value: string, problemOf: (text: string) => string }} props
 */
function TextFilter({ name, label, hint, value, problemOf }) {
  const [typed, setTyped] = useState(value);
  const problem = problemOf(typed.trim());
  const apply = () => {
    if (problem === "" && typed.trim() !== value) refineJobs({ [name]: typed.trim() });
  };
  return html`
    <label class="text-filter">
      <span class="hidden">${label}</span>
      <input
        value=${typed}
        placeholder=${hint}
        maxlength="321"
        autocomplete="off"
        spellcheck=${false}
        aria-invalid=${problem !== ""}
        aria-describedby=${problem ? `${name}-filter-problem` : undefined}
        onInput=${(/** @type {InputEvent} */ { currentTarget }) => setTyped(/** @type {HTMLInputElement} */ (currentTarget).value)}
        onChange=${apply}
        onKeyDown=${(/** @type {KeyboardEvent} */ { key }) => key === "Enter" && apply()}
      />
      ${problem && html`<span id=${`${name}-filter-problem`} class="bad-text small">${problem}</span>`}
    </label>
  `;
}
