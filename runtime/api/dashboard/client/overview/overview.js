import { html } from "htm/preact";
import { span, useFigures } from "../figures.js";
import { Empty, Failure, Panel } from "../ui/parts.js";
import { Errors } from "./errors.js";
import { Jobs } from "./jobs.js";
import { Plots } from "./plots.js";
import { Runners } from "./runners.js";
import { Slowest } from "./slowest.js";
import { Tiles } from "./tiles.js";
import { Verdict } from "./verdict.js";

/** How the platform is, from the sentence down to the single job.
 * @param {{ filter: { text: string, status: string, type: string }, refine: (change: object) => void }} props */
export function Overview({ filter, refine }) {
  const { found, error } = useFigures();
  const over = span.value === "hour" ? "the last hour" : "the last 24 hours";
  return html`
    <div class="page-head">
      <h1 tabindex="-1">Overview</h1>
      <${Span} />
    </div>
    ${error && html`<${Failure}>${error}<//>`}
    ${
      found
        ? html`
            ${found.bottleneck && html`<${Verdict} verdict=${found.bottleneck} />`}
            <${Tiles} figures=${found} over=${over} />
            <div class="columns">
              ${found.runners && found.database && html`<${Panel} title="Capacity"><${Runners} runners=${found.runners} database=${found.database} /><//>`}
              <${Panel} title="Errors by type" aside=${html`<span class="dim small">${over}</span>`}>
                <${Errors} activity=${found.activity} refine=${refine} />
              <//>
              <${Panel} title="Slowest work" aside=${html`<span class="dim small">p95 of runs, ${over}</span>`}>
                <${Slowest} activity=${found.activity} refine=${refine} />
              <//>
            </div>
            <${Plots} activity=${found.activity} />
          `
        : !error && html`<${Waiting} />`
    }
    <${Jobs} filter=${filter} refine=${refine} said=${error} />
  `;
}

/** Room for what is on its way, so that nothing jumps. */
const Waiting = () => html`
  <div class="verdict clear" aria-busy="true"><p>Looking …</p></div>
  <div class="tiles" aria-hidden="true">${Array.from({ length: 6 }, () => html`<div class="tile"></div>`)}</div>
  <div class="columns" aria-hidden="true">
    ${Array.from({ length: 3 }, () => html`<div class="panel tall"><${Empty}>…<//></div>`)}
  </div>
`;

/** Which stretch of time figures and plots are of. */
function Span() {
  const choose = (/** @type {"hour" | "day"} */ value, /** @type {string} */ name) => html`
    <label>
      <input type="radio" name="span" checked=${span.value === value} onChange=${() => (span.value = value)} />
      <span>${name}</span>
    </label>
  `;
  return html`
    <fieldset class="segments">
      <legend class="hidden">Figures of</legend>
      ${choose("hour", "Last hour")} ${choose("day", "Last 24 h")}
    </fieldset>
  `;
}
