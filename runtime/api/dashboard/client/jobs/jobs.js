import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { requestJson } from "../http.js";
import { refineJobs } from "../navigation.js";
import { usePolled } from "../polling.js";
import { INITIAL_JOBS, jobsPath } from "../preload.js";
import { ALL_JOBS } from "../route.js";
import { hasScope } from "../session.js";
import { Empty, Panel } from "../ui/components.js";
import { Live, LostContact } from "../ui/contact.js";
import { BulkActions } from "./bulk.js";
import { Filters } from "./filters.js";
import { JobTable, keyOf } from "./table.js";
import { createdFrom } from "./times.js";
import { Views } from "./views.js";

const POLL_MS = 2_000;
/** Maximum number of listed jobs, and of jobs that "Select all matches" selects. */
export const MAX_JOBS = 1_000;

/** @typedef {import("../types.ts").ListedJob} ListedJob */
/** @typedef {{ jobs: ListedJob[], cursor?: string }} JobListPage */

/**
 * Page that lists and filters jobs. Selected jobs can be cancelled or retried together.
 * @param {{ filter: import("../route.js").JobFilter }} props
 */
export function JobsPage({ filter }) {
  const [limit, setLimit] = useState(INITIAL_JOBS);
  const [selected, setSelected] = useState(/** @type {Map<string, ListedJob>} */ (new Map()));
  const path = (/** @type {number} */ max) => jobsPath({ ...filter, ...createdFrom(filter) }, max);
  const polled = usePolled(
    JSON.stringify([filter, limit]),
    (signal) => /** @type {Promise<JobListPage>} */ (requestJson(path(limit), { signal })),
    POLL_MS,
  );
  const { data, error, contactAt, refresh } = polled;
  const isFiltered = JSON.stringify({ ...filter, sort: "", order: "" }) !== JSON.stringify(ALL_JOBS);
  const selectAll = async () => {
    /** @type {JobListPage} */
    const all = await requestJson(path(MAX_JOBS));
    setSelected(new Map(all.jobs.map((job) => [keyOf(job), job])));
  };
  // Bulk actions need the current state of the selected jobs.
  const current = new Map((data?.jobs ?? []).map((job) => [keyOf(job), job]));
  const selectedNow = [...selected].map(([key, job]) => current.get(key) ?? job);
  return html`
    <div class="page-head"><h1 tabindex="-1">Jobs</h1></div>
    <${Views} filter=${filter} />
    <${Panel} title="Jobs" class="untitled">
      <${Filters} filter=${filter} isFiltered=${isFiltered} />
      ${error && html`<${LostContact} error=${error} contactAt=${contactAt} />`}
      <${Live} polled=${polled}>
        ${
          data &&
          (data.jobs.length > 0
            ? html`<${JobTable} jobs=${data.jobs} filter=${filter} selected=${selected} setSelected=${setSelected} />`
            : html`<${NoJobs} isFiltered=${isFiltered} />`)
        }
      <//>
      ${
        data?.cursor &&
        limit < MAX_JOBS &&
        html`<button type="button" class="more" onClick=${() => setLimit(Math.min(MAX_JOBS, 2 * limit))}>Show more</button>`
      }
    <//>
    <${BulkActions}
      jobs=${selectedNow}
      hasMore=${data?.cursor !== undefined}
      selectAll=${selectAll}
      clear=${() => setSelected(new Map())}
      onChanged=${refresh}
    />
  `;
}

/** @param {{ isFiltered: boolean }} props */
const NoJobs = ({ isFiltered }) =>
  isFiltered
    ? html`
        <${Empty}>
          No jobs match. <button type="button" class="link" onClick=${() => refineJobs(ALL_JOBS)}>Show all</button>
        <//>
      `
    : html`
        <${Empty}>
          No jobs yet. Reads and updates appear here as soon as they are accepted.
          ${hasScope("submit") && html` <a href="#/query">Run the first query</a>`}
        <//>
      `;
