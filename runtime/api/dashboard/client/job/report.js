import { html } from "htm/preact";
import { count } from "../format.js";
import { Panel, Table } from "../ui/parts.js";

/** What went wrong with a job, fault by fault. @param {{ job: import("../types.ts").Job }} props */
export function Report({ job: { error } }) {
  if (!error) return null;
  const { type, category, message, retryable, details } = error;
  const faults = details
    .filter((one) => one !== null && typeof one === "object")
    .map((one) => /** @type {Record<string, unknown>} */ (one));
  const columns = [...new Set(faults.flatMap((one) => Object.keys(one)))];
  return html`
    <${Panel}
      title=${type}
      class="report"
      aside=${html`<span class="dim small">${category} error${retryable ? ", a retry may pass" : ""}</span>`}
    >
      <p>${message}</p>
      ${
        faults.length > 0 &&
        html`
          <${Table} label=${`${count(faults.length)} faults`} head=${columns}>
            ${faults.map((fault) => html`<tr>${columns.map((name) => html`<td>${shown(fault[name])}</td>`)}</tr>`)}
          <//>
        `
      }
    <//>
  `;
}

/** @param {unknown} value */
const shown = (value) => (value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));
