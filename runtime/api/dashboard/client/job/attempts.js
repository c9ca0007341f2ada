import { html } from "htm/preact";
import { bytes, duration, moment, RUNNER_WORDS } from "../format.js";
import { Empty, Table } from "../ui/parts.js";

/** @param {{ job: import("../types.ts").Job }} props */
export function Attempts({ job: { attempts } }) {
  if (attempts.length === 0) return html`<${Empty}>No run has taken it yet.<//>`;
  return html`
    <${Table} label="Attempts" head=${["#", "Runner", "Started", "Ran", "Outcome", "Peak memory", "Log"]} numeric=${[3, 5]}>
      ${attempts.map(
        ({ runner, startedAt, endedAt, outcome, peakMemoryBytes, logLocation }, index) => html`
          <tr>
            <td>${index + 1}</td>
            <td>${RUNNER_WORDS[/** @type {"glue"} */ (runner)] ?? runner}</td>
            <td>${moment(startedAt)}</td>
            <td class="number">${duration((endedAt ? Date.parse(endedAt) : Date.now()) - Date.parse(startedAt))}</td>
            <td>${outcome ?? "running"}</td>
            <td class="number">${bytes(peakMemoryBytes)}</td>
            <td class="log">${logOf(logLocation)}</td>
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
