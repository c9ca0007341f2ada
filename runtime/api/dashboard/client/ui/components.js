import { html } from "htm/preact";
import { STATE_LABELS } from "../format.js";
import { Message } from "./message.js";

/** URL of the logo, relative to this module, since the path of the page's files contains their version. */
export const ICON = new URL("../icon.svg", import.meta.url).href;

/**
 * State of a job as a coloured word.
 * @param {{ status: import("../../../../contract/states.ts").DocumentState }} props
 */
export const Badge = ({ status }) => html`<span class=${`badge ${status}`}>${STATE_LABELS[status]}</span>`;

/** Section with a heading. @param {{ title: string, aside?: unknown, class?: string, children?: unknown }} props */
export function Panel({ title, aside, class: name = "", children }) {
  const id = `panel-${title.toLowerCase().replace(/\W+/g, "-")}`;
  return html`
    <section class=${`panel ${name}`} aria-labelledby=${id}>
      <div class="panel-head"><h2 id=${id}>${title}</h2>${aside}</div>
      ${children}
    </section>
  `;
}

/** Text in place of missing content. @param {{ children: unknown }} props */
export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

/** Message for a caller without a scope, in the API's words. @param {{ scope: string }} props */
export const MissingScope = ({ scope }) => html`<${Failure}>This token lacks the scope '${scope}'.<//>`;

/** Error message beside the other contents of a page. @param {{ children: unknown }} props */
export const Failure = ({ children }) =>
  html`<p class="failure" role="alert">${typeof children === "string" ? html`<${Message} text=${children} />` : children}</p>`;

/**
 * Bar for a value out of `max`. `solid` is the amount of the value in full colour; by default all of it.
 * @param {{ label: string, value: number, max: number, solid?: number, tone?: string }} props
 */
export const Meter = ({ label, value, max, solid = value, tone = "busy" }) => html`
  <div
    class=${`meter ${tone}`}
    role="meter"
    aria-label=${label}
    aria-valuemin="0"
    aria-valuemax=${max}
    aria-valuenow=${Math.min(value, max)}
  >
    ${solid < value && html`<span class="faint" style=${{ width: share(value - solid, max) }}></span>`}
    <span style=${{ width: share(solid, max) }}></span>
  </div>
`;

/** @type {(value: number, max: number) => string} */
const share = (value, max) => `${max === 0 ? 0 : Math.min(100, (100 * value) / max)}%`;

/**
 * Bars that compare values.
 * @param {{ rows: { name: unknown, value: number, text: string, note?: string, tone?: string }[] }} props
 */
export function Bars({ rows }) {
  const max = Math.max(...rows.map(({ value }) => value), 0);
  return html`
    <ul class="bars">
      ${rows.map(
        ({ name, value, text, note, tone = "busy" }) => html`
          <li>
            <span class="bars-name">${name}</span>
            <span class="bars-text">${text}${note && html` <span class="dim">${note}</span>`}</span>
            <span class=${`bars-line ${tone}`} aria-hidden="true">
              <span style=${{ width: `${max === 0 ? 0 : Math.max(1, (100 * value) / max)}%` }}></span>
            </span>
          </li>
        `,
      )}
    </ul>
  `;
}

/**
 * Table whose rows become lists on narrow screens. `data-label` has a cell's label. Roles are explicit, since
 * stacking removes the implicit ones.
 * @param {{ label: string, head: readonly string[], numeric?: number[], class?: string, children: unknown }} props
 */
export const StackedTable = ({ label, head, numeric = [], class: className = "", children }) => html`
  <div class=${`scroll stacked ${className}`} role="group" aria-label=${label} tabindex="0">
    <table role="table">
      <thead role="rowgroup">
        <tr role="row">${head.map((name, index) => html`<th scope="col" role="columnheader" class=${numeric.includes(index) ? "number" : ""}>${name}</th>`)}</tr>
      </thead>
      <tbody role="rowgroup">
        ${children}
      </tbody>
    </table>
  </div>
`;

/**
 * Table that scrolls horizontally if it is wider than the screen, also by keyboard.
 * @param {{ label: string, head: unknown[], numeric?: number[], children: unknown }} props
 */
export const Table = ({ label, head, numeric = [], children }) => html`
  <div class="scroll" role="group" aria-label=${label} tabindex="0">
    <table>
      <thead>
        <tr>
          ${head.map((name, index) => html`<th scope="col" class=${numeric.includes(index) ? "number" : ""}>${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${children}
      </tbody>
    </table>
  </div>
`;
