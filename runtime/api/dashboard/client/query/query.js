import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { ask, jobPath } from "../http.js";
import { usePolled } from "../polling.js";
import { formatRoute } from "../route.js";
import { lackedScope } from "../session.js";
import { Empty, Failure, Lacks, Panel } from "../ui/parts.js";
import { Recent } from "./history.js";
import { QueryForm } from "./queryForm.js";
import { Run } from "./run.js";
import { SqlForm } from "./sqlForm.js";

/** @typedef {import("./form.js").Query} Query */
/** @typedef {{ tenant: string, requestId: string }} JobId */

/** Splits "tenant/requestId"; undefined if the text has another form. @param {string} again */
export function jobIdOf(again) {
  const [, tenant, requestId] = /^([^/]+)\/([^/]+)$/.exec(again) ?? [];
  return tenant === undefined || requestId === undefined ? undefined : { tenant, requestId };
}

/** Loads the job whose task is to be edited and submitted again. @param {string} again */
export function useEarlierJob(again) {
  return usePolled(
    again,
    async (signal) => {
      const id = jobIdOf(again);
      return { job: id && /** @type {import("../types.ts").Job} */ (await ask(jobPath(id), { signal })) };
    },
    () => undefined,
  );
}

/**
 * Page with the forms of named queries and statements, and the SQL editor if the stack allows it. A submitted job is
 * shown below the form.
 * @param {{ kind: import("../route.js").QueryKind | "", name: string, again: string }} props
 */
export function QueryPage({ kind, name, again }) {
  const { found, error } = usePolled(
    "queries",
    (signal) => /** @type {Promise<import("../types.ts").Catalogue>} */ (ask("queries", { signal })),
    () => undefined,
  );
  const earlier = useEarlierJob(again);
  const [run, setRun] = useState(/** @type {{ of: string, id: JobId } | undefined} */ (undefined));
  const all = found ? [...found.queries, ...found.statements] : [];
  // The first query is selected by default.
  const chosen = kind === "" ? found?.queries[0] : all.find((one) => one.kind === kind && one.name === name);
  const isSql = kind === "sql" && found?.rawSql === true;
  const isReady = !earlier.stale && (earlier.found !== undefined || earlier.error !== "");
  const of = isSql ? "sql" : `${chosen?.kind} ${chosen?.name}`;
  const submitted = (/** @type {JobId} */ id) => setRun({ of, id });
  const form = () => {
    if (!isReady || !found) return html`<div class="panel tall" aria-busy="true"></div>`;
    const job = earlier.found?.job;
    if (isSql)
      return html`<${SqlForm} key=${`sql ${again}`} tables=${found.tables} earlier=${job} submitted=${submitted} />`;
    if (chosen)
      return html`<${QueryForm} key=${`${of} ${again}`} query=${chosen} earlier=${job} submitted=${submitted} />`;
    return html`
      <${Panel} title="Not found">
        <${Empty}>There is no ${kind === "sql" ? "SQL editor" : `${kind} '${name}'`} here. Choose one of the list.<//>
      <//>
    `;
  };
  const lacked = lackedScope(["submit"]);
  if (lacked) return html`<div class="page-head"><h1 tabindex="-1">Query</h1></div><${Lacks} scope=${lacked} />`;
  return html`
    <div class="page-head"><h1 tabindex="-1">Query</h1></div>
    ${error && html`<${Failure}>${error}<//>`}
    ${earlier.error && html`<${Failure}>${earlier.error}<//>`}
    ${
      found &&
      html`
        <div class="submit">
          <nav class="panel choose" aria-label="Queries">
            <${Group} title="Named queries" list=${found.queries} chosen=${chosen} />
            ${found.rawSql && html`<${SqlLink} isChosen=${isSql} />`}
            <${Group} title="Statements change data" list=${found.statements} chosen=${chosen} />
          </nav>
          <div class="submit-main">
            ${form()}
            ${run?.of === of && html`<${Run} key=${`${run.id.tenant}/${run.id.requestId}`} id=${run.id} />`}
            <${Recent} key=${of} of=${isSql ? "sql" : chosen} newest=${run?.id.requestId ?? ""} />
          </div>
        </div>
      `
    }
  `;
}

/** @param {{ title: string, list: Query[], chosen: Query | undefined }} props */
const Group = ({ title, list, chosen }) =>
  list.length > 0 &&
  html`
    <h2 class="small dim">${title}</h2>
    <ul>
      ${list.map(
        (one) => html`
          <li>
            <a
              href=${formatRoute({ page: "query", kind: one.kind, name: one.name, again: "" })}
              aria-current=${one === chosen ? "true" : undefined}
            >
              <strong>${one.name}</strong><span class="dim small">${one.description}</span>
            </a>
          </li>
        `,
      )}
    </ul>
  `;

/** @param {{ isChosen: boolean }} props */
const SqlLink = ({ isChosen }) => html`
  <h2 class="small dim">SQL</h2>
  <ul>
    <li>
      <a href="#/query/sql" aria-current=${isChosen ? "true" : undefined}>
        <strong>SQL editor</strong><span class="dim small">Write one SELECT over the tables.</span>
      </a>
    </li>
  </ul>
`;
