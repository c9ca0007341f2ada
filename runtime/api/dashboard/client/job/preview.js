import { html } from "htm/preact";
import { count, counted } from "../format.js";
import { ask, jobPath } from "../http.js";
import { usePolled } from "../polling.js";
import { Empty, Failure, Panel, Table } from "../ui/parts.js";

/** The first rows of a result. @param {{ job: import("../types.ts").Job }} props */
export function Preview({ job }) {
  const { found, error } = usePolled(
    job.requestId,
    (signal) =>
      /** @type {Promise<import("../types.ts").Preview>} */ (ask(jobPath(job, "/preview", { rows: "20" }), { signal })),
    () => undefined,
  );
  const rows = job.result?.rows ?? 0;
  const aside =
    found &&
    rows > 0 &&
    html`<span class="dim small">${found.more ? `the first ${count(found.rows.length)} of ${counted(rows, "row")}` : counted(rows, "row")}${found.furtherColumns ? `, without ${counted(found.furtherColumns, "further column")}` : ""}</span>`;
  return html`
    <${Panel} title="Result" aside=${aside}>
      ${error && html`<${Failure}>${error}<//>`}
      ${
        found &&
        (found.rows.length === 0
          ? html`<${Empty}>The result has no rows.<//>`
          : html`
              <${Table} label="Result" head=${found.columns}>
                ${found.rows.map(
                  (row) =>
                    html`<tr>${row.map((value) => html`<td class="value" title=${value}>${value ?? html`<span class="dim">null</span>`}</td>`)}</tr>`,
                )}
              <//>
            `)
      }
    <//>
  `;
}
