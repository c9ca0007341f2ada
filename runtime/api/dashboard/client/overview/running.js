import { html } from "htm/preact";
import { count, counted, duration, shareDone, whatOf } from "../format.js";
import { ask } from "../http.js";
import { usePolled } from "../polling.js";
import { overviewJobsPath } from "../preload.js";
import { formatRoute, jobsAddress } from "../route.js";
import { may } from "../session.js";
import { Live } from "../ui/contact.js";
import { Badge, Empty, Failure, Meter } from "../ui/parts.js";

const EVERY_MS = 2_000;

/** @typedef {{ jobs: import("../types.ts").Job[], cursor?: string }} Found */

/**
 * Running jobs, longest running first, then waiting jobs.
 * @param {{ said: string, runners: import("../types.ts").Figures["runners"] }} props
 */
export function Running({ said, runners }) {
  const polled = usePolled(
    "running",
    async (signal) => {
      /** @type {Found} */
      const running = await ask(overviewJobsPath("IN_PROGRESS"), { signal });
      /** @type {Found} */
      const waiting = await ask(overviewJobsPath("PENDING"), { signal });
      return { running, waiting };
    },
    EVERY_MS,
  );
  const { found, error } = polled;
  if (!found)
    return error && error !== said ? html`<${Failure}>${error}<//>` : html`<${Empty}>${said ? "No data" : "…"}<//>`;
  const { running, waiting } = found;
  const shownWaiting = waiting.jobs.slice(0, Math.max(2, 6 - running.jobs.length));
  const all = Object.values(runners ?? {}).reduce((sum, { waiting: n }) => sum + (n ?? 0), 0);
  const further = Math.max(all - shownWaiting.length, waiting.jobs.length - shownWaiting.length);
  return html`
    <${Live} polled=${polled}>
      ${
        running.jobs.length + waiting.jobs.length === 0
          ? html`
              <${Empty}>
                Nothing runs and nothing waits.${may("submit") && html` <a href="#/query">Run a query</a>`}
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
        ${further > 0 && html`<a href=${jobsAddress({ status: "PENDING" })}>${all > 0 ? `${count(further)} more waiting` : "More waiting"}</a>`}
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
        <span class="dim small">${whatOf(task)}</span>
        ${done !== undefined && html`<${Meter} label=${`Progress of ${requestId}`} value=${Math.round(100 * done)} most=${100} />`}
      </span>
      <span class="number dim">${isRunning && progress.rows > 0 && `${counted(progress.rows, "row")} · `}${duration(Date.now() - Date.parse(since))}</span>
    </li>
  `;
}
