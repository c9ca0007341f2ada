import { html } from "htm/preact";

/** @type {Record<import("../../../../jobs/bottleneck.ts").Level, string>} */
const WORDS = { clear: "All clear", busy: "Busy", bound: "Bottleneck", stuck: "Stuck" };

/** Where the bottleneck is, and what to raise.
 * @param {{ verdict: import("../../../../jobs/bottleneck.ts").Verdict }} props */
export const Verdict = ({ verdict: { level, sentence, raise } }) => html`
  <div class=${`verdict ${level}`} role="status">
    <strong>${WORDS[level]}</strong>
    <p>${sentence}</p>
    ${raise && html`<span class="chip" title="The key of the stack's configuration to raise">↑ ${raise}</span>`}
  </div>
`;
