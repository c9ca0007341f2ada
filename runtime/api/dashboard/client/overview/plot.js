import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { dateTimeToMinute } from "../format.js";
import { Table } from "../ui/components.js";

/**
 * @typedef {{ name: string, tone: string, values: (number | null)[], line?: boolean }} Series
 * @typedef {{ at: number[], series: Series[], format: (value: number | null) => string, ticks?: number[], stacked?: boolean,
 *   height?: number, days?: boolean, fitted?: boolean, latest?: number }} PlotProps
 * `days`: steps are days in UTC; `fitted`: the axis fits the values instead of starting at 0; `latest`: index of the
 * step that the legend shows while no pointer is over the chart
 */

const HEIGHT = 168;
const TONES = ["good", "bad", "warn", "busy", "peak", "dim", "text", "line"];

/** Chart over time, or a message that there is no data. @param {PlotProps} props */
export function Plot(props) {
  const isEmpty = props.series.every(({ values }) => values.every((value) => value === null || value === 0));
  return isEmpty ? html`<p class="empty plot">No data</p>` : html`<${Chart} ...${props} />`;
}

/**
 * Chart whose legend shows the values under the pointer, otherwise those of the latest complete step. A table has all
 * values.
 * @param {PlotProps} props
 */
function Chart(props) {
  const { at, series, format, ticks, stacked = false, height = HEIGHT, days = false, fitted = false } = props;
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const plot = useRef(/** @type {uPlot | undefined} */ (undefined));
  const [hovered, setHovered] = useState(/** @type {number | undefined} */ (undefined));
  const isDark = useDarkTheme();
  const step = (at[1] ?? 0) - (at[0] ?? 0);
  const shape = `${step} ${series.map(({ name }) => name)}`;
  const data = dataOf(at, series, stacked);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const options = optionsOf({
      step,
      series,
      stacked,
      format,
      ticks,
      height,
      days,
      fitted,
      width: element.clientWidth,
      colors: colorsOf(element),
    });
    options.hooks = { setCursor: [({ cursor }) => setHovered(cursor.idx ?? undefined)] };
    const created = new uPlot(options, data, element);
    plot.current = created;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) created.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
    };
  }, [shape, isDark]);
  useEffect(() => plot.current?.setData(data), [JSON.stringify(data)]);

  const shown = hovered ?? props.latest ?? Math.max(0, at.length - 2);
  const time = at[shown];
  const values = series.map(({ name, values }) => `${name} ${format(values[shown] ?? null)}`);
  return html`
    <ul class="key">
      ${series.map(
        ({ name, tone, line, values }) => html`
          <li><span class=${`swatch ${tone} ${line ? "line" : ""}`}></span>${name} <b>${format(values[shown] ?? null)}</b></li>
        `,
      )}
      <li class="dim">${time === undefined ? "" : labelOf(time, days)}</li>
    </ul>
    <div
      class="plot"
      ref=${box}
      role="img"
      aria-label=${`${at.length} ${days ? "days" : "steps"}; at ${time === undefined ? "no time" : fullLabel(time, days)}: ${values.join(", ")}. The table below has all values.`}
    ></div>
    <${DataTable} ...${props} />
  `;
}

/** Table of the values, rendered when opened. @param {PlotProps} props */
function DataTable({ at, series, format, days = false }) {
  const [isOpen, setOpen] = useState(false);
  return html`
    <details
      class="plot-data small"
      onToggle=${(/** @type {Event} */ { currentTarget }) => setOpen(/** @type {HTMLDetailsElement} */ (currentTarget).open)}
    >
      <summary>Data as a table</summary>
      ${
        isOpen &&
        html`
          <${Table}
            label="Data of the chart"
            head=${[days ? "Day" : "Time", ...series.map(({ name }) => name)]}
            numeric=${series.map((_, index) => index + 1)}
          >
            ${at.map(
              (time, index) => html`
                <tr>
                  <td>${fullLabel(time, days)}</td>
                  ${series.map(({ values }) => html`<td class="number">${format(values[index] ?? null)}</td>`)}
                </tr>
              `,
            )}
          <//>
        `
      }
    </details>
  `;
}

