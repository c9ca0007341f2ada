import { html } from "htm/preact";
import { useEffect } from "preact/hooks";
import { count, counted } from "../format.js";
import { ask, jobPath } from "../http.js";
import { usePolled } from "../polling.js";
import { Empty, Failure, Panel } from "../ui/parts.js";
import { DayChart, dayColumnOf } from "./dayChart.js";
import { Grid } from "./grid.js";

/** Maximum rows that are loaded; larger results must be downloaded. */
const ROWS = 1_000;

/**
 * Result of a job: the rows of a read, or the summary of an update. `shown` is called once the rows are loaded.
 * @param {{ job: import("../types.ts").Job, shown?: () => void }} props
 */
export const Result = ({ job, shown }) =>
  job.task.type === "read" ? html`<${Rows} job=${job} shown=${shown} />` : html`<${Changed} job=${job} />`;

/** @param {{ job: import("../types.ts").Job, shown?: (() => void) | undefined }} props */
function Rows({ job, shown }) {
  const { found, error } = usePolled(
    job.requestId,
    (signal) =>
      /** @type {Promise<import("../types.ts").Preview>} */ (
        ask(jobPath(job, "/preview", { rows: String(ROWS) }), { signal })
      ),
    () => undefined,
  );
  useEffect(() => {
    if (found) shown?.();
  }, [found !== undefined]);
  const rows = job.result?.rows ?? 0;
  const aside =
    found &&
    rows > 0 &&
    html`<span class="dim small">${found.more ? `the first ${count(found.rows.length)} of ${counted(rows, "row")}` : counted(rows, "row")}${found.furtherColumns ? `, without ${counted(found.furtherColumns, "further column")}` : ""}</span>`;
  return html`
    <${Panel} title="Result" aside=${aside}>
      ${error && html`<${Failure}>${error}<//>`}
      ${!found && !error && html`<${Empty}>…<//>`}
      ${
        found &&
        (found.rows.length === 0
          ? html`<${Empty}>The result has no rows.<//>`
          : html`
              ${dayColumnOf(found) !== undefined && html`<${DayChart} preview=${found} />`}
              <${Grid} preview=${found} />
            `)
      }
    <//>
  `;
}

/** @param {{ job: import("../types.ts").Job }} props */
function Changed({ job: { task, stats, result } }) {
  const rows = counted(result?.rows ?? stats?.rows ?? 0, "row");
  const what = task.dryRun
    ? `Dry run: ${rows} valid, nothing changed.`
    : task.statement !== undefined
      ? `${task.statement} changed ${rows}.`
      : `${rows} loaded into ${task.target}.`;
  return html`<${Panel} title="Result" class="succeeded"><p><strong>${what}</strong></p><//>`;
}
