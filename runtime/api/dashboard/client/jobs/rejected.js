import { html } from "htm/preact";
import { counted, moment } from "../format.js";
import { ask } from "../http.js";
import { usePolled } from "../polling.js";
import { Badge, Failure, Panel } from "../ui/parts.js";
import { ProblemTable } from "../ui/problems.js";

/**
 * Page of a rejected request: its problems, and the beginning of its body.
 * @param {{ tenant: string, id: string }} props
 */
export function Rejected({ tenant, id }) {
  const { found, error } = usePolled(
    `${tenant}/${id}`,
    (signal) =>
      /** @type {Promise<import("../types.ts").RejectedRequest>} */ (
        ask(`rejected/${encodeURIComponent(id)}?${new URLSearchParams({ tenant })}`, { signal })
      ),
    () => undefined,
  );
  return html`
    <nav class="crumbs" aria-label="Where"><a href="#/jobs">Jobs</a> <span aria-hidden="true">/</span> Rejected request</nav>
    <div class="page-head">
      <h1 tabindex="-1" class="id">${found?.requestId || id}</h1>
      ${found && html`<${Badge} status="REJECTED" />`}
    </div>
    ${error && html`<${Failure}>${error}<//>`}
    ${
      found &&
      html`
        <${Panel} title=${found.error.type} class="report" aside=${html`<span class="dim small">No job was created; the id can be used again.</span>`}>
          <p>${found.error.message}</p>
          <${ProblemTable} details=${found.error.details} />
        <//>
        <${Panel} title="Facts">
          <dl class="facts">
            <div><dt>Tenant</dt><dd>${found.tenant}</dd></div>
            <div><dt>Received</dt><dd>${moment(found.createdAt)} ${found.source === "queue" ? "from the queue" : "over HTTP"}${found.copies > 1 && `, ${counted(found.copies, "time")}`}</dd></div>
          </dl>
        <//>
        <${Panel} title="Body"><pre tabindex="0" aria-label="Beginning of the body">${indented(found.body)}</pre><//>
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
