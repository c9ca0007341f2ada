import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const AGE = /^(\d{1,9}) ?(s|m|min|h|d|w)$/i;
/** Matches a day, or a day and a time with an optional zone. A space may separate day and time, as in `rates list`. */
const TIME =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?(Z|UTC|[+-]\d{2}(?::?\d{2})?))?)?$/i;

const ACCEPTED_FORMS =
  "It must be an age (90s, 30m, 2h, 7d, 1w), a day (2026-01-31) or a time (2026-01-31T08:00:00Z). Times without a zone are UTC.";

/**
 * Converts an age, a day or a time to a time for the API. A time without a zone is UTC, like all printed times.
 * @throws InvalidArgumentError for any other text, or an invalid date
 */
export function ageOrTime(value: string, now = Date.now()): string {
  const age = AGE.exec(value.trim());
  if (age) {
    const at = now - Number(age[1]) * (UNITS[age[2]?.toLowerCase() ?? ""] ?? 0);
    // The database accepts the years 0001 to 9999.
    if (at < Date.parse("0001-01-01T00:00:00Z")) throw new InvalidArgumentError(`${value} ago is before year 1.`);
    return new Date(at).toISOString();
  }
  return pointInTime(value, ACCEPTED_FORMS);
}

/**
 * Parses a day or a time. A time without a zone is UTC.
 * @param forms description of the accepted forms, for the error
 * @throws InvalidArgumentError for any other text, or an invalid date
 */
export function pointInTime(
  value: string,
  forms = "It must be a day (2030-01-31) or a time (2030-01-31T08:00:00Z). Times without a zone are UTC.",
): string {
  const parts = TIME.exec(value.trim());
  if (!parts) throw new InvalidArgumentError(forms);
  const [, year = "", month = "", day = "", hours = "00", minutes = "00", seconds = "00", fraction = "", zone = "Z"] =
    parts;
  const date = `${year}-${month}-${day}`;
  const midnight = new Date(`${date}T00:00:00Z`);
  if (year === "0000" || Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(date))
    throw new InvalidArgumentError(`${date} is not a day of the calendar.`);
  const at = new Date(`${date}T${hours}:${minutes}:${seconds}.${fraction.slice(0, 3).padEnd(3, "0")}${offset(zone)}`);
  if (Number.isNaN(at.getTime())) throw new InvalidArgumentError(`${value.trim()} is not a time of the day.`);
  const text = at.toISOString();
  // The conversion to UTC may result in year 0 or 10000.
  if (!/^\d{4}-/.test(text) || text.startsWith("0000")) throw new InvalidArgumentError(forms);
  return text;
}

function offset(zone: string): string {
  if (/^(z|utc)$/i.test(zone)) return "Z";
  const digits = zone.replace(":", "").slice(1).padEnd(4, "0");
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

/** `ageOrTime` for commander, which passes the earlier value of a repeated option as a second argument. */
export const timeOption = (value: string): string => ageOrTime(value);

/** Validates a time for commander and keeps its text, so that a stored age stays relative to now. */
export const relativeTimeOption = (value: string): string => {
  ageOrTime(value);
  return value.trim();
};

/** Formats an ISO time in UTC for a cell or a sentence: "2026-01-31 08:00:00". Returns "" without a time. */
export const timeText = (time: string | null | undefined): string => (time ?? "").slice(0, 19).replace("T", " ");
