import type { Problem } from "../../jobs/errors.ts";
import { brief, suggestion } from "../../jobs/problems.ts";
import { isText } from "../../jobs/queryParams.ts";
import { readDay } from "./calendar.ts";

/** What GET /rates is asked for; days as calendar.ts counts them, both inclusive. A `to` before `from` is an empty range. */
export interface RatesQuery {
  origin: string;
  destination: string;
  from: number;
  to: number;
}

/** The parameters of GET /rates, as the original has them. */
export const PARAMETERS = {
  date_from: "first day, YYYY-MM-DD",
  date_to: "last day, YYYY-MM-DD",
  orig_code: "code of the port of origin",
  dest_code: "code of the port of destination",
} as const;
type Parameter = keyof typeof PARAMETERS;

/** Reads a parsed query string; everything that is wrong with it at once. */
export function readRatesQuery(query: Readonly<Record<string, unknown>>, maxDays: number): RatesQuery | Problem[] {
  const origin = text(query.orig_code);
  const destination = text(query.dest_code);
  const fromText = text(query.date_from);
  const toText = text(query.date_to);
  const from = readDay(fromText);
  const to = readDay(toText);
  if (from === undefined || to === undefined || !isPlace(origin) || !isPlace(destination)) return explain(query);
  if (to - from >= maxDays) {
    const message = `has to be at most ${maxDays} days from date_from (${fromText}), both included; it is ${to - from + 1}. Ask in parts, or submit the query price_export as a job.`;
    return [{ field: "date_to", value: toText, message }];
  }
  return { origin, destination, from, to };
}

/** Of a parameter that is given twice the first counts, as in the original. */
const text = (value: unknown): string => {
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === "string" ? first : "";
};

/** Any text may name a port, known or not; but Postgres takes none with a NUL. */
const isPlace = (value: string) => value !== "" && isText(value);

function explain(query: Readonly<Record<string, unknown>>): Problem[] {
  const problems: Problem[] = [];
  const names = Object.keys(PARAMETERS) as Parameter[];
  for (const name of names) {
    const value = text(query[name]);
    if (value === "") problems.push({ field: name, message: `is missing: ${PARAMETERS[name]}.` });
    else if (name.startsWith("date") && readDay(value) === undefined)
      problems.push({ field: name, value: brief(value), message: "has to be a date that exists, written YYYY-MM-DD." });
    else if (!isText(value)) problems.push({ field: name, message: "holds a NUL character, which no code has." });
  }
  // Beside a problem, a name that is none of ours may be its cause; without one it is ignored, as in the original.
  for (const name of Object.keys(query).filter((one) => !(one in PARAMETERS)))
    problems.push({ field: name, message: `is not a parameter here.${suggestion(name, names)}` });
  return problems;
}
