import { html } from "htm/preact";
import { count, duration } from "../format.js";
import { Panel } from "../ui/components.js";
import { Plot } from "./plot.js";
import { COUNTS, TIMES } from "./ticks.js";

/** Charts of activity per step. @param {{ activity: import("../../../../monitoring/activity.ts").Activity }} props */
export function Plots({ activity: { steps, stepSeconds } }) {
  const at = steps.map((step) => Date.parse(step.at) / 1_000);
  const interval = stepSeconds === 60 ? "per minute" : `every ${duration(stepSeconds * 1_000)}`;
  return html`
    <div class="columns plots">
      <${Panel} title=${`Jobs ${interval}`}>
        <${Plot}
          at=${at}
          format=${count}
          ticks=${COUNTS}
          stacked
          series=${[
            { name: "succeeded", tone: "good", values: steps.map((step) => step.succeeded) },
            { name: "failed", tone: "bad", values: steps.map((step) => step.failed) },
            { name: "cancelled", tone: "dim", values: steps.map((step) => step.cancelled) },
            { name: "accepted", tone: "text", line: true, values: steps.map((step) => step.accepted) },
          ]}
        />
      <//>
      <${Panel} title="Run time">
        <${Plot} at=${at} format=${duration} ticks=${TIMES} series=${percentiles(steps.map((step) => step.runMs))} />
      <//>
      <${Panel} title="Queue time">
        <${Plot} at=${at} format=${duration} ticks=${TIMES} series=${percentiles(steps.map((step) => step.queueMs))} />
      <//>
    </div>
  `;
}

/** @param {import("../../../../monitoring/activity.ts").Percentiles[]} list */
const percentiles = (list) => [
  { name: "p50", tone: "busy", line: true, values: list.map(({ p50 }) => p50) },
  { name: "p95", tone: "peak", line: true, values: list.map(({ p95 }) => p95) },
];
