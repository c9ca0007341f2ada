import { html } from "htm/preact";
import { ago, count, duration, moment, STATE_LABELS, shareDone, whatOf } from "../format.js";
import { refineJobs } from "../navigation.js";
import { formatRoute } from "../route.js";
import { isAdmin, may } from "../session.js";
import { Badge, Meter } from "../ui/parts.js";

/** @typedef {import("../types.ts").ListedJob} ListedJob */

/** Returns a key of a job that is unique among tenants. @param {ListedJob} job */
export const keyOf = ({ tenant, requestId, rejectedId }) => rejectedId ?? `${tenant}/${requestId}`;

/** Returns true if an action in the list applies to a job. @param {ListedJob} job */
const isChoosable = ({ status }) =>
  status === "PENDING" || status === "IN_PROGRESS"
    ? may("cancel")
    : status !== "REJECTED" && status !== "SUCCEEDED" && may("submit");

/**
 * @param {{ jobs: ListedJob[], filter: import("../route.js").JobFilter, chosen: Map<string, ListedJob>, setChosen:
 * (chosen: Map<string, ListedJob>) => void }} props
 */
export function JobTable({ jobs, filter, chosen, setChosen }) {
  const choosable = jobs.filter(isChoosable);
  const hasAll = choosable.length > 0 && choosable.every((job) => chosen.has(keyOf(job)));
  /** @type {(some: ListedJob[], isChosen: boolean) => void} */
  const choose = (some, isChosen) => {
    const next = new Map(chosen);
    for (const job of some) {
      if (isChosen) next.set(keyOf(job), job);
      else next.delete(keyOf(job));
    }
    setChosen(next);
  };
  return html`
    <table class="jobs">
      <caption class="hidden">Jobs</caption>
      <thead>
        <tr>
          <th scope="col" class="choose">
            ${
              choosable.length > 0
                ? html`<input type="checkbox" aria-label="Select all shown" checked=${hasAll} onChange=${() => choose(choosable, !hasAll)} />`
                : html`<span class="hidden">Choose</span>`
            }
          </th>
          <th scope="col"><span class="state-head">State</span></th>
          <th scope="col">Job</th>
          <th scope="col" class="wide">What</th>
          <th scope="col" class="number wide">Rows</th>
          <${SortHead} name="totalMs" label="Took" filter=${filter} />
          <${SortHead} name="createdAt" label="Created" filter=${filter} wide />
        </tr>
      </thead>
      <tbody>
        ${jobs.map((job) => html`<${Row} key=${keyOf(job)} job=${job} isChosen=${chosen.has(keyOf(job))} choose=${choose} />`)}
      </tbody>
    </table>
  `;
}

/**
 * Header of a sortable column; a second click reverses the order.
 * @param {{ name: string, label: string, filter: import("../route.js").JobFilter, wide?: boolean }} props
 */
function SortHead({ name, label, filter, wide = false }) {
  const isSorted = (filter.sort || "createdAt") === name;
  const isAscending = filter.order === "asc";
  const next = isSorted && !isAscending ? "asc" : "";
  return html`
    <th scope="col" class=${`number ${wide ? "wide" : ""}`} aria-sort=${isSorted ? (isAscending ? "ascending" : "descending") : undefined}>
      <button type="button" class="link sort" onClick=${() => refineJobs({ sort: name === "createdAt" ? "" : name, order: next })}>
        ${label}<span aria-hidden="true">${isSorted ? (isAscending ? " ↑" : " ↓") : ""}</span>
      </button>
    </th>
  `;
}

/** @param {{ job: ListedJob, isChosen: boolean, choose: (jobs: ListedJob[], isChosen: boolean) => void }} props */
function Row({ job, isChosen, choose }) {
  const { requestId, tenant, rejectedId, status, task, progress, stats, createdAt, startedAt, error } = job;
  const isRunning = status === "IN_PROGRESS";
  const done = isRunning ? shareDone(progress) : undefined;
  const took = stats?.totalMs ?? (isRunning && startedAt ? Date.now() - Date.parse(startedAt) : undefined);
  const what = task ? whatOf(task) : "no job created";
  const to =
    rejectedId === undefined
      ? formatRoute({ page: "job", tenant, requestId })
      : formatRoute({ page: "rejected", tenant, id: rejectedId });
  return html`
    <tr>
      <td class="choose">
        ${isChoosable(job) && html`<input type="checkbox" aria-label=${`Select ${requestId}`} checked=${isChosen} onChange=${() => choose([job], !isChosen)} />`}
      </td>
      <td class="state"><${Badge} status=${status} /></td>
      <th scope="row">
        <a href=${to}>${requestId || rejectedId}</a>
        ${isAdmin.value && html` <span class="dim small tenant">${tenant}</span>`}
        <span class="dim small narrow"><span aria-hidden="true">${STATE_LABELS[status]} · </span>${ago(createdAt)} · ${what}</span>
        ${error && status !== "CANCELLED" && html`<span class="bad-text small error-type">${error.type}</span>`}
        ${done !== undefined && html`<${Meter} label="Progress" value=${Math.round(100 * done)} most=${100} />`}
      </th>
      <td class="wide what">${what}</td>
      <td class="number wide">${count(stats?.rows ?? (isRunning ? progress.rows : undefined))}</td>
      <td class="number">${duration(took)}</td>
      <td class="number wide dim" title=${moment(createdAt)}>${ago(createdAt)}</td>
    </tr>
  `;
}
