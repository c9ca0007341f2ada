import { counted } from "../../contract/counted.ts";
import type { Client } from "./apiClient.ts";
import { CommandError } from "./exits.ts";
import { cellText, fetchPreview, MAX_ROWS, NUMBER, type Preview } from "./resultTable.ts";
import { dim, print, printInfo, width } from "./screen.ts";
import { truncateToWidth, wrapText } from "./table.ts";

const DAY = /^\d{4}-\d\d-\d\d$/;
const DAY_MS = 86_400_000;
/** Matches names of columns with counts, which are drawn only if no other column has numbers. */
const COUNT_COLUMN = /(^|_)(counts?|days?|prices|rows|number|n)(_|$)/;
/** Marks of the drawn columns of a result, so that the columns differ without colours. */
const MARKS = ["●", "○", "◆", "◇"] as const;
/** Height of the plot, in lines. */
const HEIGHT = 12;
/** Approximate number of steps of the value axis. */
const STEPS = 4;
/** Width of a plot in a file or a pipe, in columns. */
const DEFAULT_WIDTH = 80;
const MIN_PLOT_WIDTH = 10;
/** Maximum width of a day, in columns. */
const MAX_DAY_WIDTH = 3;
/**
 * Days without rows are drawn only if the period has at most this many days per day with rows. A result with
 * fewer than MIN_FILLED_DAYS days with rows counts as if it had that many.
 */
const MAX_DAYS_PER_FILLED_DAY = 4;
const MIN_FILLED_DAYS = 31;
/** Largest absolute value that is drawn, so that the difference between any two values stays finite. */
const MAX_VALUE = 1e300;
/** Smallest absolute value that is shown with an exponent. */
const EXPONENT_FROM = 1e12;

interface Series {
  name: string;
  /** A value per day; null for a day without one. */
  values: (number | null)[];
}

/** Days of a result, oldest first, with the values of its numeric columns. */
export interface DaySeries {
  days: string[];
  series: Series[];
}

/**
 * Returns the values of a result per day. Rows of the same day are averaged. Days without a row are included, unless
 * they far outnumber the days with rows.
 * @returns undefined if the result has no column of days or no column of numbers
 */
export function seriesOf({ columns, rows }: Pick<Preview, "columns" | "rows">): DaySeries | undefined {
  const isDay = (value: string | null | undefined) => DAY.test(value ?? "") && !Number.isNaN(Date.parse(value ?? ""));
  const day = rows.length === 0 ? -1 : columns.findIndex((_, column) => rows.every((row) => isDay(row[column])));
  const numeric = columns.flatMap((name, column) => {
    const values = rows.map((row) => row[column] ?? null).filter((value) => value !== null);
    return column !== day && values.length > 0 && values.every((value) => NUMBER.test(value)) ? [{ name, column }] : [];
  });
  if (day < 0 || numeric.length === 0) return undefined;
  const valueColumns = numeric.filter(({ name }) => !COUNT_COLUMN.test(name)).slice(0, MARKS.length);
  const byDay = new Map<number, Preview["rows"]>();
  for (const row of rows) {
    const time = Date.parse(row[day] ?? "");
    byDay.set(time, [...(byDay.get(time) ?? []), row]);
  }
  const filledDays = [...byDay.keys()].sort((a, b) => a - b);
  const [first = 0, last = 0] = [filledDays[0], filledDays.at(-1)];
  const isDense = (last - first) / DAY_MS <= MAX_DAYS_PER_FILLED_DAY * Math.max(MIN_FILLED_DAYS, filledDays.length);
  const times = isDense
    ? Array.from({ length: (last - first) / DAY_MS + 1 }, (_, n) => first + n * DAY_MS)
    : filledDays;
  return {
    days: times.map((time) => new Date(time).toISOString().slice(0, 10)),
    series: (valueColumns.length > 0 ? valueColumns : numeric.slice(0, 1)).map(({ name, column }) => ({
      name: cellText(name),
      values: times.map((time) => average((byDay.get(time) ?? []).map((row) => row[column] ?? null))),
    })),
  };
}

/** Values closer to zero are drawn as zero, since axis steps between them would underflow. */
const MIN_VALUE = 1e-300;

function average(texts: (string | null)[]): number | null {
  const numbers = texts.flatMap((text) => (text === null ? [] : [Number(text)]));
  const values = numbers
    .filter((number) => Math.abs(number) <= MAX_VALUE)
    .map((number) => (Math.abs(number) < MIN_VALUE ? 0 : number));
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value / values.length, 0);
}

/**
 * Draws a chart that fits into `columns` columns of the terminal: a mark per day and column of the result, the first
 * and the last day below, and a summary in words.
 */
