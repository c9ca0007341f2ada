import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { count } from "../format.js";
import { errorMessage } from "../http.js";
import { Panel } from "../ui/components.js";
import { Message } from "../ui/message.js";
import { ProblemTable, problemsIn } from "../ui/problems.js";
import { download } from "./download.js";

/** Error of a failed or cancelled job, with the problems in its details. @param {{ job: import("../types.ts").Job }} props */
export function Report({ job }) {
  if (!job.error) return null;
  const { type, category, message, retryable, details } = job.error;
  const { more } = problemsIn(details);
  const isCancelled = job.status === "CANCELLED";
  return html`
    <${Panel}
      title=${type}
      class=${isCancelled ? "report calm" : "report"}
      aside=${!isCancelled && html`<span class="dim small">${category} error${retryable ? ", retrying may help" : ", retrying will not help"}</span>`}
    >
      <p><${Message} text=${message} /></p>
      <${ProblemTable} details=${details} />
      ${more > 0 && html`<${FurtherProblems} job=${job} more=${more} />`}
    <//>
  `;
}

/**
 * Number of problems that are not shown, and a download of the full report.
 * @param {{ job: import("../types.ts").Job, more: number }} props
 */
function FurtherProblems({ job, more }) {
  const [error, setError] = useState("");
  const fetchAll = () =>
    download(job, "report", { isStored: true, extension: "report.csv" }).then(
      () => setError(""),
      (thrown) => setError(errorMessage(thrown)),
    );
  return html`
    <p class="rest">… and ${count(more)} more <button type="button" onClick=${fetchAll}>Download all</button></p>
    ${error && html`<p class="failure" role="alert">${error}</p>`}
  `;
}
