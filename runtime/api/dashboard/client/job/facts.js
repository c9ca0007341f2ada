import { html } from "htm/preact";
import { bytes, cost, count, dateTime, duration, RUNNER_LABELS, taskName, zone } from "../format.js";
import { formatRoute, jobsAddress } from "../route.js";

/** @param {{ job: import("../types.ts").Job }} props */
export function Facts({ job }) {
  const { stats, task, labels, runner, priority, timeoutSeconds, tenant } = job;
  const labelList = Object.entries(labels);
  /** @type {[string, unknown][]} */
  const facts = [
    ["Task", taskName(task)],
    ["Tenant", tenant],
    ["Runner", RUNNER_LABELS[runner]],
    ["Created", `${dateTime(job.createdAt)} ${zone(job.createdAt)}`],
    ...(stats
      ? /** @type {[string, unknown][]} */ ([
          [
            "Took",
            `${duration(stats.totalMs)}, ${duration(stats.queueMs)} of it ${stats.attempts > 1 ? "before the last attempt" : "waiting"}`,
          ],
          ["Rows", count(stats.rows)],
          ...(task.type === "read" ? [["Size", bytes(stats.bytes)]] : []),
          ["Peak memory", bytes(stats.peakMemoryBytes)],
        ])
      : []),
    ...(job.estimatedUsd === undefined
      ? []
      : [/** @type {[string, unknown]} */ (["Estimated cost", cost(job.estimatedUsd)])]),
    ["Priority", priority],
    ["Timeout", duration(1_000 * timeoutSeconds)],
    ...(labelList.length > 0 ? [/** @type {[string, unknown]} */ (["Labels", chipsOf(labelList, tenant)])] : []),
  ];
  return html`
    <dl class="facts">
      ${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
  `;
}

/**
 * Labels as links to the jobs with the same label; a retry's label links to the retried job.
 * @type {(labels: [string, string][], tenant: string) => unknown}
 */
const chipsOf = (labels, tenant) => html`
  <ul class="chips">
    ${labels.map(([key, value]) => {
      const to =
        key === "retryOf"
          ? formatRoute({ page: "job", tenant, requestId: value })
          : jobsAddress({ label: `${key}=${value}` });
      return html`<li><a class="chip" href=${to}><bdi class="dim">${key}</bdi> <bdi>${value}</bdi></a></li>`;
    })}
  </ul>
`;
