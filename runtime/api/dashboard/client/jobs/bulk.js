import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { count, counted } from "../format.js";
import { errorMessage, requestJson } from "../http.js";
import { canSubmit, hasScope } from "../session.js";
import { confirmed, confirmedWithReason } from "../ui/confirm.js";
import { groupByAction } from "./selection.js";

/** @typedef {import("../types.ts").ListedJob} ListedJob */

/** Maximum number of jobs per call. */
const BATCH = 100;

/**
 * @typedef {{ done: number, unchanged: number, failed: { requestId: string, type: string, message: string }[] }}
 * Outcome
 */

/**
 * Changes jobs through the API. Each call has a bounded number of jobs of one tenant.
 * @type {(action: "cancel" | "retry", jobs: readonly ListedJob[], fields: { reason?: string }, onProgress: (n: number) =>
 * void) => Promise<Outcome>}
 */
async function changeAll(action, jobs, fields, onProgress) {
  /** @type {Outcome} */
  const sum = { done: 0, unchanged: 0, failed: [] };
  let processed = 0;
  for (const [tenant, ofTenant] of Map.groupBy(jobs, (job) => job.tenant))
    for (let first = 0; first < ofTenant.length; first += BATCH) {
      const ids = ofTenant.slice(first, first + BATCH).map(({ requestId }) => requestId);
      /** @type {Outcome} */
      const outcome = await requestJson(`bulk/${action}?${new URLSearchParams({ tenant })}`, {
        method: "POST",
        body: { ids, ...fields },
      });
      sum.done += outcome.done;
      sum.unchanged += outcome.unchanged;
      sum.failed.push(...outcome.failed);
      processed += ids.length;
      onProgress(processed);
    }
  return sum;
}

/**
 * Bulk actions on selected jobs, with a confirmation of their effects.
 * @param {{ jobs: ListedJob[], hasMore: boolean, selectAll: () => Promise<void>, clear: () => void, onChanged: () => void
 * }} props
 */
export function BulkActions({ jobs, hasMore, selectAll, clear, onChanged }) {
  const [progress, setProgress] = useState("");
  const [message, setMessage] = useState("");
  const [problems, setProblems] = useState(/** @type {string[]} */ ([]));
  const groups = groupByAction(jobs);
  const { waiting, running, finalFailures } = groups;
  const retryable = groups.retryable.filter(({ task }) => canSubmit(task?.type));
  /** Number of updates that the API would not let this caller retry. */
  const refused = hasScope("submit") ? groups.retryable.length - retryable.length : 0;
  const open = [...running, ...waiting];

  /** @type {(action: "cancel" | "retry", present: string, past: string, affected: ListedJob[], fields?: { reason?: string }) => Promise<void>} */
  const run = async (action, present, past, affected, fields = {}) => {
    setMessage("");
    setProblems([]);
    setProgress(`${present} ${counted(affected.length, "job")} …`);
    try {
      const { done, unchanged, failed } = await changeAll(action, affected, fields, (n) =>
        setProgress(`${present}: ${count(n)} of ${count(affected.length)}`),
      );
      setProblems(failed.map(({ requestId, message }) => `${requestId}: ${message}`));
      setMessage(
        `${counted(done, "job")} ${past}.${unchanged > 0 ? ` ${counted(unchanged, "job")} needed no change.` : ""}`,
      );
      clear();
    } catch (error) {
      setProblems([errorMessage(error)]);
    }
    setProgress("");
    onChanged();
  };
  const cancel = async () => {
    const reason = await confirmedWithReason({
      title: `Cancel ${counted(open.length, "job")}?`,
      lines: [
        ...(waiting.length > 0 ? [`${counted(waiting.length, "waiting job")} will not run.`] : []),
        ...(running.length > 0 ? [`${counted(running.length, "running job")} will be stopped and rolled back.`] : []),
      ],
      action: `Cancel ${counted(open.length, "job")}`,
      isDanger: true,
    });
    if (reason) await run("cancel", "Cancelling", "cancelled or being cancelled", open, reason);
  };
  const retry = async () => {
    const isConfirmed = await confirmed({
      title: `Retry ${counted(retryable.length, "job")}?`,
      lines: [
        "Each task is submitted as a new job, labelled with the job that it retries.",
        ...(finalFailures.length > 0
          ? [
              `${counted(finalFailures.length, "selected job")} would fail again and will not be retried: ${typesOf(finalFailures)}.`,
            ]
          : []),
      ],
      action: `Retry ${counted(retryable.length, "job")}`,
    });
    if (isConfirmed) await run("retry", "Retrying", "submitted again", retryable);
  };
  return html`
    <div class=${`bulk ${jobs.length > 0 || progress || message ? "" : "hidden"}`} role="region" aria-label="Selected jobs">
      <p role="status">${progress || message || (jobs.length > 0 ? `${counted(jobs.length, "job")} selected` : "")}</p>
      ${
        jobs.length > 0 &&
        progress === "" &&
        html`
          <div class="actions">
            ${hasScope("cancel") && html`<button type="button" class="danger" disabled=${open.length === 0} onClick=${cancel}>Cancel ${count(open.length)}</button>`}
            ${hasScope("submit") && html`<button type="button" disabled=${retryable.length === 0} onClick=${retry}>Retry ${count(retryable.length)}</button>`}
            ${hasMore && html`<button type="button" onClick=${selectAll}>Select all matches</button>`}
            <button type="button" class="quiet" onClick=${clear}>Clear selection</button>
          </div>
          ${refused > 0 && html`<p class="dim small">This token cannot retry ${counted(refused, "update")}: it lacks the scope 'update'.</p>`}
          ${finalFailures.length > 0 && html`<p class="dim small">${counted(finalFailures.length, "job")} would fail again: ${typesOf(finalFailures)}.</p>`}
        `
      }
      ${problems.length > 0 && html`<ul class="failure small" role="alert">${problems.slice(0, 10).map((problem) => html`<li>${problem}</li>`)}${problems.length > 10 && html`<li>… and ${count(problems.length - 10)} more</li>`}</ul>`}
    </div>
  `;
}

/** Returns the distinct error types of jobs. @param {ListedJob[]} jobs */
const typesOf = (jobs) => [...new Set(jobs.map(({ error }) => error?.type))].join(", ");
