import { html } from "htm/preact";
import { ago, counted, duration } from "../format.js";
import { ask } from "../http.js";
import { editAddress } from "../job/actions.js";
import { usePolled } from "../polling.js";
import { formatRoute } from "../route.js";
import { Badge, Panel } from "../ui/parts.js";
import { summaryOf } from "./summary.js";

const EVERY_MS = 5_000;
const MAX_SHOWN = 8;
/** Number of jobs that are searched for those with SQL, for which there is no filter. */
const SEARCHED_JOBS = 100;

/** @typedef {import("../types.ts").Job} Job */

/**
 * Newest jobs of a query, to open or to reuse.
 * @param {{ of: "sql" | import("./form.js").Query | undefined, newest: string }} props
 */
export function Recent({ of, newest }) {
  const name = of === "sql" ? "" : (of?.name ?? "");
  const isWanted = (/** @type {Job} */ { task }) =>
    of === "sql" ? task.sql !== undefined : task.query === name || task.statement === name;
  const path = `jobs?${new URLSearchParams({
    ...(of === "sql" ? { type: "read", limit: String(SEARCHED_JOBS) } : { text: name, limit: String(3 * MAX_SHOWN) }),
  })}`;
  const { found } = usePolled(
    `${path} ${newest}`,
    async (signal) => {
      /** @type {{ jobs: Job[] }} */
      const { jobs } = await ask(path, { signal });
      return jobs.filter(isWanted).slice(0, MAX_SHOWN);
    },
    EVERY_MS,
  );
  if (!found || found.length === 0) return null;
  return html`
    <${Panel} title="Recent runs">
      <ul class="now recent">
        ${found.map(
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