export function chartLines({ days, series }: DaySeries, columns: number, stream = process.stdout): string[] {
  const known = series.flatMap(({ values }) => values.filter((value) => value !== null));
  if (known.length === 0) return ["No day has a value."];
  const { ticks, low, high } = axisOf(Math.min(...known), Math.max(...known));
  const rowOf = (value: number) => Math.round(((high - value) / (high - low)) * (HEIGHT - 1));
  const labels = new Map(ticks.map((tick) => [rowOf(tick), numberText(tick)]));
  const labelWidth = Math.max(...[...labels.values()].map((label) => label.length));
  const available = Math.max(MIN_PLOT_WIDTH, Math.min(columns, Number.MAX_SAFE_INTEGER) - labelWidth - 2);
  const dayWidth = Math.max(1, Math.min(MAX_DAY_WIDTH, Math.floor(available / days.length)));
  const size = Math.min(available, days.length * dayWidth);
  const xOf = (index: number) => (days.length > size ? Math.floor((index * size) / days.length) : index * dayWidth);
  const cells = Array.from({ length: HEIGHT }, () => Array<string>(size).fill(" "));
  // The first columns are drawn last, over the others.
  for (const [seriesIndex, { values }] of [...series.entries()].reverse())
    for (const [index, value] of values.entries())
      if (value !== null) (cells[rowOf(value)] ?? [])[xOf(index)] = MARKS[seriesIndex] ?? MARKS[0];
  const plot = cells.map((row, index) => {
    const label = labels.get(index);
    return `${dim(`${(label ?? "").padStart(labelWidth)} ${label === undefined ? "│" : "┤"}`, stream)}${row.join("").trimEnd()}`;
  });
  const [first = "", last = ""] = [days[0], days.at(-1)];
  const indent = " ".repeat(labelWidth + 2);
  const dayLabels = size >= first.length + last.length + 2 ? first + last.padStart(size - first.length) : first;
  return [
    series.map(({ name }, index) => `${MARKS[index]} ${name}`).join("  "),
    ...plot,
    dim(`${" ".repeat(labelWidth + 1)}└${"─".repeat(size)}`, stream),
    dim(indent + dayLabels, stream),
    ...series.flatMap((column) => wrapText(summary(column, days), columns)),
  ].map((line) => truncateToWidth(line, columns));
}

/** Returns the value axis: round steps that include the smallest and the largest value. */
function axisOf(min: number, max: number): { ticks: number[]; low: number; high: number } {
  const span = max - min || Math.abs(max) || 1;
  const power = 10 ** Math.floor(Math.log10(span / STEPS));
  const step = power * ([1, 2, 5].find((factor) => factor * power * STEPS >= span) ?? 10);
  const low = Math.floor(min / step) * step;
  const count = Math.max(1, Math.ceil((max - low) / step));
  return { low, high: low + count * step, ticks: Array.from({ length: count + 1 }, (_, n) => low + n * step) };
}

const numberText = (value: number): string =>
  Math.abs(value) >= EXPONENT_FROM
    ? value.toExponential(2)
    : value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 1 ? 4 : 2 });

/** Summarizes a series: "price: 1,365 (2021-01-26) to 1,494.6 (2021-01-17), 22 of 31 days". */
function summary({ name, values }: Series, days: readonly string[]): string {
  const known = values.flatMap((value, index) => (value === null ? [] : [{ value, day: days[index] ?? "" }]));
  if (known.length === 0) return `${name}: no day has a value`;
  const lowest = known.reduce((a, b) => (b.value < a.value ? b : a));
  const highest = known.reduce((a, b) => (b.value > a.value ? b : a));
  const text = ({ value, day }: typeof lowest) => `${numberText(value)} (${day})`;
  return `${name}: ${text(lowest)} to ${text(highest)}, ${known.length.toLocaleString("en")} of ${counted(days.length, "day")}`;
}

/**
 * Shows a result as a chart over its days.
 * @param total number of rows of the whole result
 * @throws CommandError for a result without a column of days or of numbers
 */
export async function showChart(
  client: Client,
  id: string,
  { limit = MAX_ROWS, total }: { limit?: number | undefined; total: number },
): Promise<void> {
  const preview = await fetchPreview(client, id, limit);
  const series = seriesOf(preview);
  if (preview.rows.length === 0) return printInfo("The result has no rows.");
  if (series === undefined)
    throw new CommandError(
      "invalid",
      `A chart needs a column of days (YYYY-MM-DD) and one of numbers. The columns are ${preview.columns.map(cellText).join(", ")}. ${client.hint("result", id)} shows the result as a table.`,
    );
  const columns = width(process.stdout);
  print(chartLines(series, Number.isFinite(columns) ? columns : DEFAULT_WIDTH).join("\n"));
  if (preview.rows.length < total)
    printInfo(
      `The chart shows ${preview.rows.length.toLocaleString("en")} of ${counted(total, "row")}. ${client.hint("result", `${id} --output FILE`)} writes the whole result.`,
    );
}
