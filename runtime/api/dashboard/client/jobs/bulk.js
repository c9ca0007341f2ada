import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { count, counted } from "../format.js";
import { ask, errorMessage } from "../http.js";
import { may } from "../session.js";
import { confirmed, confirmedWithReason } from "../ui/confirm.js";
import { bulkOf } from "./selection.js";

/** @typedef {import("../types.ts").ListedJob} ListedJob */

/** Maximum number of jobs per call. */
const BATCH = 100;

/**
 * @typedef {{ done: number, unchanged: number, failed: { requestId: string, type: string, message: string }[] }}
 * Outcome
 */

/**
 * Changes jobs with the API, in bounded batches of one tenant.
 * @type {(action: "cancel" | "retry", jobs: readonly ListedJob[], more: { reason?: string }, progressed: (n: number) =>
 * void) => Promise<Outcome>}
 */
async function changeAll(action, jobs, more, onProgress) {
  /** @type {Outcome} */
  const sum = { done: 0, unchanged: 0, failed: [] };
  let looked = 0;
  for (const [tenant, own] of Map.groupBy(jobs, (job) => job.tenant))
    for (let first = 0; first < own.length; first += BATCH) {
      const ids = own.slice(first, first + BATCH).map(({ requestId }) => requestId);
      /** @type {Outcome} */
      const found = await ask(`bulk/${action}?${new URLSearchParams({ tenant })}`, {
        method: "POST",
        body: { ids, ...more },
      });
      sum.done += found.done;
      sum.unchanged += found.unchanged;
      sum.failed.push(...found.failed);
      looked += ids.length;
      onProgress(looked);
    }
  return sum;
}

/**
 * Bulk actions on selected jobs, with a confirmation of their effects.
 * @param {{ jobs: ListedJob[], hasMore: boolean, chooseAll: () => Promise<void>, clear: () => void, changed: () => void
 * }} props
 */
export function BulkActions({ jobs, hasMore, chooseAll, clear, changed }) {
  const [progress, setProgress] = useState("");
  const [said, setSaid] = useState("");
  const [problems, setProblems] = useState(/** @type {string[]} */ ([]));
  const { waiting, running, retryable, hopeless: finalFailures } = bulkOf(jobs);
  const open = [...running, ...waiting];

  /** @type {(action: "cancel" | "retry", verb: string, ended: string, some: ListedJob[], more?: { reason?: string }) => Promise<void>} */
  const doing = async (action, verb, ended, some, more = {}) => {
    setSaid("");
    setProblems([]);
    setProgress(`${verb} ${counted(some.length, "job")} …`);
    try {
      const { done, unchanged, failed } = await changeAll(action, some, more, (n) =>
        setProgress(`${verb}: ${count(n)} of ${count(some.length)}`),
      );
      setProblems(failed.map(({ requestId, message }) => `${requestId}: ${message}`));
      setSaid(
        `${counted(done, "job")} ${ended}.${unchanged > 0 ? ` ${counted(unchanged, "job")} needed no change.` : ""}`,
      );
      clear();
    } catch (error) {
      setProblems([errorMessage(error)]);
    }
    setProgress("");
    changed();
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
    if (reason) await doing("cancel", "Cancelling", "cancelled or being cancelled", open, reason);
  };
  const retry = async () => {
    const yes = await confirmed({
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
    if (yes) await doing("retry", "Retrying", "submitted again", retryable);
  };
  return html`
    <div class=${`bulk ${jobs.length > 0 || progress || said ? "" : "hidden"}`} role="region" aria-label="Selected jobs">
      <p role="status">${progress || said || (jobs.length > 0 ? `${counted(jobs.length, "job")} selected` : "")}</p>
      ${
        jobs.length > 0 &&
        progress === "" &&
        html`
          <div class="actions">
            ${may("cancel") && html`<button type="button" class="danger" disabled=${open.length === 0} onClick=${cancel}>Cancel ${count(open.length)}</button>`}
            ${may("submit") && html`<button type="button" disabled=${retryable.length === 0} onClick=${retry}>Retry ${count(retryable.length)}</button>`}
            ${hasMore && html`<button type="button" onClick=${chooseAll}>Select all matches</button>`}
            <button type="button" class="quiet" onClick=${clear}>Clear selection</button>
          </div>
          ${finalFailures.length > 0 && html`<p class="dim small">${counted(finalFailures.length, "job")} would fail again: ${typesOf(finalFailures)}.</p>`}
        `
      }
      ${problems.length > 0 && html`<ul class="failure small" role="alert">${problems.slice(0, 10).map((one) => html`<li>${one}</li>`)}${problems.length > 10 && html`<li>… and ${count(problems.length - 10)} more</li>`}</ul>`}
    </div>
  `;
}

/** Returns the distinct error types of jobs. @param {ListedJob[]} jobs */
const typesOf = (jobs) => [...new Set(jobs.map(({ error }) => error?.type))].join(", ");
