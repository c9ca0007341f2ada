import { html } from "htm/preact";
import { bytes, count, counted, duration, percent } from "../format.js";

/** Number of complete steps that the throughput covers. */
const THROUGHPUT_STEPS = 5;

/**
 * Returns the average number of jobs that ended per minute in the latest complete steps.
 * @param {Pick<import("../../../../monitoring/activity.ts").Activity, "steps" | "stepSeconds">} activity
 */
export function throughputOf({ steps, stepSeconds }) {
  const latest = steps.slice(-1 - THROUGHPUT_STEPS, -1);
  const minutes = (latest.length * stepSeconds) / 60;
  return latest.reduce((sum, step) => sum + step.succeeded + step.failed + step.cancelled, 0) / (minutes || 1);
}

/**
 * The most important metrics: six for admins, four without the platform's metrics.
 * @param {{ figures: import("../types.ts").Figures, rangeText: string }} props
 */
export function Tiles({ rangeText, figures: { runners, activity, queues, platform } }) {
  const runnerList = Object.values(runners ?? {});
  /** @param {(runner: import("../types.ts").Runner) => number | null} numberOf */
  const sum = (numberOf) => runnerList.reduce((total, runner) => total + (numberOf(runner) ?? 0), 0);
  const waiting = sum((runner) => runner.waiting);
  const oldest = Math.max(0, ...runnerList.map((runner) => runner.oldestWaiting ?? 0));
  const { succeeded, failed, cancelled } = activity.ended;
  const ended = succeeded + failed + cancelled;
  const rate = throughputOf(activity);
  const { queueMs, runMs } = activity.percentiles;
  const peak = Math.max(0, ...runnerList.map((runner) => runner.peakMemory ?? 0));
  const requests = queues?.requests ?? 0;

  return html`
    <dl class="tiles">
      ${
        runners &&
        html`<${Tile} name="Waiting" value=${count(waiting)}>
        ${waiting > 0 ? `oldest: ${duration(oldest * 1_000)}` : "no job waits"}${requests > 0 && ` · ${count(requests)} on the queue`}
      <//>
      <${Tile} name="Running" value=${count(sum((runner) => runner.working))}>
        of ${count(sum((runner) => runner.slots))} at once${peak > 0 && ` · peak ${bytes(peak)}`}
      <//>
`
      }
      <${Tile} name="Throughput" value=${rate >= 10 ? count(rate) : Number(rate.toFixed(1))} unit="/ min">
        ${count(ended)} ended in ${rangeText}
      <//>
      <${Tile} name="Run time" value=${duration(runMs.p95)} unit="p95">p50 ${duration(runMs.p50)} · p99 ${duration(runMs.p99)}<//>
      <${Tile} name="Queue time" value=${duration(queueMs.p95)} unit="p95">
        p50 ${duration(queueMs.p50)} · p99 ${duration(queueMs.p99)}
      <//>
      <${Tile} name="Failed" value=${percent(failed, ended)} tone=${failed > 0 ? "bad" : ""}>
        ${count(failed)} of ${count(ended)}${(platform?.unsentResponses ?? 0) > 0 && ` · ${counted(platform?.unsentResponses ?? 0, "response")} due`}
      <//>
    </dl>
  `;
}

/** @param {{ name: string, value: unknown, unit?: string, tone?: string, children: unknown }} props */
const Tile = ({ name, value, unit, tone = "", children }) => html`
  <div class="tile">
    <dt>${name}</dt>
    <dd class=${`tile-value ${tone}`}>${value}${unit && html` <span class="unit">${unit}</span>`}</dd>
    <dd class="dim small">${children}</dd>
  </div>
`;
