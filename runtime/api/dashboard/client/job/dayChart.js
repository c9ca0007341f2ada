import { html } from "htm/preact";
import { useMemo, useState } from "preact/hooks";
import { Plot } from "../overview/plot.js";
import { isNumeric } from "./cells.js";

const DAY = /^\d{4}-\d\d-\d\d$/;
const TONES = ["busy", "peak", "good", "warn"];
const HEIGHT = 240;
/** Names of columns with counts instead of prices. They are not drawn by default beside other numeric columns. */
const COUNT_NAMES = /(^|_)(counts?|days?|prices|rows|number|n)(_|$)/;

/** @typedef {import("../types.ts").Preview} Preview */

/**
 * Returns the index of the first column whose values are all days. Undefined without such a column, if all its days are
 * the same, or if no column is numeric.
 * @param {Preview} preview
 */
export function dayColumnOf({ columns, rows }) {
  const index = columns.findIndex((_, column) => rows.every((row) => DAY.test(row[column] ?? "")));
  if (index < 0 || !columns.some((_, column) => isNumeric(rows.map((row) => row[column] ?? null)))) return undefined;
  return new Set(rows.map((row) => row[index])).size > 1 ? index : undefined;
}

/**
 * Returns a column's values per day, oldest first. Several rows of a day are averaged; days without a value are null.
 * Days without rows are included, unless there are very many of them.
 * @type {(preview: Preview, day: number, column: number) => { at: number[], values: (number | null)[] }}
 */
export function seriesOf({ rows }, day, column) {
  /** @type {Map<number, number[]>} */
  const byDay = new Map();
  for (const row of rows) {
    const at = Date.parse(`${row[day]}T00:00:00Z`) / 1_000;
    const values = byDay.get(at) ?? [];
    const value = row[column] ?? null;
    byDay.set(at, value === null ? values : [...values, Number(value)]);
  }
  const days = [...byDay.keys()].sort((a, b) => a - b);
  const at = [];
  // Days without rows are left out of a period that is longer than 124 days and than four times the days with rows.
  const isDense = ((days.at(-1) ?? 0) - (days[0] ?? 0)) / 86_400 <= 4 * Math.max(31, days.length);
  if (isDense) for (let time = days[0] ?? 0; time <= (days.at(-1) ?? 0); time += 86_400) at.push(time);
  else at.push(...days);
  const values = at.map((time) => {
    const ofDay = byDay.get(time) ?? [];
    return ofDay.length === 0 ? null : ofDay.reduce((sum, value) => sum + value, 0) / ofDay.length;
  });
  return { at, values };
}

/** Chart of a result with a column of days: a line per selected column. @param {{ preview: Preview }} props */
export function DayChart({ preview }) {
  const day = dayColumnOf(preview) ?? 0;
  const numeric = useMemo(
    () =>
      preview.columns.flatMap((name, column) =>
        column !== day && isNumeric(preview.rows.map((row) => row[column] ?? null)) ? [{ name, column }] : [],
      ),
    [preview],
  );
  const first = numeric.filter(({ name }) => !COUNT_NAMES.test(name)).slice(0, TONES.length);
  const [selected, setSelected] = useState(
    (first.length > 0 ? first : numeric.slice(0, 1)).map(({ column }) => column),
  );
  const drawn = numeric.filter(({ column }) => selected.includes(column));
  const lines = drawn.map(({ name, column }, index) => ({
    name,
    ...seriesOf(preview, day, column),
    tone: TONES[index % TONES.length] ?? "busy",
    line: true,
  }));
  const days = new Set(preview.rows.map((row) => row[day])).size;
  /** @param {number} column */
  const toggle = (column) =>
    setSelected(
      selected.includes(column)
        ? selected.filter((other) => other !== column)
        : [...selected, column].slice(-TONES.length),
    );
  return html`
    <figure class="day-chart" aria-label=${`Chart of ${drawn.map(({ name }) => name).join(", ")} per day`}>
      ${
        numeric.length > 1 &&
        html`
          <fieldset class="series">
            <legend class="hidden">Columns in the chart</legend>
            ${numeric.map(({ name, column }) => html`<label><input type="checkbox" checked=${selected.includes(column)} onChange=${() => toggle(column)} /> ${name}</label>`)}
          </fieldset>
        `
      }
      ${
        lines.length === 0
          ? html`<p class="empty plot">Choose a column.</p>`
          : html`<${Plot} key=${selected.join()} at=${lines[0]?.at ?? []} series=${lines} format=${numberOf} height=${HEIGHT} days fitted latest=${latestOf(lines)} />`
      }
      <figcaption class="dim small">
        Per day, oldest first; a day without a value is a gap.${days < preview.rows.length && " Days with several rows show their average."}${preview.more && " Only the rows shown here are included."}
      </figcaption>
    </figure>
  `;
}

/** Returns the index of the last day that has a value. @param {{ values: (number | null)[] }[]} lines */
const latestOf = (lines) => Math.max(0, ...lines.map(({ values }) => values.findLastIndex((value) => value !== null)));

/** @param {number | null} value */
const numberOf = (value) =>
  value === null ? "–" : value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 1 ? 4 : 2 });
