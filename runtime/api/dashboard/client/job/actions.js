import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { errorMessage, jobPath, requestJson } from "../http.js";
import { isRetryable } from "../jobs/selection.js";
import { formatRoute } from "../route.js";
import { canSubmit, hasScope } from "../session.js";
import { cancelJob } from "./cancel.js";
import { download } from "./download.js";

/** Returns the URL of the form for editing and resubmitting a job's task. @param {import("../types.ts").Job} job */
export function editAddress({ tenant, requestId, task }) {
  /** The job whose task is edited. */
  const again = `${tenant}/${requestId}`;
  if (task.query !== undefined) return formatRoute({ page: "query", kind: "query", name: task.query, again });
  if (task.sql !== undefined) return formatRoute({ page: "query", kind: "sql", name: "", again });
  if (task.statement !== undefined)
    return formatRoute({ page: "query", kind: "statement", name: task.statement, again });
  return formatRoute({ page: "load", again });
}

/**
 * Buttons for the actions on a job that the session's scopes allow. A retryable task can be retried; any ended task can
 * be edited and submitted again.
 * @param {{ job: import("../types.ts").Job, onChanged: () => void }} props
 */
export function Actions({ job, onChanged }) {
  const [busy, setBusy] = useState("");
  const [error, setError] = useState("");
  /** Wraps an action so that the page shows that it runs, and its error. @type {(name: string, action: () => Promise<void>) => () => Promise<void>} */
  const handlerOf = (name, action) => async () => {
    setBusy(name);
    setError("");
    await action().catch((thrown) => setError(errorMessage(thrown)));
    setBusy("");
  };
  const { status, task } = job;
  const isOpen = status === "PENDING" || status === "IN_PROGRESS";
  const canRetry = isRetryable(job) && canSubmit(task.type);
  const canEdit = !isOpen && canSubmit(task.type);
  const cancel = handlerOf("cancel", async () => {
    if (await cancelJob(job)) onChanged();
  });
  const retry = handlerOf("retry", async () => {
    /** @type {{ tenant: string, requestId: string }} */
    const { tenant, requestId } = await requestJson(jobPath(job, "/retry"), { method: "POST" });
    location.hash = formatRoute({ page: "job", tenant, requestId });
  });
  const { format = "csv", compression } = task;
  const extension = `${format}${compression === "gzip" ? ".gz" : ""}`;
  const isStored = job.result?.location !== undefined;
  const fetchResult = handlerOf("download", () => download(job, "result", { isStored, extension }));
  return html`
    <div class="actions">
      ${
        isOpen &&
        hasScope("cancel") &&
        html`<button type="button" class="danger" disabled=${busy !== "" || job.cancelRequestedAt !== undefined} onClick=${cancel}>
          ${job.cancelRequestedAt ? "Cancelling …" : "Cancel job"}
        </button>`
      }
      ${
        status === "SUCCEEDED" &&
        task.type === "read" &&
        html`<button type="button" class="primary" disabled=${busy !== ""} onClick=${fetchResult}>
          ${busy === "download" ? "Fetching …" : "Download result"}
        </button>`
      }
      ${canRetry && html`<button type="button" class="primary" disabled=${busy !== ""} onClick=${retry}>Retry</button>`}
      ${
        canEdit &&
        html`<a class=${`button ${status === "FAILED" && !canRetry ? "primary" : ""}`} href=${editAddress(job)}>
          ${status === "SUCCEEDED" ? "Edit and run again" : "Edit and resubmit"}
        </a>`
      }
      ${error && html`<p class="failure" role="alert">${error}</p>`}
    </div>
  `;
}
