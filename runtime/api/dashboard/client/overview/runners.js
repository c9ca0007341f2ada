import { html } from "htm/preact";
import { count, duration, RUNNER_WORDS } from "../format.js";
import { Meter } from "../ui/parts.js";

/** Share of the connections above which the bar is shown as a warning. */
const NEARLY = 0.9;

/**
 * Runs and capacity per runner type, and database connections.
 * @param {{ runners: Required<import("../types.ts").Figures>["runners"], database: Required<import("../types.ts").Figures>["database"] }} props
 */
export function Runners({ runners, database }) {
  const kinds = /** @type {(keyof typeof RUNNER_WORDS)[]} */ (Object.keys(runners));
  return html`
    <ul class="capacity">
      ${kinds.map((kind) => html`<${Kind} name=${RUNNER_WORDS[kind]} runner=${runners[kind]} />`)}
      <li>
        <div class="capacity-head">
          <strong>Connections</strong><span>${count(database.connections)} of ${count(database.maxConnections)}</span>
        </div>
        <${Meter}
          label="Database connections"
          value=${database.connections}
          most=${database.maxConnections}
          tone=${database.connections >= NEARLY * database.maxConnections ? "bad" : "calm"}
        />
      </li>
    </ul>
  `;
}

/** @param {{ name: string, runner: import("../types.ts").Runner }} props */
function Kind({ name, runner: { waiting, oldestWaiting, running, working, slots, paused } }) {
  const up = running ?? 0;
  const full = up >= slots && (waiting ?? 0) > 0;
  return html`
    <li>
      <div class="capacity-head"><strong>${name}</strong><span>${count(up)} of ${count(slots)} runs</span></div>
      <${Meter} label=${`${name} runs`} value=${up} most=${slots} at=${Math.min(working, up)} tone=${full ? "warn" : "busy"} />
      <p class="dim small">
        ${count(working)} busy${up > working && `, ${count(up - working)} starting or warm`} · ${waiting ? `${count(waiting)} waiting, oldest ${duration((oldestWaiting ?? 0) * 1_000)}` : "none waiting"}
        ${paused && html` · <strong class="warn-text">${paused === "closed" ? "closed" : "paused after a refused launch"}</strong>`}
      </p>
    </li>
  `;
}
