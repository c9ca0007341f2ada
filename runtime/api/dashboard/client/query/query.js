import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { jobPath, requestJson } from "../http.js";
import { usePolled } from "../polling.js";
import { formatRoute } from "../route.js";
import { missingScope, PAGE_SCOPES } from "../session.js";
import { Empty, Failure, MissingScope, Panel } from "../ui/components.js";
import { RecentJobs } from "./history.js";
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

/** Loads the job whose task is edited and submitted again. @param {string} again */
export function useEarlierJob(again) {
  return usePolled(
    again,
    async (signal) => {
      const id = jobIdOf(again);
      return { job: id && /** @type {import("../types.ts").Job} */ (await requestJson(jobPath(id), { signal })) };
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
  const { data, error } = usePolled(
    "queries",
    (signal) => /** @type {Promise<import("../types.ts").Catalogue>} */ (requestJson("queries", { signal })),
    () => undefined,
  );
  const earlier = useEarlierJob(again);
  const [run, setRun] = useState(/** @type {{ formKey: string, id: JobId } | undefined} */ (undefined));
  const all = data ? [...data.queries, ...data.statements] : [];
  // The first query is selected by default.
  const chosen = kind === "" ? data?.queries[0] : all.find((query) => query.kind === kind && query.name === name);
  const isSql = kind === "sql" && data?.rawSql === true;
  const isReady = !earlier.isStale && (earlier.data !== undefined || earlier.error !== "");
  const formKey = isSql ? "sql" : `${chosen?.kind} ${chosen?.name}`;
  const onSubmitted = (/** @type {JobId} */ id) => setRun({ formKey, id });
  const form = () => {
    if (!isReady || !data) return html`<div class="panel tall" aria-busy="true"></div>`;
    const job = earlier.data?.job;
    if (isSql)
      return html`<${SqlForm} key=${`sql ${again}`} tables=${data.tables} earlier=${job} onSubmitted=${onSubmitted} />`;
    if (chosen)
      return html`<${QueryForm} key=${`${formKey} ${again}`} query=${chosen} earlier=${job} onSubmitted=${onSubmitted} />`;
    return html`
      <${Panel} title="Not found">
        <${Empty}>There is no ${kind === "sql" ? "SQL editor" : `${kind} '${name}'`} here. Choose one from the list.<//>
      <//>
    `;
  };
  const missing = missingScope(PAGE_SCOPES.query);
  if (missing)
    return html`<div class="page-head"><h1 tabindex="-1">Query</h1></div><${MissingScope} scope=${missing} />`;
  return html`
    <div class="page-head"><h1 tabindex="-1">Query</h1></div>
    ${error && html`<${Failure}>${error}<//>`}
    ${earlier.error && html`<${Failure}>${earlier.error}<//>`}
    ${
      data &&
      html`
        <div class="submit">
          <nav class="panel choose" aria-label="Queries">
            <${Group} title="Named queries" list=${data.queries} chosen=${chosen} />
            ${data.rawSql && html`<${SqlLink} isChosen=${isSql} />`}
            <${Group} title="Statements change data" list=${data.statements} chosen=${chosen} />
          </nav>
          <div class="submit-main">
            ${form()}
            ${run?.formKey === formKey && html`<${Run} key=${`${run.id.tenant}/${run.id.requestId}`} id=${run.id} />`}
            <${RecentJobs} key=${formKey} query=${isSql ? "sql" : chosen} newest=${run?.id.requestId ?? ""} />
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
        (query) => html`
          <li>
            <a
              href=${formatRoute({ page: "query", kind: query.kind, name: query.name, again: "" })}
              aria-current=${query === chosen ? "true" : undefined}
            >
              <strong>${query.name}</strong><span class="dim small">${query.description}</span>
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
