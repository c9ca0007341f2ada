import { html } from "htm/preact";
import { bytes, count, counted, duration, STATE_LABELS, shareDone } from "../format.js";
import { jobPath, requestJson } from "../http.js";
import { usePolled } from "../polling.js";
import { Badge, Failure, Meter, Panel } from "../ui/components.js";
import { LostContact } from "../ui/contact.js";
import { Actions } from "./actions.js";
import { Attempts } from "./attempts.js";
import { Facts } from "./facts.js";
import { Report } from "./report.js";
import { Result } from "./result.js";
import { Task } from "./task.js";
import { Timeline } from "./timeline.js";

const POLL_MS = 1_000;

/** Page of a job, its error or result first. @param {{ tenant: string, requestId: string }} props */
export function JobPage({ tenant, requestId }) {
  const id = { tenant, requestId };
  const { data, error, contactAt, refresh } = usePolled(
    `${tenant}/${requestId}`,
    async (signal) => {
      const [job, { phases }] = await Promise.all([
        /** @type {Promise<import("../types.ts").Job>} */ (requestJson(jobPath(id), { signal })),
        /** @type {Promise<{ phases: import("../../../../monitoring/timeline.ts").Phase[] }>} */ (
          requestJson(jobPath(id, "/timeline"), { signal })
        ),
      ]);
      /** @type {{ waiting?: import("../../../../monitoring/waiting.ts").Waiting }} */
      const { waiting } = job.status === "PENDING" ? await requestJson(jobPath(id, "/waiting"), { signal }) : {};
      return { job, phases, waiting };
    },
    // If a response is requested, the job changes until the response is sent.
    ({ job }) => (job.finishedAt && (job.response?.sentAt || job.reply === "none") ? undefined : POLL_MS),
  );
  const job = data?.job;
  return html`
    <nav class="crumbs" aria-label="Where"><a href="#/jobs">Jobs</a> <span aria-hidden="true">/</span> Job</nav>
    <div class="page-head">
      <h1 tabindex="-1" class="id">${requestId}</h1>
      ${job && html`<${Badge} status=${job.status} />`}
      ${job && html`<${Actions} job=${job} onChanged=${refresh} />`}
    </div>
    <p class="hidden" role="status">${job && STATE_LABELS[job.status]}</p>
    ${error && (job ? html`<${LostContact} error=${error} contactAt=${contactAt} />` : html`<${Failure}>${error}<//>`)}
    ${
      job
        ? html`
            <div class=${`live ${error ? "stale" : ""}`}>
              ${data.waiting && html`<div class="panel"><strong>${data.waiting.sentence}</strong>${data.waiting.remedy && html`<p class="dim">${data.waiting.remedy}</p>`}</div>`}
              ${job.status === "IN_PROGRESS" && html`<${Progress} job=${job} />`}
              ${job.error && html`<${Report} job=${job} />`}
              ${job.status === "SUCCEEDED" && html`<${Result} job=${job} />`}
              <div class="columns two">
                <${Panel} title="Facts"><${Facts} job=${job} /><//>
                <${Panel} title="Task"><${Task} job=${job} /><//>
              </div>
              <${Panel} title="Timeline"><${Timeline} phases=${data.phases} isResponseRequested=${job.reply !== "none"} /><//>
              <${Panel} title="Attempts"><${Attempts} job=${job} /><//>
              <details class="panel">
                <summary>Raw JSON</summary>
                <pre tabindex="0" aria-label="Document as JSON">${JSON.stringify(job, null, 2)}</pre>
              </details>
            </div>
          `
        : !error && html`<div class="panel tall" aria-busy="true"></div>`
    }
  `;
}

/** @param {{ job: import("../types.ts").Job }} props */
function Progress({ job: { progress, startedAt, cancelRequestedAt } }) {
  const done = shareDone(progress);
  const runMs = startedAt ? Date.now() - Date.parse(startedAt) : 0;
  return html`
    <div class="panel progress">
      <div class="capacity-head">
        <strong>${cancelRequestedAt ? "Being cancelled" : "Running"}</strong>
        <span>
          ${[
            `${counted(progress.rows, "row")}${done === undefined ? "" : ` of about ${count(progress.estimatedRows)}`}`,
            bytes(progress.bytes),
            duration(runMs),
          ].join(" · ")}
        </span>
      </div>
      <${Meter} label="Progress" value=${Math.round(100 * (done ?? 0))} max=${100} tone=${done === undefined ? "unknown" : "busy"} />
    </div>
  `;
}
