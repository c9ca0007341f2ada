import { html } from "htm/preact";
import { counted, dateTime } from "../format.js";
import { requestJson } from "../http.js";
import { usePolled } from "../polling.js";
import { Badge, Failure, Panel } from "../ui/components.js";
import { ProblemTable } from "../ui/problems.js";

/**
 * Page of a rejected request: its problems, and the beginning of its body.
 * @param {{ tenant: string, id: string }} props
 */
export function Rejected({ tenant, id }) {
  const { data, error } = usePolled(
    `${tenant}/${id}`,
    (signal) =>
      /** @type {Promise<import("../types.ts").RejectedRequest>} */ (
        requestJson(`rejected/${encodeURIComponent(id)}?${new URLSearchParams({ tenant })}`, { signal })
      ),
    () => undefined,
  );
  return html`
    <nav class="crumbs" aria-label="Where"><a href="#/jobs">Jobs</a> <span aria-hidden="true">/</span> Rejected request</nav>
    <div class="page-head">
      <h1 tabindex="-1" class="id">${data?.requestId || id}</h1>
      ${data && html`<${Badge} status="REJECTED" />`}
    </div>
    ${error && html`<${Failure}>${error}<//>`}
    ${
      data &&
      html`
        <${Panel} title=${data.error.type} class="report" aside=${html`<span class="dim small">No job was created.</span>`}>
          <p>${data.error.message}</p>
          <${ProblemTable} details=${data.error.details} />
        <//>
        <${Panel} title="Facts">
          <dl class="facts">
            <div><dt>Tenant</dt><dd>${data.tenant}</dd></div>
            <div><dt>Received</dt><dd>${dateTime(data.createdAt)} ${data.source === "queue" ? "from the queue" : "over HTTP"}${data.copies > 1 && `, ${counted(data.copies, "time")}`}</dd></div>
          </dl>
        <//>
        <${Panel} title="Body"><pre tabindex="0" aria-label="Beginning of the body">${indented(data.body)}</pre><//>
      `
    }
  `;
}

/** Indents JSON; truncated JSON is unchanged. @param {string} body */
function indented(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
