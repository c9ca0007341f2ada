import { html } from "htm/preact";
import { dateTime, duration, outcomeText, percent, RUNNER_LABELS } from "../format.js";

const LABELS = { waiting: "Waiting", starting: "Starting", running: "Running", responding: "Responding" };

/**
 * Phases of a job, to scale and as a list. The unfinished phase of responding is left out if no response is requested.
 * @param {{ phases: import("../../../../monitoring/timeline.ts").Phase[], isResponseRequested: boolean }} props
 */
export function Timeline({ phases, isResponseRequested }) {
  const now = new Date().toISOString();
  const timed = phases
    .filter(({ phase, to }) => phase !== "responding" || to !== undefined || isResponseRequested)
    .map((phase) => ({
      ...phase,
      ms: Math.max(0, Date.parse(phase.to ?? now) - Date.parse(phase.from)),
    }));
  const total = timed.reduce((sum, { ms }) => sum + ms, 0);
  const begin = Date.parse(timed[0]?.from ?? now);
  return html`
    <div class="timeline" aria-hidden="true">
      ${timed.map(
        ({ phase, ms, to, outcome }) => html`
          <span
            class=${`${toneOf(phase, outcome)} ${to ? "" : "open"}`}
            style=${{ flexGrow: Math.max(ms, total / 200) }}
            title=${`${LABELS[phase]} ${duration(ms)}`}
          ></span>
        `,
      )}
    </div>
    <ol class="phases">
      ${timed.map(
        ({ phase, ms, from, to, attempt, runner, outcome }, index) => html`
          <li>
            <span class=${`swatch ${toneOf(phase, outcome)}`}></span>
            <strong>${LABELS[phase]}</strong>
            <span>${duration(ms)}</span>
            <span class="dim">${percent(ms, total)}</span>
            <span class="dim small phase-note" title=${dateTime(from)}>
              ${index === 0 ? dateTime(from) : `+${duration(Date.parse(from) - begin)}`}${!to && " until now"}${runner && ` · ${RUNNER_LABELS[/** @type {"glue"} */ (runner)] ?? runner}, attempt ${attempt}`}
              ${phase === "running" && outcome && outcome !== "SUCCEEDED" && ` · ${outcomeText(outcome)}`}
            </span>
          </li>
        `,
      )}
    </ol>
    <p class="dim small">${duration(total)} in total</p>
  `;
}

/** @type {(phase: string, outcome: string | undefined) => string} */
const toneOf = (phase, outcome) =>
  `phase ${outcome === undefined || outcome === "SUCCEEDED" ? phase : outcome === "CANCELLED" ? "waiting" : "lost"}`;
