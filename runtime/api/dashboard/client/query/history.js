import { html } from "htm/preact";
import { ago, counted, duration } from "../format.js";
import { requestJson } from "../http.js";
import { editAddress } from "../job/actions.js";
import { usePolled } from "../polling.js";
import { formatRoute } from "../route.js";
import { Badge, Panel } from "../ui/components.js";
import { summaryOf } from "./summary.js";

const POLL_MS = 5_000;
const MAX_SHOWN = 8;
/** Number of reads that are searched for jobs with SQL, since the API has no filter for them. */
const SEARCHED_JOBS = 100;

/** @typedef {import("../types.ts").Job} Job */

/**
 * Newest jobs of a query, to open or to reuse. Refreshed at once when `newest`, the id of the last submitted job, changes.
 * @param {{ query: "sql" | import("./form.js").Query | undefined, newest: string }} props
 */
export function RecentJobs({ query, newest }) {
  const name = query === "sql" ? "" : (query?.name ?? "");
  const isOfQuery = (/** @type {Job} */ { task }) =>
    query === "sql" ? task.sql !== undefined : task.query === name || task.statement === name;
  const path = `jobs?${new URLSearchParams({
    ...(query === "sql"
      ? { type: "read", limit: String(SEARCHED_JOBS) }
      : { text: name, limit: String(3 * MAX_SHOWN) }),
  })}`;
  const { data } = usePolled(
    `${path} ${newest}`,
    async (signal) => {
      /** @type {{ jobs: Job[] }} */
      const { jobs } = await requestJson(path, { signal });
      return jobs.filter(isOfQuery).slice(0, MAX_SHOWN);
    },
    POLL_MS,
  );
  if (!data || data.length === 0) return null;
  return html`
    <${Panel} title="Recent runs">
      <ul class="now recent">
        ${data.map(
          (job) => html`
            <li key=${`${job.tenant}/${job.requestId}`}>
              <${Badge} status=${job.status} />
              <span class="now-what">
                <a href=${formatRoute({ page: "job", tenant: job.tenant, requestId: job.requestId })}>${job.requestId}</a>
                <span class="dim small reason">${summaryOf(job.task) || "with its defaults"}</span>
              </span>
              <span class="number dim small">${job.stats && `${counted(job.stats.rows, "row")} · ${duration(job.stats.totalMs)} · `}${ago(job.createdAt)}</span>
              <a class="small" href=${editAddress(job)}>Use again</a>
            </li>
          `,
        )}
      </ul>
    <//>
  `;
}
