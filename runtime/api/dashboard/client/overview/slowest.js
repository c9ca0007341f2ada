import { html } from "htm/preact";
import { counted, duration } from "../format.js";
import { jobsAddress } from "../route.js";
import { Bars, Empty } from "../ui/components.js";

/** Kinds of work, slowest first. @param {{ activity: import("../../../../monitoring/activity.ts").Activity }} props */
export function Slowest({ activity: { slowest } }) {
  if (slowest.length === 0) return html`<${Empty}>No jobs have run.<//>`;
  return html`<${Bars}
    rows=${slowest.slice(0, 6).map(({ what, count: n, p95 }) => ({
      name:
        what === "raw SQL"
          ? what
          : html`<a href=${jobsAddress({ text: what.replace(/^load /, ""), sort: "totalMs" })}>${what}</a>`,
      value: p95,
      text: duration(p95),
      note: `· ${counted(n, "job")}`,
    }))}
  />`;
}
