import { html } from "htm/preact";
import { ago, count, taskName } from "../format.js";
import { requestJson } from "../http.js";
import { usePolled } from "../polling.js";
import { overviewJobsPath } from "../preload.js";
import { formatRoute, jobsAddress } from "../route.js";
import { Bars, Empty, Failure } from "../ui/components.js";
import { Live } from "../ui/contact.js";

const POLL_MS = 4_000;
const MAX_TYPES = 5;
const MAX_JOBS = 4;

/**
 * Errors of the range by type, and its latest failed jobs. `shownError` is an error that the page already shows.
 * @param {{ shownError: string, activity: import("../../../../monitoring/activity.ts").Activity | undefined }} props
 */
export function Failing({ shownError, activity }) {
  const polled = usePolled(
    "failed",
    (signal) =>
      /** @type {Promise<{ jobs: import("../types.ts").Job[] }>} */ (
        requestJson(overviewJobsPath("FAILED"), { signal })
      ),
    POLL_MS,
  );
  const { data, error } = polled;
  if (!data || !activity)
    return error && error !== shownError
      ? html`<${Failure}>${error}<//>`
      : html`<${Empty}>${shownError ? "No data" : "…"}<//>`;
  const { from, to, errors } = activity;
  const recent = data.jobs.filter(({ finishedAt = "" }) => finishedAt >= from && finishedAt <= to);
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
        ${recent.slice(0, MAX_JOBS).map(
          ({ tenant, requestId, task, error: failure, finishedAt = "" }) => html`
            <li key=${`${tenant}/${requestId}`}>
              <span class="now-what">
                <a href=${formatRoute({ page: "job", tenant, requestId })}>${requestId}</a>
                <span class="dim small">${taskName(task)}</span>
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
