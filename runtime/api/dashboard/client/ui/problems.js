import { html } from "htm/preact";
import { counted } from "../format.js";
import { StackedTable } from "./components.js";
import { Message } from "./message.js";

/** Order of the first columns, since jsonb does not keep the order of a problem's fields. */
const ORDER = ["line", "column", "field", "value", "reason", "message"];

/** Columns whose values are not broken across lines. */
const UNBROKEN = new Set(["line", "column"]);

/** Columns with messages of the API. */
const MESSAGES = new Set(["reason", "message"]);

/** Returns the problems in an error's details, and the number of unlisted problems. @param {unknown[]} details */
export function problemsIn(details) {
  const listed = details
    .filter((detail) => detail !== null && typeof detail === "object")
    .map((detail) => /** @type {Record<string, unknown>} */ (detail));
  return {
    problems: listed.filter((detail) => !("more" in detail)),
    more: listed.reduce((sum, detail) => sum + ("more" in detail ? Number(detail.more) : 0), 0),
  };
}

/**
 * Problems as a table that stacks on narrow screens.
 * @param {{ details: unknown[] }} props
 */
export function ProblemTable({ details }) {
  const { problems } = problemsIn(details);
  if (problems.length === 0) return null;
  const names = new Set(problems.flatMap((problem) => Object.keys(problem)));
  const columns = [...new Set([...ORDER.filter((name) => names.has(name)), ...names])];
  return html`
    <${StackedTable} label=${counted(problems.length, "problem")} head=${columns} class="bounded">
      ${problems.map((problem) => html`<tr role="row">${columns.map((name) => html`<td role="cell" class=${UNBROKEN.has(name) ? "" : "long"} data-label=${name}>${MESSAGES.has(name) ? html`<${Message} text=${textOf(problem[name])} />` : textOf(problem[name])}</td>`)}</tr>`)}
    <//>
  `;
}

/** @param {unknown} value */
const textOf = (value) =>
  value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
