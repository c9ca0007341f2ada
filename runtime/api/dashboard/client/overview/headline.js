import { html } from "htm/preact";
import { useRef } from "preact/hooks";
import { counted, percent } from "../format.js";
import { jobsAddress } from "../route.js";

/** @typedef {"clear" | "calm" | "note" | "busy" | "bound" | "stuck"} Tone */

/** @type {Record<import("../../../../monitoring/bottleneck.ts").Level, string>} */
const WORDS = { clear: "All clear", busy: "Busy", bound: "Bottleneck", stuck: "Stuck" };

/**
 * Bottlenecks that delay no job.
 * @type {ReadonlySet<import("../../../../monitoring/bottleneck.ts").Bottleneck>}
 */
const NOTES = new Set(/** @type {const} */ (["payload", "search"]));
/** Share of failed jobs from which they are highlighted, whatever their errors. */
const MANY_FAILED = 0.1;

/**
 * Returns the word and tone for the state of the platform. "All clear" requires that no job waits, none failed, and the
 * dead-letter queue is known to be empty. Dead letters, platform errors, or many failed jobs need attention.
 * @type {(figures: import("../types.ts").Figures & { bottleneck: import("../../../../monitoring/bottleneck.ts").Verdict }) => { tone: Tone, word: string }}
 */
export function headlineOf({ bottleneck: { level, name }, activity: { ended, errors }, queues }) {
  if (level === "stuck" || level === "bound" || (level === "busy" && !NOTES.has(name)))
    return { tone: level, word: WORDS[level] };
  const total = ended.succeeded + ended.failed + ended.cancelled;
  const hasPlatformError = errors.some(({ category }) => category !== "User");
  if ((queues?.deadLetters ?? 0) > 0 || hasPlatformError || (total > 0 && ended.failed >= MANY_FAILED * total))
    return { tone: "bound", word: "Attention" };
  if (NOTES.has(name)) return { tone: "note", word: "Note" };
  return ended.failed > 0 || queues?.deadLetters === undefined
    ? { tone: "calm", word: "No bottleneck" }
    : { tone: "clear", word: WORDS.clear };
}

/**
 * Bottleneck, the setting to raise, and other findings.
 * @param {{ figures: import("../types.ts").Figures & { bottleneck: import("../../../../monitoring/bottleneck.ts").Verdict }, rangeText: string }} props
 */
export function Headline({ figures, rangeText }) {
  const { bottleneck, activity, queues } = figures;
  const { level, name, sentence, raise } = bottleneck;
  const { tone, word } = headlineOf(figures);
  const { failed, succeeded, cancelled } = activity.ended;
  const letters = queues?.deadLetters ?? 0;
  // Screen readers announce changes of state, but not every change of the waiting time.
  const announcement = useRef({ state: "", text: "" });
  const state = [tone, word, level, name, raise, letters > 0].join(" ");
  if (announcement.current.state !== state)
    announcement.current = {
      state,
      text: `${word}: ${sentence}${letters > 0 ? ` ${counted(letters, "dead letter")}.` : ""}`,
    };
  return html`
    <div class=${`verdict ${tone}`}>
      <strong>${word}</strong>
      <p>${sentence}</p>
      ${failed > 0 && html`<a href=${jobsAddress({ status: "FAILED" })}>${percent(failed, failed + succeeded + cancelled)} failed in ${rangeText}</a>`}
      ${letters > 0 && html`<a href="#/dead-letters">${counted(letters, "dead letter")}</a>`}
      ${raise && html`<span class="chip" title="Configuration key to raise">↑ ${raise}</span>`}
    </div>
    <p class="hidden" role="status">${announcement.current.text}</p>
  `;
}
