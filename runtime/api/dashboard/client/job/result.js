import { html } from "htm/preact";
import { useEffect } from "preact/hooks";
import { count, counted } from "../format.js";
import { jobPath, requestJson } from "../http.js";
import { usePolled } from "../polling.js";
import { Empty, Failure, Panel } from "../ui/components.js";
import { DayChart, dayColumnOf } from "./dayChart.js";
import { Grid } from "./grid.js";

/** Maximum number of rows that are loaded. Larger results can be downloaded. */
const MAX_ROWS = 1_000;

/**
 * Result of a job: the rows of a read, or the summary of an update. `onShown` is called once the rows are loaded.
 * @param {{ job: import("../types.ts").Job, onShown?: () => void }} props
 */
export const Result = ({ job, onShown }) =>
  job.task.type === "read" ? html`<${Rows} job=${job} onShown=${onShown} />` : html`<${UpdateSummary} job=${job} />`;

/** @param {{ job: import("../types.ts").Job, onShown?: (() => void) | undefined }} props */
function Rows({ job, onShown }) {
  const { data, error } = usePolled(
    job.requestId,
    (signal) =>
      /** @type {Promise<import("../types.ts").Preview>} */ (
        requestJson(jobPath(job, "/preview", { rows: String(MAX_ROWS) }), { signal })
      ),
    () => undefined,
  );
  useEffect(() => {
    if (data) onShown?.();
  }, [data !== undefined]);
  const rows = job.result?.rows ?? 0;
  const aside =
    data &&
    rows > 0 &&
    html`<span class="dim small">${data.more ? `the first ${count(data.rows.length)} of ${counted(rows, "row")}` : counted(rows, "row")}${data.furtherColumns ? `, without ${counted(data.furtherColumns, "further column")}` : ""}</span>`;
  return html`
    <${Panel} title="Result" aside=${aside}>
      ${error && html`<${Failure}>${error}<//>`}
      ${!data && !error && html`<${Empty}>…<//>`}
      ${
        data &&
        (data.rows.length === 0
          ? html`<${Empty}>The result has no rows.<//>`
          : html`
              ${dayColumnOf(data) !== undefined && html`<${DayChart} preview=${data} />`}
              <${Grid} preview=${data} />
            `)
      }
    <//>
  `;
}

/** @param {{ job: import("../types.ts").Job }} props */
function UpdateSummary({ job: { task, stats, result } }) {
  const rows = counted(result?.rows ?? stats?.rows ?? 0, "row");
  const summary = task.dryRun
    ? `Dry run: ${rows} valid, nothing changed.`
    : task.statement !== undefined
      ? `${task.statement} changed ${rows}.`
      : `${rows} loaded into ${task.target}.`;
  return html`<${Panel} title="Result" class="succeeded"><p><strong>${summary}</strong></p><//>`;
}
