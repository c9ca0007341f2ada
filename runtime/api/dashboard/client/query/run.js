import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { counted, duration, STATE_LABELS, shareDone } from "../format.js";
import { errorMessage, jobPath, requestJson } from "../http.js";
import { cancelJob } from "../job/cancel.js";
import { Report } from "../job/report.js";
import { Result } from "../job/result.js";
import { usePolled } from "../polling.js";
import { formatRoute } from "../route.js";
import { hasScope } from "../session.js";
import { Badge, Meter } from "../ui/components.js";
import { LostContact } from "../ui/contact.js";

const POLL_MS = 500;

/** @type {(element: Element | null, block: ScrollLogicalPosition) => void} */
const scrollTo = (element, block) =>
  element?.scrollIntoView({
    block,
    behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
  });

/** @typedef {{ tenant: string, requestId: string }} JobId */

/**
 * A submitted job: its progress, then its result or error.
 * @param {{ id: JobId, onEnded?: (job: import("../types.ts").Job) => void }} props
 */
export function Run({ id, onEnded }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [failure, setFailure] = useState("");
  const { data, error, contactAt, refresh } = usePolled(
    `${id.tenant}/${id.requestId}`,
    async (signal) => {
      /** @type {import("../types.ts").Job} */
      const job = await requestJson(jobPath(id), { signal });
      /** @type {{ waiting?: import("../../../../monitoring/waiting.ts").Waiting }} */
      const { waiting } = job.status === "PENDING" ? await requestJson(jobPath(id, "/waiting"), { signal }) : {};
      return { job, waiting };
    },
    ({ job }) => (job.finishedAt ? undefined : POLL_MS),
  );
  useEffect(() => scrollTo(box.current, "nearest"), []);
  const job = data?.job;
  const hasEnded = job?.finishedAt !== undefined;
  useEffect(() => {
    if (!job || !hasEnded) return;
    onEnded?.(job);
    if (job.error) scrollTo(box.current, "start");
  }, [hasEnded]);
  const cancel = async () => {
    setFailure("");
    try {
      if (job && (await cancelJob(job))) refresh();
    } catch (error) {
      setFailure(errorMessage(error));
    }
  };
  const isOpen = job !== undefined && !job.finishedAt;
  const done = job && shareDone(job.progress);
  return html`
    <section class="run" ref=${box} aria-label=${`Job ${id.requestId}`}>
      <div class="panel run-head">
        ${job && html`<${Badge} status=${job.status} />`}
        <a href=${formatRoute({ page: "job", ...id })}>${id.requestId}</a>
        <span class="dim small" role="status">
          ${job && (data.waiting?.sentence ?? `${STATE_LABELS[job.status]}${job.stats ? ` in ${duration(job.stats.totalMs)}` : job.progress.rows > 0 ? `, ${counted(job.progress.rows, "row")}` : ""}`)}
        </span>
        ${isOpen && hasScope("cancel") && html`<button type="button" class="danger" disabled=${job.cancelRequestedAt !== undefined} onClick=${cancel}>${job.cancelRequestedAt ? "Cancelling …" : "Cancel job"}</button>`}
        ${job?.status === "IN_PROGRESS" && html`<${Meter} label="Progress" value=${Math.round(100 * (done ?? 0))} max=${100} tone=${done === undefined ? "unknown" : "busy"} />`}
        ${failure && html`<p class="failure" role="alert">${failure}</p>`}
      </div>
      ${error && html`<${LostContact} error=${error} contactAt=${contactAt} />`}
      ${job?.error && html`<${Report} job=${job} />`}
      ${job?.status === "SUCCEEDED" && html`<${Result} job=${job} onShown=${() => scrollTo(box.current, "start")} />`}
    </section>
  `;
}
