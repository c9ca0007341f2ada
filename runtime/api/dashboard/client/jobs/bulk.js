import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { count, counted } from "../format.js";
import { jobPath, Refused, send, wordsOf } from "../http.js";
import { may } from "../session.js";
import { confirmed } from "../ui/confirm.js";
import { bulkOf } from "./chosen.js";

/** @typedef {import("../types.ts").ListedJob} ListedJob */

/** Requests under way at once: a browser opens six connections to a server. */
const AT_ONCE = 4;
/** How long to wait where the API does not say. Milliseconds. */
const PAUSE_MS = 5_000;
const MOST_TRIES = 5;

/** @type {(jobs: readonly ListedJob[], act: (job: ListedJob) => Promise<void>, done: (n: number) => void) => Promise<string[]>} */
async function forEach(jobs, act, done) {
  const left = [...jobs];
  let ended = 0;
  /** @type {string[]} */
  const problems = [];
  const work = async () => {
    for (let job = left.shift(); job; job = left.shift()) {
      await patiently(act, job).catch((error) => problems.push(`${job?.requestId}: ${wordsOf(error)}`));
      done(++ended);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return problems;
}

/** Tries again where the API asks to wait. @type {(act: (job: ListedJob) => Promise<void>, job: ListedJob) => Promise<void>} */
async function patiently(act, job) {
  for (let tries = 1; ; tries++)
    try {
      return await act(job);
    } catch (error) {
      const waits = error instanceof Refused && error.type === "TooManyRequests" && tries < MOST_TRIES;
      if (!waits) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tries));
    }
}

/** What can be done to the chosen jobs together, with what it will change.
 * @param {{ jobs: ListedJob[], hasMore: boolean, chooseAll: () => Promise<void>, clear: () => void, changed: () => void }} props */
export function BulkActions({ jobs, hasMore, chooseAll, clear, changed }) {
  const [progress, setProgress] = useState("");
  const [said, setSaid] = useState("");
  const [problems, setProblems] = useState(/** @type {string[]} */ ([]));
  const { waiting, running, retryable, hopeless } = bulkOf(jobs);
  const open = [...running, ...waiting];

  /** @type {(verb: string, done: string, some: ListedJob[], act: (job: ListedJob) => Promise<void>) => Promise<void>} */
  const doing = async (verb, done, some, act) => {
    setSaid("");
    setProblems([]);
    setProgress(`${verb} ${counted(some.length, "job")} …`);
    const found = await forEach(some, act, (n) => setProgress(`${verb}: ${count(n)} of ${count(some.length)}`));
    setProgress("");
    setProblems(found);
    setSaid(`${counted(some.length - found.length, "job")} ${done}.`);
    clear();
    changed();
  };
  const cancel = async () => {
    const yes = await confirmed({
      title: `Cancel ${counted(open.length, "job")}?`,
      lines: [
        ...(waiting.length > 0 ? [`${counted(waiting.length, "waiting job")} will not run.`] : []),
        ...(running.length > 0
          ? [`${counted(running.length, "running job")} will be ended; what they did so far is undone.`]
          : []),
      ],
      action: `Cancel ${counted(open.length, "job")}`,
      isDanger: true,
    });
    if (yes)
      await doing("Cancelling", "cancelled or being cancelled", open, async (job) => {
        await send(jobPath(job, "/cancel"), { method: "POST" });
      });
  };
  const retry = async () => {
    const yes = await confirmed({
      title: `Retry ${counted(retryable.length, "job")}?`,
      lines: [
        "Each task is submitted again as a new job, labelled with the job that it repeats.",
        ...(hopeless.length > 0
          ? [
              `${counted(hopeless.length, "chosen job")} would fail again and will not be retried: ${typesOf(hopeless)}.`,
            ]
          : []),
      ],
      action: `Retry ${counted(retryable.length, "job")}`,
    });
    if (yes)
      await doing("Retrying", "submitted again", retryable, async (job) => {
        await send(jobPath(job, "/retry"), { method: "POST" });
      });
  };
  return html`
    <div class=${`bulk ${jobs.length > 0 || progress || said ? "" : "hidden"}`} role="region" aria-label="Chosen jobs">
      <p role="status">${progress || said || (jobs.length > 0 ? `${counted(jobs.length, "job")} chosen` : "")}</p>
      ${
        jobs.length > 0 &&
        progress === "" &&
        html`
          <div class="actions">
            ${may("cancel") && html`<button type="button" class="danger" disabled=${open.length === 0} onClick=${cancel}>Cancel ${count(open.length)}</button>`}
            ${may("submit") && html`<button type="button" disabled=${retryable.length === 0} onClick=${retry}>Retry ${count(retryable.length)}</button>`}
            ${hasMore && html`<button type="button" onClick=${chooseAll}>Choose all that match</button>`}
            <button type="button" class="quiet" onClick=${clear}>Choose none</button>
          </div>
          ${hopeless.length > 0 && html`<p class="dim small">${counted(hopeless.length, "job")} would fail again: ${typesOf(hopeless)}.</p>`}
        `
      }
      ${problems.length > 0 && html`<ul class="failure small" role="alert">${problems.slice(0, 10).map((one) => html`<li>${one}</li>`)}${problems.length > 10 && html`<li>… and ${count(problems.length - 10)} more</li>`}</ul>`}
    </div>
  `;
}

/** Their error types, each once. @param {ListedJob[]} jobs */
const typesOf = (jobs) => [...new Set(jobs.map(({ error }) => error?.type))].join(", ");
