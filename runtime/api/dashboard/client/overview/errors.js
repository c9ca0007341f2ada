import { html } from "htm/preact";
import { ago, count } from "../format.js";
import { Bars, Empty } from "../ui/parts.js";

/** @param {{ activity: import("../../../../monitoring/activity.ts").Activity, refine: (change: object) => void }} props */
export function Errors({ activity: { errors }, refine }) {
  if (errors.length === 0) return html`<${Empty}>No job has failed.<//>`;
  return html`<${Bars}
    rows=${errors.slice(0, 6).map(({ type, category, count: n, last }) => ({
      name: html`<button type="button" class="link" onClick=${() => refine({ text: type, status: "FAILED" })}>
        ${type}
      </button>`,
      value: n,
      text: count(n),
      note: `· last ${ago(last)}`,
      tone: category === "User" ? "warn" : "bad",
    }))}
  />`;
}
