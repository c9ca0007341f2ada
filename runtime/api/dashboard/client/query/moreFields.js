import { html } from "htm/preact";
import { Field } from "./fields.js";
import { labelProblem } from "./form.js";

const PRIORITIES = Array.from({ length: 10 }, (_, index) => String(index));

/**
 * Common fields of a request, initially closed.
 * @param {{ typed: import("./form.js").CommonValues, change: (change: Partial<import("./form.js").CommonValues>) => void,
 *   problems: Map<string, string>, hasFormat: boolean }} props
 */
export function MoreFields({ typed, change, problems, hasFormat }) {
  /** @type {(name: keyof import("./form.js").CommonValues) => (event: Event) => void} */
  const onTyped = (name) => (event) => change({ [name]: /** @type {HTMLInputElement} */ (event.currentTarget).value });
  /** @type {(name: "format" | "compression" | "priority", values: string[]) => (attributes: object) => unknown} */
  const choice = (name, values) => (attributes) =>
    html`
    <select ...${attributes} value=${typed[name]} onChange=${onTyped(name)}>
      ${values.map((value) => html`<option value=${value}>${value}</option>`)}
    </select>
  `;
  return html`
    <details class="more-fields" open=${problems.has("requestId") || problems.has("labels")}>
      <summary>${hasFormat ? "Request id, format, priority and labels" : "Request id, priority and labels"}</summary>
      <div class="fields">
        <${Field} id="request-id" name="Request id" help="A unique id of your choice; generated if empty." problem=${problems.get("requestId")}>
          ${(/** @type {object} */ attributes) => html`<input ...${attributes} type="text" value=${typed.requestId} autocomplete="off" spellcheck=${false} onInput=${onTyped("requestId")} />`}
        <//>
        ${
          hasFormat &&
          html`
            <${Field} id="format" name="Format" required>${choice("format", ["csv", "ndjson", "json"])}<//>
            <${Field} id="compression" name="Compression" required>${choice("compression", ["none", "gzip"])}<//>
          `
        }
        <${Field} id="priority" name="Priority" help="Higher runs first; a waiting job gains one point per minute." required>
          ${choice("priority", PRIORITIES)}
        <//>
        <${Field} id="labels" name="Labels" help="key=value, one per line" problem=${labelProblem(typed.labels) ?? problems.get("labels")}>
          ${(/** @type {object} */ attributes) => html`<textarea ...${attributes} rows="2" value=${typed.labels} onInput=${onTyped("labels")}></textarea>`}
        <//>
      </div>
    </details>
  `;
}
