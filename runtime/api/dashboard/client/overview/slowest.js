import { html } from "htm/preact";
import { counted, duration } from "../format.js";
import { Bars, Empty } from "../ui/parts.js";

/** @param {{ activity: import("../../../../monitoring/activity.ts").Activity, refine: (change: object) => void }} props */
export function Slowest({ activity: { slowest }, refine }) {
  if (slowest.length === 0) return html`<${Empty}>Nothing has run.<//>`;
  return html`<${Bars}
    rows=${slowest.slice(0, 6).map(({ what, count: n, p95 }) => ({
      name:
        what === "raw SQL"
          ? what
          : html`<button type="button" class="link" onClick=${() => refine({ text: what.replace(/^load /, "") })}>
              ${what}
            </button>`,
      value: p95,
      text: duration(p95),
      note: `· ${counted(n, "job")}`,
    }))}
  />`;
}