/**
 * Adds up stacked series and reverses their order, so that each is drawn over the larger ones.
 * @type {(at: number[], series: Pick<Series, "values" | "line">[], stacked: boolean) => uPlot.AlignedData}
 */
export function dataOf(at, series, stacked) {
  const sums = new Array(at.length).fill(0);
  const lists = series.map(({ values, line }) => {
    if (!stacked || line) return values;
    values.forEach((value, index) => {
      sums[index] += value ?? 0;
    });
    return [...sums];
  });
  return [at, ...(stacked ? [...lists].reverse() : lists)];
}

/**
 * @param {Pick<PlotProps, "series" | "stacked" | "format"> & { ticks: number[] | undefined, height: number, days: boolean, fitted: boolean, step: number, width: number, colors: Record<string, string> }} about
 * @returns {uPlot.Options}
 */
function optionsOf({ step, series, stacked, format, ticks, height, days, fitted, width, colors }) {
  const axis = { stroke: colors.dim ?? "", font: "11px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: colors.line ?? "", width: 1 };
  const bars = uPlot.paths.bars?.({ size: [0.7, 24], align: 0 });
  const ordered = stacked ? [...series].reverse() : series;
  return {
    width,
    height,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_plot, min, max) => [min - step / 2, max + step / 2] },
      y: {
        range: (_plot, min, max) => {
          const margin = 0.1 * (max - min || Math.abs(max) || 1);
          return fitted ? [min - margin, max + margin] : [0, (max || 1) * 1.1];
        },
      },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26,
        gap: 6,
        values: (_plot, times) => times.map((time) => labelOf(time, days)),
        space: days ? 84 : 64,
        ...(days ? { incrs: [1, 2, 7, 14, 28, 91, 182, 364].map((n) => n * DAY_S) } : {}),
      },
      {
        ...axis,
        grid,
        size: 56,
        gap: 4,
        space: 40,
        ...(ticks ? { incrs: ticks } : {}),
        values: (_plot, values) => values.map((value) => format(value)),
      },
    ],
    series: [
      {},
      ...ordered.map(({ tone, line }) => {
        const color = colors[tone] ?? "";
        return line
          ? {
              stroke: color,
              width: 1.75,
              points: { show: days || hasSingleValue, size: days ? 4 : 5, fill: color },
              spanGaps: !days,
            }
          : { stroke: color, fill: color, width: 0, points: { show: false }, ...(bars ? { paths: bars } : {}) };
      }),
    ],
  };
}

/**
 * Returns true for a series with a single value. It is drawn as a dot, since its line would be invisible.
 * @param {uPlot} plot
 * @param {number} index
 */
const hasSingleValue = (plot, index) =>
  Array.from(plot.data[index] ?? []).filter((value) => value != null).length === 1;

const DAY_S = 86_400;

/** Formats a step's time for the axis and the legend. @type {(seconds: number, days: boolean) => string} */
const labelOf = (seconds, days) =>
  days
    ? new Date(seconds * 1_000).toISOString().slice(0, 10)
    : new Date(seconds * 1_000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** Formats a step's time with its date, for the table and screen readers. @type {(seconds: number, days: boolean) => string} */
const fullLabel = (seconds, days) =>
  days ? labelOf(seconds, days) : dateTimeToMinute(new Date(seconds * 1_000).toISOString());

/** Reads the colours of the current theme for the canvas. @param {HTMLElement} element */
function colorsOf(element) {
  const probe = document.createElement("span");
  element.append(probe);
  const colors = Object.fromEntries(
    TONES.map((tone) => {
      probe.className = `tone-${tone}`;
      return [tone, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return colors;
}

function useDarkTheme() {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const change = () => setDark(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  return isDark;
}
