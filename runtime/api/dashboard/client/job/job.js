import { html } from "htm/preact";
import { bytes, count, duration, moment, RUNNER_WORDS, STATE_WORDS, shareDone, whatOf, zone } from "../format.js";
import { ask, jobPath } from "../http.js";
import { usePolled } from "../polling.js";
import { formatRoute } from "../route.js";
import { Badge, Failure, Meter, Panel } from "../ui/parts.js";
import { Actions } from "./actions.js";
import { Attempts } from "./attempts.js";
import { Preview } from "./preview.js";
import { Report } from "./report.js";
import { Timeline } from "./timeline.js";

const LIVE_MS = 1_000;

/** All about one job. @param {{ tenant: string, requestId: string }} props */
export function JobPage({ tenant, requestId }) {
  const id = { tenant, requestId };
  const { found, error, again } = usePolled(
    `${tenant}/${requestId}`,
    async (signal) => {
      const [job, { phases }] = await Promise.all([
        /** @type {Promise<import("../types.ts").Job>} */ (ask(jobPath(id), { signal })),
        /** @type {Promise<{ phases: import("../../../../monitoring/timeline.ts").Phase[] }>} */ (
          ask(jobPath(id, "/timeline"), { signal })
        ),
      ]);
      /** @type {{ waiting?: import("../../../../monitoring/waiting.ts").Waiting }} */
      const { waiting } = job.status === "PENDING" ? await ask(jobPath(id, "/waiting"), { signal }) : {};
      return { job, phases, waiting };
    },
    // It changes until its response is sent.
    ({ job }) => (job.finishedAt && job.response?.sentAt ? undefined : LIVE_MS),
  );
  const job = found?.job;
  return html`
    <nav class="crumbs" aria-label="Where"><a href="#/">Overview</a> <span aria-hidden="true">/</span> Job</nav>
    <div class="page-head">
      <h1 tabindex="-1" class="id">${requestId}</h1>
      ${job && html`<${Badge} status=${job.status} />`}
      ${job && html`<${Actions} job=${job} changed=${again} />`}
    </div>
    <p class="hidden" role="status">${job && STATE_WORDS[job.status]}</p>
    ${error && html`<${Failure}>${error}<//>`}
    ${
      job
        ? html`
            ${found.waiting && html`<div class="panel"><strong>${found.waiting.sentence}</strong></div>`}
            ${job.status === "IN_PROGRESS" && html`<${Progress} job=${job} />`}
            ${job.error && html`<${Report} job=${job} />`}
            <${Panel} title="Timeline"><${Timeline} phases=${found.phases} /><//>
            <div class="columns two">
              <${Panel} title="What it does"><${Facts} job=${job} /><//>
              <${Panel} title="Task"><pre tabindex="0" aria-label="Task as JSON">${JSON.stringify(job.task, null, 2)}</pre><//>
            </div>
            ${job.status === "SUCCEEDED" && job.task.type === "read" && html`<${Preview} job=${job} />`}
            <${Panel} title="Attempts"><${Attempts} job=${job} /><//>
            <details class="panel">
              <summary>Raw JSON</summary>
              <pre tabindex="0" aria-label="Document as JSON">${JSON.stringify(job, null, 2)}</pre>
            </details>
          `
        : !error && html`<div class="panel tall" aria-busy="true"></div>`
    }
  `;
}

/** @param {{ job: import("../types.ts").Job }} props */
function Progress({ job: { progress, startedAt, cancelRequestedAt } }) {
  const done = shareDone(progress);
  const ran = startedAt ? Date.now() - Date.parse(startedAt) : 0;
  return html`
    <div class="panel progress">
      <div class="capacity-head">
        <strong>${cancelRequestedAt ? "Being cancelled" : "At work"}</strong>
        <span>
          ${[
            `${count(progress.rows)} rows${done === undefined ? "" : ` of about ${count(progress.estimatedRows)}`}`,
            bytes(progress.bytes),
            duration(ran),
          ].join(" · ")}
        </span>
      </div>
      <${Meter} label="Progress" value=${Math.round(100 * (done ?? 0))} most=${100} tone=${done === undefined ? "unknown" : "busy"} />
    </div>
  `;
}

/** @param {{ job: import("../types.ts").Job }} props */
function Facts({ job }) {
  const { stats, task, labels, runner, priority, timeoutSeconds, tenant } = job;
  /** @type {[string, unknown][]} */
  const facts = [
    ["Work", whatOf(task)],
    ["Tenant", tenant],
    ["Runner", RUNNER_WORDS[runner]],
    ["Created", `${moment(job.createdAt)} ${zone(job.createdAt)}`],
    ...(stats
      ? /** @type {[string, unknown][]} */ ([
          ["Rows", count(stats.rows)],
          ...(task.type === "read" ? [["Size", bytes(stats.bytes)]] : []),
          ["Peak memory", bytes(stats.peakMemoryBytes)],
        ])
      : []),
    ["Priority", priority],
    ["Timeout", duration(1_000 * timeoutSeconds)],
    ...Object.entries(labels).map(
      ([key, value]) => /** @type {[string, unknown]} */ ([key, labelOf(key, value, tenant)]),
    ),
  ];
  return html`
    <dl class="facts">
      ${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
  `;
}

/** A label; of a retry, the way to what it retries. @type {(key: string, value: string, tenant: string) => unknown} */
const labelOf = (key, value, tenant) =>
  key === "retryOf" ? html`<a href=${formatRoute({ page: "job", tenant, requestId: value })}>${value}</a>` : value;
