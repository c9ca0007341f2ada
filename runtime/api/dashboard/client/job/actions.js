import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { ask, errorMessage, jobPath } from "../http.js";
import { mayPass } from "../jobs/selection.js";
import { formatRoute } from "../route.js";
import { may } from "../session.js";
import { cancelJob } from "./cancel.js";
import { download } from "./download.js";

/** Returns the URL of the form for editing and resubmitting a job's task. @param {import("../types.ts").Job} job */
export function editAddress({ tenant, requestId, task }) {
  const again = `${tenant}/${requestId}`;
  if (task.query !== undefined) return formatRoute({ page: "query", kind: "query", name: task.query, again });
  if (task.sql !== undefined) return formatRoute({ page: "query", kind: "sql", name: "", again });
  if (task.statement !== undefined)
    return formatRoute({ page: "query", kind: "statement", name: task.statement, again });
  return formatRoute({ page: "load", again });
}

/**
 * Actions on a job that the session's scopes allow. A task that would fail again can be edited; a retryable one is
 * retried.
 * @param {{ job: import("../types.ts").Job, changed: () => void }} props
 */
export function Actions({ job, changed }) {
  const [busy, setBusy] = useState("");
  const [error, setError] = useState("");
  /** @type {(name: string, act: () => Promise<void>) => () => Promise<void>} */
  const doing = (name, act) => async () => {
    setBusy(name);
    setError("");
    await act().catch((thrown) => setError(errorMessage(thrown)));
    setBusy("");
  };
  const { status, task } = job;
  const isOpen = status === "PENDING" || status === "IN_PROGRESS";
  const canRetry = mayPass(job) && may("submit");
  const canEdit = !isOpen && may("submit") && (task.type === "read" || may("update"));
  const cancel = doing("cancel", async () => {
    if (await cancelJob(job)) changed();
  });
  const retry = doing("retry", async () => {
    /** @type {{ tenant: string, requestId: string }} */
    const { tenant, requestId } = await ask(jobPath(job, "/retry"), { method: "POST" });
    location.hash = formatRoute({ page: "job", tenant, requestId });
  });
  const { format = "csv", compression } = task;
  const extension = `${format}${compression === "gzip" ? ".gz" : ""}`;
  const isStored = job.result?.location !== undefined;
  const fetchResult = doing("download", () => download(job, "result", { isStored, extension }));
  return html`
    <div class="actions">
      ${
        isOpen &&
        may("cancel") &&
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
