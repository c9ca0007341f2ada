import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { ask } from "../http.js";
import { refineJobs } from "../navigation.js";
import { usePolled } from "../polling.js";
import { jobsPath, PAGE } from "../preload.js";
import { ALL_JOBS } from "../route.js";
import { may } from "../session.js";
import { Live, LostContact } from "../ui/contact.js";
import { Empty, Panel } from "../ui/parts.js";
import { BulkActions } from "./bulk.js";
import { Filters } from "./filters.js";
import { JobTable, keyOf } from "./table.js";
import { createdFrom } from "./times.js";
import { Views } from "./views.js";

const EVERY_MS = 2_000;
/** Maximum number of listed jobs, and of jobs in a bulk action. */
export const MAX_JOBS = 1_000;

/** @typedef {import("../types.ts").ListedJob} ListedJob */
/** @typedef {{ jobs: ListedJob[], cursor?: string }} Found */

/**
 * Page of all jobs with search as you type; selected jobs can be cancelled or retried together.
 * @param {{ filter: import("../route.js").JobFilter }} props
 */
export function JobsPage({ filter }) {
  const [limit, setLimit] = useState(PAGE);
  const [chosen, setChosen] = useState(/** @type {Map<string, ListedJob>} */ (new Map()));
  const path = (/** @type {number} */ most) => jobsPath({ ...filter, ...createdFrom(filter) }, most);
  const polled = usePolled(
    JSON.stringify([filter, limit]),
    (signal) => /** @type {Promise<Found>} */ (ask(path(limit), { signal })),
    EVERY_MS,
  );
  const { found, error, contactAt, again } = polled;
  const isFiltered = JSON.stringify({ ...filter, sort: "", order: "" }) !== JSON.stringify(ALL_JOBS);
  const chooseAll = async () => {
    /** @type {Found} */
    const all = await ask(path(MAX_JOBS));
    setChosen(new Map(all.jobs.map((job) => [keyOf(job), job])));
  };
  // Bulk actions need the current state of the selected jobs.
  const current = new Map((found?.jobs ?? []).map((job) => [keyOf(job), job]));
  const chosenNow = [...chosen].map(([key, job]) => current.get(key) ?? job);
  return html`
    <div class="page-head"><h1 tabindex="-1">Jobs</h1></div>
    <${Views} filter=${filter} />
    <${Panel} title="Jobs" class="untitled">
      <${Filters} filter=${filter} isFiltered=${isFiltered} />
      ${error && html`<${LostContact} error=${error} contactAt=${contactAt} />`}
      <${Live} polled=${polled}>
        ${
          found &&
          (found.jobs.length > 0
            ? html`<${JobTable} jobs=${found.jobs} filter=${filter} chosen=${chosen} setChosen=${setChosen} />`
            : html`<${None} isFiltered=${isFiltered} />`)
        }
      <//>
      ${
        found?.cursor &&
        limit < MAX_JOBS &&
        html`<button type="button" class="more" onClick=${() => setLimit(Math.min(MAX_JOBS, 2 * limit))}>Show more</button>`
      }
    <//>
    <${BulkActions}
      jobs=${chosenNow}
      hasMore=${found?.cursor !== undefined}
      chooseAll=${chooseAll}
      clear=${() => setChosen(new Map())}
      changed=${again}
    />
  `;
}

/** @param {{ isFiltered: boolean }} props */
const None = ({ isFiltered }) =>
  isFiltered
    ? html`
        <${Empty}>
          No jobs match. <button type="button" class="link" onClick=${() => refineJobs(ALL_JOBS)}>Show all</button>
        <//>
      `
    : html`
        <${Empty}>
          No jobs yet. Reads and updates appear here as soon as they are accepted.
          ${may("submit") && html` <a href="#/query">Run the first query</a>`}
        <//>
      `;
