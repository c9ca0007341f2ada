import { html } from "htm/preact";
import { count, duration, RUNNER_LABELS } from "../format.js";
import { Meter } from "../ui/components.js";

/** Share of open connections from which their bar is shown as a problem. */
const PROBLEM_SHARE = 0.9;

/**
 * Runs and capacity per runner type, and database connections.
 * @param {{ runners: Required<import("../types.ts").Figures>["runners"], database: Required<import("../types.ts").Figures>["database"] }} props
 */
export function Runners({ runners, database }) {
  const types = /** @type {(keyof typeof RUNNER_LABELS)[]} */ (Object.keys(runners));
  return html`
    <ul class="capacity">
      ${types.map((type) => html`<${RunnerType} name=${RUNNER_LABELS[type]} runner=${runners[type]} />`)}
      <li>
        <div class="capacity-head">
          <strong>Connections</strong><span>${count(database.connections)} of ${count(database.maxConnections)}</span>
        </div>
        <${Meter}
          label="Database connections"
          value=${database.connections}
          max=${database.maxConnections}
          tone=${database.connections >= PROBLEM_SHARE * database.maxConnections ? "bad" : "calm"}
        />
      </li>
    </ul>
  `;
}

/** @param {{ name: string, runner: import("../types.ts").Runner }} props */
function RunnerType({ name, runner: { waiting, oldestWaiting, running, working, slots, paused } }) {
  const runs = running ?? 0;
  const isFull = runs >= slots && (waiting ?? 0) > 0;
  return html`
    <li>
      <div class="capacity-head"><strong>${name}</strong><span>${count(runs)} of ${count(slots)} runs</span></div>
      <${Meter} label=${`${name} runs`} value=${runs} max=${slots} solid=${Math.min(working, runs)} tone=${isFull ? "warn" : "busy"} />
      <p class="dim small">
        ${count(working)} busy${runs > working && `, ${count(runs - working)} starting or warm`} · ${waiting ? `${count(waiting)} waiting, oldest ${duration((oldestWaiting ?? 0) * 1_000)}` : "none waiting"}
        ${paused && html` · <strong class="warn-text">${paused === "closed" ? "closed" : "paused after a refused launch"}</strong>`}
      </p>
    </li>
  `;
}
