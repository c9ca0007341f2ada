import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { moment } from "../format.js";

/**
 * @typedef {{ name: string, tone: string, values: (number | null)[], line?: boolean }} Series
 * @typedef {{ at: number[], series: Series[], format: (value: number | null) => string, ticks: number[], stacked?: boolean }} PlotProps
 */

const HEIGHT = 168;
const TONES = ["good", "bad", "warn", "busy", "dim", "text", "line"];

/** A plot over time. Its key names the values under the pointer, else the latest whole step's.
 * @param {PlotProps} props */
export function Plot({ at, series, format, ticks, stacked = false }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const plot = useRef(/** @type {uPlot | undefined} */ (undefined));
  const [hovered, setHovered] = useState(/** @type {number | undefined} */ (undefined));
  const dark = useDark();
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
      width: element.clientWidth,
      colours: coloursOf(element),
    });
    options.hooks = { setCursor: [(one) => setHovered(one.cursor.idx ?? undefined)] };
    const made = new uPlot(options, data, element);
    plot.current = made;
    const resized = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
    };
  }, [shape, dark]);
  useEffect(() => plot.current?.setData(data), [JSON.stringify(data)]);

  const shown = hovered ?? Math.max(0, at.length - 2);
  const time = at[shown];
  const values = series.map(({ name, values }) => `${name} ${format(values[shown] ?? null)}`);
  return html`
    <ul class="key">
      ${series.map(
        ({ name, tone, line, values }) => html`
          <li><span class=${`swatch ${tone} ${line ? "line" : ""}`}></span>${name} <b>${format(values[shown] ?? null)}</b></li>
        `,
      )}
      <li class="dim">${time === undefined ? "" : clock(time)}</li>
    </ul>
    <div
      class="plot"
      ref=${box}
      role="img"
      aria-label=${`${at.length} steps; at ${time === undefined ? "no time" : moment(new Date(time * 1_000).toISOString())}: ${values.join(", ")}`}
    ></div>
  `;
}

/** Stacked series are drawn as sums, the whole first, so that each covers what it is not.
 * @type {(at: number[], series: Pick<Series, "values" | "line">[], stacked: boolean) => uPlot.AlignedData} */
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
 * @param {Pick<PlotProps, "series" | "stacked" | "format" | "ticks"> & { step: number, width: number, colours: Record<string, string> }} about
 * @returns {uPlot.Options}
 */
function optionsOf({ step, series, stacked, format, ticks, width, colours }) {
  const axis = { stroke: colours.dim ?? "", font: "11px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: colours.line ?? "", width: 1 };
  const bars = uPlot.paths.bars?.({ size: [0.7, 24], align: 0 });
  const ordered = stacked ? [...series].reverse() : series;
  return {
    width,
    height: HEIGHT,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_plot, least, most) => [least - step / 2, most + step / 2] },
      y: { range: (_plot, _least, most) => [0, (most || 1) * 1.1] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 26, gap: 6, values: (_plot, times) => times.map(clock), space: 64 },
      {
        ...axis,
        grid,
        size: 56,
        gap: 4,
        space: 40,
        incrs: ticks,
        values: (_plot, values) => values.map((value) => format(value)),
      },
    ],
    series: [
      {},
      ...ordered.map(({ tone, line }) => {
        const colour = colours[tone] ?? "";
        return line
          ? { stroke: colour, width: 1.75, points: { show: isLone, size: 5, fill: colour }, spanGaps: true }
          : { stroke: colour, fill: colour, width: 0, points: { show: false }, ...(bars ? { paths: bars } : {}) };
      }),
    ],
  };
}

/**
 * A line through one value cannot be seen: it gets a dot.
 * @param {uPlot} plot
 * @param {number} index
 */
const isLone = (plot, index) => Array.from(plot.data[index] ?? []).filter((value) => value != null).length === 1;

/** @param {number} seconds */
const clock = (seconds) =>
  new Date(seconds * 1_000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** The colours of the theme in force, as a canvas takes them. @param {HTMLElement} element */
function coloursOf(element) {
  const probe = document.createElement("span");
  element.append(probe);
  const colours = Object.fromEntries(
    TONES.map((tone) => {
      probe.className = `tone-${tone}`;
      return [tone, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return colours;
}

function useDark() {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const change = () => setDark(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  return dark;
}
