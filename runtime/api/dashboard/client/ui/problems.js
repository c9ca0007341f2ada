import { html } from "htm/preact";
import { counted } from "../format.js";
import { Message } from "./message.js";
import { StackedTable } from "./parts.js";

/** Order of the first columns, since Postgres (jsonb) does not keep the order of a problem's fields. */
const ORDER = ["line", "column", "field", "value", "reason", "message"];

/** Columns whose values are not broken across lines. */
const SHORT = new Set(["line", "column"]);

/** Fields with messages of the API. */
const WORDS = new Set(["reason", "message"]);

/** Returns the problems in an error's details, without the count of further ones. @param {unknown[]} details */
export function problemsIn(details) {
  const listed = details
    .filter((one) => one !== null && typeof one === "object")
    .map((one) => /** @type {Record<string, unknown>} */ (one));
  return {
    faults: listed.filter((one) => !("more" in one)),
    more: listed.reduce((sum, one) => sum + ("more" in one ? Number(one.more) : 0), 0),
  };
}

/**
 * Problems as a table that stacks on narrow screens.
 * @param {{ details: unknown[] }} props
 */
export function ProblemTable({ details }) {
  const { faults } = problemsIn(details);
  if (faults.length === 0) return null;
  const found = new Set(faults.flatMap((one) => Object.keys(one)));
  const columns = [...new Set([...ORDER.filter((name) => found.has(name)), ...found])];
  return html`
    <${StackedTable} label=${counted(faults.length, "problem")} head=${columns} class="bounded">
      ${faults.map((fault) => html`<tr role="row">${columns.map((name) => html`<td role="cell" class=${SHORT.has(name) ? "" : "long"} data-label=${name}>${WORDS.has(name) ? html`<${Message} text=${shown(fault[name])} />` : shown(fault[name])}</td>`)}</tr>`)}
    <//>
  `;
}

/** @param {unknown} value */
const shown = (value) => (value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));
