import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { ask, jobPath, send, wordsOf } from "../http.js";
import { formatRoute } from "../route.js";
import { may } from "../session.js";
import { download } from "./download.js";

/** What can be done to a job, as far as the token may. @param {{ job: import("../types.ts").Job, changed: () => void }} props */
export function Actions({ job, changed }) {
  const [busy, setBusy] = useState("");
  const [error, setError] = useState("");
  /** @type {(name: string, act: () => Promise<void>) => () => Promise<void>} */
  const doing = (name, act) => async () => {
    setBusy(name);
    setError("");
    await act().catch((thrown) => setError(wordsOf(thrown)));
    setBusy("");
  };
  const open = job.status === "PENDING" || job.status === "IN_PROGRESS";
  const again = job.status === "FAILED" || job.status === "CANCELLED";
  const cancel = doing("cancel", async () => {
    await send(jobPath(job, "/cancel"), { method: "POST" });
    changed();
  });
  const retry = doing("retry", async () => {
    /** @type {{ tenant: string, requestId: string }} */
    const { tenant, requestId } = await ask(jobPath(job, "/retry"), { method: "POST" });
    location.hash = formatRoute({ page: "job", tenant, requestId });
  });
  const { format = "csv", compression } = job.task;
  const extension = `${format}${compression === "gzip" ? ".gz" : ""}`;
  const isStored = job.result?.location !== undefined;
  const fetchResult = doing("download", () => download(job, "result", { isStored, extension }));
  return html`
    <div class="actions">
      ${
        open &&
        may("cancel") &&
        html`<button type="button" class="danger" disabled=${busy !== "" || job.cancelRequestedAt} onClick=${cancel}>
          ${job.cancelRequestedAt ? "Cancelling …" : "Cancel job"}
        </button>`
      }
      ${again && may("submit") && html`<button type="button" class="primary" disabled=${busy !== ""} onClick=${retry}>Retry</button>`}
      ${
        job.status === "SUCCEEDED" &&
        job.task.type === "read" &&
        html`<button type="button" class="primary" disabled=${busy !== ""} onClick=${fetchResult}>
          ${busy === "download" ? "Fetching …" : "Download result"}
        </button>`
      }
      ${error && html`<p class="failure" role="alert">${error}</p>`}
    </div>
  `;
}
