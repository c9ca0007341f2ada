import { html } from "htm/preact";
import { useFigures } from "../figures.js";
import { Empty, Panel } from "../ui/components.js";
import { Live, LostContact } from "../ui/contact.js";
import { Failing } from "./failing.js";
import { Headline } from "./headline.js";
import { Plots } from "./plots.js";
import { RangeChoice } from "./range.js";
import { Runners } from "./runners.js";
import { Running } from "./running.js";
import { Slowest } from "./slowest.js";
import { Tiles } from "./tiles.js";

const RANGE_TEXTS = {
  "15m": "the last 15 minutes",
  "1h": "the last hour",
  "6h": "the last 6 hours",
  "24h": "the last 24 hours",
};

/** Returns the range as words that follow "in". @param {import("../route.js").Range} range */
const textOf = ({ over, from, to }) =>
  from && to ? "the selected range" : RANGE_TEXTS[/** @type {keyof typeof RANGE_TEXTS} */ (over)];

/**
 * Overview: the state of the platform, metrics, and the jobs that are running and failing.
 * @param {{ range: import("../route.js").Range }} props
 */
export function Overview({ range }) {
  const polled = useFigures(range);
  const { data, error, contactAt } = polled;
  const rangeText = textOf(range);
  return html`
    <div class="page-head">
      <h1 tabindex="-1">Overview</h1>
      <${RangeChoice} range=${range} />
    </div>
    ${
      error
        ? html`<${LostContact} error=${error} contactAt=${contactAt} />`
        : data?.bottleneck && html`<${Headline} figures=${data} rangeText=${rangeText} />`
    }
    ${
      data
        ? html`
            <${Live} polled=${polled}>
              <${Tiles} figures=${data} rangeText=${rangeText} />
              <${Plots} activity=${data.activity} />
            <//>
          `
        : !error && html`<${Loading} />`
    }
    <div class="columns two">
      <div class="column">
        <${Panel} title="Running now" aside=${html`<a class="small" href="#/jobs">All jobs</a>`}>
          <${Running} shownError=${error} runners=${data?.runners} />
        <//>
        ${
          data?.runners &&
          data.database &&
          html`
            <${Live} polled=${polled}>
              <${Panel} title="Capacity"><${Runners} runners=${data.runners} database=${data.database} /><//>
            <//>
          `
        }
      </div>
      <div class="column">
        <${Panel} title="Failing now" aside=${html`<span class="dim small">${rangeText}</span>`}>
          <${Failing} shownError=${error} activity=${data?.activity} />
        <//>
        ${
          data &&
          html`
            <${Live} polled=${polled}>
              <${Panel} title="Slowest work" aside=${html`<span class="dim small">p95 of runs, ${rangeText}</span>`}>
                <${Slowest} activity=${data.activity} />
              <//>
            <//>
          `
        }
      </div>
    </div>
  `;
}

/** Placeholder with the size of the loaded page, so that the layout does not shift. */
const Loading = () => html`
  <div class="verdict unknown" aria-busy="true"><p>Loading …</p></div>
  <div class="tiles" aria-hidden="true">${Array.from({ length: 6 }, () => html`<div class="tile"></div>`)}</div>
  <div class="columns" aria-hidden="true">
    ${Array.from({ length: 3 }, () => html`<div class="panel tall"><${Empty}>…<//></div>`)}
  </div>
`;
