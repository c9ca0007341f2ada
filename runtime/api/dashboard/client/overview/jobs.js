import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ago, count, duration, moment, STATE_WORDS, shareDone, whatOf } from "../format.js";
import { ask } from "../http.js";
import { usePolled } from "../polling.js";
import { jobsPath, PAGE } from "../preload.js";
import { formatRoute } from "../route.js";
import { isAdmin, may } from "../session.js";
import { Badge, Empty, Failure, Meter, Panel } from "../ui/parts.js";

const EVERY_MS = 2_000;
/** Between two keys of somebody who types. */
const TYPING_MS = 150;
const MOST = 1_000;

/** Jobs as they go, found as one types. What is `said` already of an API that is away is not said again.
 * @param {{ filter: { text: string, status: string, type: string }, refine: (change: object) => void, said: string }} props */
export function Jobs({ filter, refine, said }) {
  const [limit, setLimit] = useState(PAGE);
  const { text, status, type } = filter;
  const path = jobsPath(filter, limit);
  const { found, error, stale } = usePolled(
    path,
    (signal) => /** @type {Promise<{ jobs: import("../types.ts").Job[], cursor?: string }>} */ (ask(path, { signal })),
    EVERY_MS,
  );
  const narrowed = Boolean(text || status || type);
  return html`
    <${Panel} title="Jobs">
      <${Filters} filter=${filter} refine=${refine} />
      ${error && error !== said && html`<${Failure}>${error}<//>`}
      <div class=${stale && found ? "stale" : ""} aria-busy=${stale}>
        ${
          found &&
          (found.jobs.length > 0
            ? html`<${List} jobs=${found.jobs} />`
            : html`<${Empty}>${narrowed ? "No jobs match." : "No jobs yet."} ${
                narrowed
                  ? html`<button type="button" class="link" onClick=${() => refine({ text: "", status: "", type: "" })}>Show all</button>`
                  : may("submit") && html`<a href="#/submit">Submit the first one</a>`
              }<//>`)
        }
      </div>
      ${
        found?.cursor &&
        limit < MOST &&
        html`<button type="button" class="more" onClick=${() => setLimit(Math.min(MOST, 2 * limit))}>Show more</button>`
      }
    <//>
  `;
}

/** @param {{ filter: { text: string, status: string, type: string }, refine: (change: object) => void }} props */
function Filters({ filter, refine }) {
  const [typed, setTyped] = useState(filter.text);
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const sent = useRef(filter.text);
  // Set from elsewhere, as by a click on an error; what was typed here has perhaps been typed on meanwhile.
  useEffect(() => {
    if (filter.text !== sent.current) setTyped(filter.text);
    sent.current = filter.text;
  }, [filter.text]);
  useEffect(() => {
    if (typed === filter.text) return;
    const timer = setTimeout(() => {
      sent.current = typed;
      refine({ text: typed });
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const slash = (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select")) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", slash);
    return () => removeEventListener("keydown", slash);
  }, []);
  /** @type {(name: string) => (event: Event) => void} */
  const choose = (name) => (event) =>
    refine({ [name]: event.currentTarget instanceof HTMLSelectElement ? event.currentTarget.value : "" });
  return html`
    <search class="filters">
      <label class="grow">
        <span class="hidden">Search jobs</span>
        <input
          ref=${input}
          type="search"
          maxlength="200"
          placeholder="Search id, label, query, error …"
          aria-keyshortcuts="/"
          value=${typed}
          onInput=${(/** @type {InputEvent} */ { currentTarget }) => setTyped(/** @type {HTMLInputElement} */ (currentTarget).value)}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <label>
        <span class="hidden">State</span>
        <select value=${filter.status} onChange=${choose("status")}>
          <option value="">Any state</option>
          ${Object.entries(STATE_WORDS).map(([value, word]) => html`<option value=${value}>${word}</option>`)}
        </select>
      </label>
      <label>
        <span class="hidden">Kind</span>
        <select value=${filter.type} onChange=${choose("type")}>
          <option value="">Any kind</option>
          <option value="read">Reads</option>
          <option value="update">Updates</option>
        </select>
      </label>
    </search>
  `;
}

/** @param {{ jobs: import("../types.ts").Job[] }} props */
const List = ({ jobs }) => html`
  <table class="jobs">
    <caption class="hidden">Jobs, newest first</caption>
    <thead>
      <tr>
        <th scope="col"><span class="state-head">State</span></th>
        <th scope="col">Job</th>
        <th scope="col" class="wide">What</th>
        <th scope="col" class="number wide">Rows</th>
        <th scope="col" class="number">Took</th>
        <th scope="col" class="number wide">Created</th>
      </tr>
    </thead>
    <tbody>
      ${jobs.map((job) => html`<${Row} key=${`${job.tenant}/${job.requestId}`} job=${job} />`)}
    </tbody>
  </table>
`;

/** @param {{ job: import("../types.ts").Job }} props */
function Row({ job }) {
  const { requestId, tenant, status, task, progress, stats, createdAt, startedAt, error } = job;
  const running = status === "IN_PROGRESS";
  const done = running ? shareDone(progress) : undefined;
  const took = stats?.totalMs ?? (running && startedAt ? Date.now() - Date.parse(startedAt) : undefined);
  return html`
    <tr>
      <td class="state"><${Badge} status=${status} /></td>
      <th scope="row">
        <a href=${formatRoute({ page: "job", tenant, requestId })}>${requestId}</a>
        ${isAdmin.value && html` <span class="dim small tenant">${tenant}</span>`}
        <span class="dim small narrow"><span aria-hidden="true">${STATE_WORDS[status]} · </span>${whatOf(task)} · ${ago(createdAt)}</span>
        ${error && html`<span class="bad-text small error-type">${error.type}</span>`}
        ${done !== undefined && html`<${Meter} label="Progress" value=${Math.round(100 * done)} most=${100} />`}
      </th>
      <td class="wide what">${whatOf(task)}</td>
      <td class="number wide">${count(stats?.rows ?? (running ? progress.rows : undefined))}</td>
      <td class="number">${duration(took)}</td>
      <td class="number wide dim" title=${moment(createdAt)}>${ago(createdAt)}</td>
    </tr>
  `;
}
