import { html } from "htm/preact";
import { ago, count, whatOf } from "../format.js";
import { ask } from "../http.js";
import { usePolled } from "../polling.js";
import { overviewJobsPath } from "../preload.js";
import { formatRoute, jobsAddress } from "../route.js";
import { Live } from "../ui/contact.js";
import { Bars, Empty, Failure } from "../ui/parts.js";

const EVERY_MS = 4_000;
const MAX_TYPES = 5;
const MAX_JOBS = 4;

/**
 * Errors of the range by type, and the latest failed jobs.
 * @param {{ said: string, activity: import("../../../../monitoring/activity.ts").Activity | undefined }} props
 */
export function Failing({ said, activity }) {
  const polled = usePolled(
    "failed",
    (signal) =>
      /** @type {Promise<{ jobs: import("../types.ts").Job[] }>} */ (ask(overviewJobsPath("FAILED"), { signal })),
    EVERY_MS,
  );
  const { found, error } = polled;
  if (!found || !activity)
    return error && error !== said ? html`<${Failure}>${error}<//>` : html`<${Empty}>${said ? "No data" : "…"}<//>`;
  const { from, to, errors } = activity;
  const lately = found.jobs.filter(({ finishedAt = "" }) => finishedAt >= from && finishedAt <= to);
  if (errors.length === 0) return html`<${Empty}>No job has failed.<//>`;
  return html`
    <${Live} polled=${polled}>
      <${Bars}
        rows=${errors.slice(0, MAX_TYPES).map(({ type, category, count: n, last }) => ({
          name: html`<a href=${jobsAddress({ text: type, status: "FAILED" })}>${type}</a>`,
          value: n,
          text: count(n),
          note: `· last ${ago(last)}`,
          tone: category === "User" ? "warn" : "bad",
        }))}
      />
      <ul class="now failed">
        ${lately.slice(0, MAX_JOBS).map(
          ({ tenant, requestId, task, error: failure, finishedAt = "" }) => html`
            <li key=${`${tenant}/${requestId}`}>
              <span class="now-what">
                <a href=${formatRoute({ page: "job", tenant, requestId })}>${requestId}</a>
                <span class="dim small">${whatOf(task)}</span>
                <span class="small reason">${failure?.message}</span>
              </span>
              <span class="number dim">${ago(finishedAt)}</span>
            </li>
          `,
        )}
      </ul>
    <//>
  `;
}
