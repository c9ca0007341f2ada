import { html } from "htm/preact";
import { bytes, dateTime, duration, outcomeText, RUNNER_LABELS } from "../format.js";
import { Empty, StackedTable } from "../ui/components.js";

/** @param {{ job: import("../types.ts").Job }} props */
export function Attempts({ job: { attempts, finishedAt } }) {
  if (attempts.length === 0)
    return html`<${Empty}>${finishedAt ? "The job was never started." : "The job has not started yet."}<//>`;
  return html`
    <${StackedTable} label="Attempts" head=${["#", "Runner", "Started", "Ran", "Outcome", "Peak memory", "Log"]} numeric=${[3, 5]}>
      ${attempts.map(
        ({ runner, startedAt, endedAt, outcome, peakMemoryBytes, logLocation }, index) => html`
          <tr role="row">
            <td role="cell" data-label="#">${index + 1}</td>
            <td role="cell" data-label="Runner">${RUNNER_LABELS[/** @type {"glue"} */ (runner)] ?? runner}</td>
            <td role="cell" data-label="Started">${dateTime(startedAt)}</td>
            <td role="cell" data-label="Ran" class="number">${duration((endedAt ? Date.parse(endedAt) : Date.now()) - Date.parse(startedAt))}</td>
            <td role="cell" data-label="Outcome">${outcomeText(outcome)}</td>
            <td role="cell" data-label="Peak memory" class="number">${bytes(peakMemoryBytes)}</td>
            <td role="cell" data-label="Log" class="log long">${logOf(logLocation)}</td>
          </tr>
        `,
      )}
    <//>
  `;
}

/** Shows a log as a link if its location is a URL, otherwise as a path. @param {string | undefined} location */
const logOf = (location) =>
  location?.startsWith("https://")
    ? html`<a href=${location} target="_blank" rel="noopener noreferrer">Log</a>`
    : (location ?? "–");
