import { html } from "htm/preact";
import { count, counted, duration, shareDone, taskName } from "../format.js";
import { requestJson } from "../http.js";
import { usePolled } from "../polling.js";
import { overviewJobsPath } from "../preload.js";
import { formatRoute, jobsAddress } from "../route.js";
import { hasScope } from "../session.js";
import { Badge, Empty, Failure, Meter } from "../ui/components.js";
import { Live } from "../ui/contact.js";

const POLL_MS = 2_000;

/** @typedef {{ jobs: import("../types.ts").Job[], cursor?: string }} JobListPage */

/**
 * Running jobs, then waiting jobs, each the oldest first. `shownError` is an error that the page already shows.
 * @param {{ shownError: string, runners: import("../types.ts").Figures["runners"] }} props
 */
export function Running({ shownError, runners }) {
  const polled = usePolled(
    "running",
    async (signal) => {
      /** @type {JobListPage} */
      const running = await requestJson(overviewJobsPath("IN_PROGRESS"), { signal });
      /** @type {JobListPage} */
      const waiting = await requestJson(overviewJobsPath("PENDING"), { signal });
      return { running, waiting };
    },
    POLL_MS,
  );
  const { data, error } = polled;
  if (!data)
    return error && error !== shownError
      ? html`<${Failure}>${error}<//>`
      : html`<${Empty}>${shownError ? "No data" : "…"}<//>`;
  const { running, waiting } = data;
  const shownWaiting = waiting.jobs.slice(0, Math.max(2, 6 - running.jobs.length));
  const allWaiting = Object.values(runners ?? {}).reduce((sum, { waiting: n }) => sum + (n ?? 0), 0);
  const further = Math.max(allWaiting - shownWaiting.length, waiting.jobs.length - shownWaiting.length);
  return html`
    <${Live} polled=${polled}>
      ${
        running.jobs.length + waiting.jobs.length === 0
          ? html`
              <${Empty}>
                No jobs are running or waiting.${hasScope("submit") && html` <a href="#/query">Run a query</a>`}
              <//>
            `
          : html`
              <ul class="now">
                ${running.jobs.map((job) => html`<${Item} key=${`${job.tenant}/${job.requestId}`} job=${job} />`)}
                ${shownWaiting.map((job) => html`<${Item} key=${`${job.tenant}/${job.requestId}`} job=${job} />`)}
              </ul>
            `
      }
      <p class="small rest">
        ${running.cursor && html`<a href=${jobsAddress({ status: "IN_PROGRESS" })}>All running jobs</a>`}
        ${(further > 0 || waiting.cursor) && html`<a href=${jobsAddress({ status: "PENDING" })}>${further > 0 && allWaiting > 0 ? `${count(further)} more waiting` : "More waiting"}</a>`}
      </p>
    <//>
  `;
}

/** @param {{ job: import("../types.ts").Job }} props */
function Item({ job }) {
  const { tenant, requestId, status, task, progress, startedAt, createdAt } = job;
  const isRunning = status === "IN_PROGRESS";
  const done = isRunning ? shareDone(progress) : undefined;
  const since = isRunning ? (startedAt ?? createdAt) : createdAt;
  return html`
    <li>
      <${Badge} status=${status} />
      <span class="now-what">
        <a href=${formatRoute({ page: "job", tenant, requestId })}>${requestId}</a>
        <span class="dim small">${taskName(task)}</span>
        ${done !== undefined && html`<${Meter} label=${`Progress of ${requestId}`} value=${Math.round(100 * done)} max=${100} />`}
      </span>
      <span class="number dim">${isRunning && progress.rows > 0 && `${counted(progress.rows, "row")} · `}${duration(Date.now() - Date.parse(since))}</span>
    </li>
  `;
}
