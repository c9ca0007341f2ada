/** Days as numbers, 0 for 1970-01-01: ranges are arithmetic, and a day's name is looked up instead of formatted. */

/** Years 1 to 9999, as the original reads them with strptime: zeros before month and day may be left out. */
const DATE = /^(\d{4})-(1[0-2]|0?[1-9])-(3[01]|[12]\d|0?[1-9])$/;
/** Names kept: 1970-01-01 to 2106-11-22, as far as prices go. Days outside are formatted each time. */
const KEPT = 50_000;
const DAY_MS = 86_400_000;
const names: string[] = [];

/** The day's number, or undefined where the text is no day that exists. */
export function readDay(text: string): number | undefined {
  const [, year = "", month = "", day = ""] = DATE.exec(text) ?? [];
  if (year === "" || year === "0000") return undefined;
  const time = Date.parse(`${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}T00:00:00Z`);
  // A 30th of February is read as the 2nd of March.
  return new Date(time).getUTCDate() === Number(day) ? time / DAY_MS : undefined;
}

/** YYYY-MM-DD. */
export function dayName(day: number): string {
  if (day < 0 || day >= KEPT) return format(day);
  return (names[day] ??= format(day));
}

const format = (day: number) => new Date(day * DAY_MS).toISOString().slice(0, 10);
