import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { count } from "../format.js";
import { wordsOf } from "../http.js";
import { Panel, Table } from "../ui/parts.js";
import { download } from "./download.js";

/** What of a fault is told first; a database keeps an object's keys in an order of its own. */
const ORDER = ["line", "column", "field", "value", "reason", "message"];

/** What went wrong with a job, fault by fault. @param {{ job: import("../types.ts").Job }} props */
export function Report({ job }) {
  if (!job.error) return null;
  const { type, category, message, retryable, details } = job.error;
  const listed = details
    .filter((one) => one !== null && typeof one === "object")
    .map((one) => /** @type {Record<string, unknown>} */ (one));
  const faults = listed.filter((one) => !("more" in one));
  const found = new Set(faults.flatMap((one) => Object.keys(one)));
  const columns = [...new Set([...ORDER.filter((name) => found.has(name)), ...found])];
  return html`
    <${Panel}
      title=${type}
      class="report"
      aside=${html`<span class="dim small">${category} error${retryable ? ", retrying may help" : ""}</span>`}
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
      ${listed.filter((one) => "more" in one).map(({ more }) => html`<${Rest} job=${job} more=${Number(more)} />`)}
    <//>
  `;
}

/** How many faults there are beside those that are shown, and all of them as a file.
 * @param {{ job: import("../types.ts").Job, more: number }} props */
function Rest({ job, more }) {
  const [error, setError] = useState("");
  const fetchAll = () =>
    download(job, "report", { isStored: true, extension: "report.csv" }).then(
      () => setError(""),
      (thrown) => setError(wordsOf(thrown)),
    );
  return html`
    <p class="rest">… and ${count(more)} more <button type="button" onClick=${fetchAll}>Download all</button></p>
    ${error && html`<p class="failure" role="alert">${error}</p>`}
  `;
}

/** @param {unknown} value */
const shown = (value) => (value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));
