import { html } from "htm/preact";
import { useRef } from "preact/hooks";

/** @type {Record<import("../../../../monitoring/bottleneck.ts").Level, string>} */
const WORDS = { clear: "All clear", busy: "Busy", bound: "Bottleneck", stuck: "Stuck" };

/** What could be better while nothing waits for it. @type {ReadonlySet<import("../../../../monitoring/bottleneck.ts").Place>} */
const NOTES = new Set(/** @type {const} */ (["payload", "search"]));

/** Where the bottleneck is, and what to raise.
 * @param {{ verdict: import("../../../../monitoring/bottleneck.ts").Verdict }} props */
export function Verdict({ verdict: { level, place, sentence, raise } }) {
  // Said when it becomes another, not with every second that the oldest job waits longer.
  const said = useRef({ what: "", words: "" });
  const word = NOTES.has(place) ? "Note" : WORDS[level];
  const what = [level, place, raise].join(" ");
  if (said.current.what !== what) said.current = { what, words: `${word}: ${sentence}` };
  return html`
    <div class=${`verdict ${level}`}>
      <strong>${word}</strong>
      <p>${sentence}</p>
      ${raise && html`<span class="chip" title="The key of the stack's configuration to raise">↑ ${raise}</span>`}
    </div>
    <p class="hidden" role="status">${said.current.words}</p>
  `;
}
