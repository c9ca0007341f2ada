import { html } from "htm/preact";
import { ago, count, dateTime, duration, STATE_LABELS, shareDone, taskName } from "../format.js";
import { refineJobs } from "../navigation.js";
import { formatRoute } from "../route.js";
import { hasScope, isAdmin } from "../session.js";
import { Badge, Meter } from "../ui/components.js";

/** @typedef {import("../types.ts").ListedJob} ListedJob */

/** Returns a key of a job that is unique among tenants. @param {ListedJob} job */
export const keyOf = ({ tenant, requestId, rejectedId }) => rejectedId ?? `${tenant}/${requestId}`;

/** Returns true if a job can be selected: to cancel or retry it, or to see that it would fail again. @param {ListedJob} job */
const isSelectable = ({ status }) =>
  status === "PENDING" || status === "IN_PROGRESS"
    ? hasScope("cancel")
    : status !== "REJECTED" && status !== "SUCCEEDED" && hasScope("submit");

/**
 * @param {{ jobs: ListedJob[], filter: import("../route.js").JobFilter, selected: Map<string, ListedJob>, setSelected:
 * (selected: Map<string, ListedJob>) => void }} props
 */
export function JobTable({ jobs, filter, selected, setSelected }) {
  const selectable = jobs.filter(isSelectable);
  const areAllSelected = selectable.length > 0 && selectable.every((job) => selected.has(keyOf(job)));
  /** @type {(changed: ListedJob[], isSelected: boolean) => void} */
  const select = (changed, isSelected) => {
    const next = new Map(selected);
    for (const job of changed) {
      if (isSelected) next.set(keyOf(job), job);
      else next.delete(keyOf(job));
    }
    setSelected(next);
  };
  return html`
    <table class="jobs">
      <caption class="hidden">Jobs</caption>
      <thead>
        <tr>
          <th scope="col" class="choose">
            ${
              selectable.length > 0
                ? html`<input type="checkbox" aria-label="Select all shown" checked=${areAllSelected} onChange=${() => select(selectable, !areAllSelected)} />`
                : html`<span class="hidden">Select</span>`
            }
          </th>
          <th scope="col"><span class="state-head">State</span></th>
          <th scope="col">Job</th>
          <th scope="col" class="wide">Task</th>
          <th scope="col" class="number wide">Rows</th>
          <${SortHead} name="totalMs" label="Took" filter=${filter} />
          <${SortHead} name="createdAt" label="Created" filter=${filter} wide />
        </tr>
      </thead>
      <tbody>
        ${jobs.map((job) => html`<${Row} key=${keyOf(job)} job=${job} isSelected=${selected.has(keyOf(job))} select=${select} />`)}
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

/** @param {{ job: ListedJob, isSelected: boolean, select: (jobs: ListedJob[], isSelected: boolean) => void }} props */
function Row({ job, isSelected, select }) {
  const { requestId, tenant, rejectedId, status, task, progress, stats, createdAt, startedAt, error } = job;
  const isRunning = status === "IN_PROGRESS";
  const done = isRunning && progress ? shareDone(progress) : undefined;
  const totalMs = stats?.totalMs ?? (isRunning && startedAt ? Date.now() - Date.parse(startedAt) : undefined);
  const name = task ? taskName(task) : "no job created";
  const href =
    rejectedId === undefined
      ? formatRoute({ page: "job", tenant, requestId })
      : formatRoute({ page: "rejected", tenant, id: rejectedId });
  return html`
    <tr>
      <td class="choose">
        ${isSelectable(job) && html`<input type="checkbox" aria-label=${`Select ${requestId}`} checked=${isSelected} onChange=${() => select([job], !isSelected)} />`}
      </td>
      <td class="state"><${Badge} status=${status} /></td>
      <th scope="row">
        <a href=${href}>${requestId || rejectedId}</a>
        ${isAdmin.value && html` <span class="dim small tenant">${tenant}</span>`}
        <span class="dim small narrow"><span aria-hidden="true">${STATE_LABELS[status]} · </span>${ago(createdAt)} · ${name}</span>
        ${error && status !== "CANCELLED" && html`<span class="bad-text small error-type">${error.type}</span>`}
        ${done !== undefined && html`<${Meter} label="Progress" value=${Math.round(100 * done)} max=${100} />`}
      </th>
      <td class="wide what">${name}</td>
      <td class="number wide">${count(stats?.rows ?? (isRunning ? progress?.rows : undefined))}</td>
      <td class="number">${duration(totalMs)}</td>
      <td class="number wide dim" title=${dateTime(createdAt)}>${ago(createdAt)}</td>
    </tr>
  `;
}
