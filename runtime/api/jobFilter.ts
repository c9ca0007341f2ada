import Type, { type Static } from "typebox";
import { INPUT } from "../contract/inputLimits.ts";
import { invalidRequest } from "../contract/problemList.ts";
import { DOCUMENT_STATES, RUNNERS } from "../contract/states.ts";
import type { Filter } from "../tracking/store.ts";
import { TIME_RULE } from "./schemas.ts";

/** A time in a search. Postgres has no year 0. */
export const SearchTime = Type.String({
  format: "date-time",
  pattern: "^(?!0000)",
  maxLength: INPUT.search.time,
  description: TIME_RULE,
});

/** Fields that narrow a search of jobs. */
export const JobFilterFields = {
  text: Type.Optional(
    Type.String({ maxLength: INPUT.search.text, description: "words in the request id, task, labels or error" }),
  ),
  status: Type.Optional(
    Type.Enum([...DOCUMENT_STATES], {
      description: "state; REJECTED selects requests that created no job; default: jobs in any state",
    }),
  ),
  type: Type.Optional(Type.Enum(["read", "update"])),
  runner: Type.Optional(Type.Enum([...RUNNERS])),
  label: Type.Optional(
    Type.String({
      pattern: "^[^=\\u0000]+=[^\\u0000]*$",
      maxLength: INPUT.labels.name + 1 + INPUT.labels.value,
      description: "of the form key=value",
    }),
  ),
  createdFrom: Type.Optional(SearchTime),
  createdTo: Type.Optional(SearchTime),
};
const JobFilter = Type.Object(JobFilterFields);

/**
 * Refuses a time range that ends before it begins.
 * @param times - Names and values of the two parameters, the earlier one first.
 * @throws JobError InvalidRequest
 */
export function checkTimeRange(times: Readonly<Record<string, string | undefined>>): void {
  const [[first = "", from] = [], [last = "", to] = []] = Object.entries(times);
  if (from === undefined || to === undefined || instantOf(from) <= instantOf(to)) return;
  throw invalidRequest([{ field: last, value: to, message: `must not be before ${first} (${from}).` }]);
}

/**
 * Converts the fields to a filter of the tracking store.
 * @param path - Prefix of the fields in the request, for example `filter.`.
 * @throws JobError InvalidRequest for a range that ends before it begins
 */
export function jobFilterOf(
  { label, status, createdFrom, createdTo, ...same }: Static<typeof JobFilter>,
  path = "",
): Filter {
  checkTimeRange({ [`${path}createdFrom`]: createdFrom, [`${path}createdTo`]: createdTo });
  const [key = "", value = ""] = label?.split(/=(.*)/s) ?? [];
  return {
    ...same,
    ...(status ? { status: [status] } : {}),
    ...(createdFrom ? { createdFrom: instantOf(createdFrom) } : {}),
    ...(createdTo ? { createdTo: instantOf(createdTo) } : {}),
    ...(label ? { labels: { [key]: value } } : {}),
  };
}

/** Range of times that all stores accept. */
const [FIRST, LAST] = ["1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"].map((time) => Date.parse(time)) as [
  number,
  number,
];

/** Converts a time of RFC 3339 to UTC, within 1970 to 9999. Postgres rejects offsets of 16 hours; a store can reject other years. */
export function instantOf(time: string): string {
  // JavaScript has no leap seconds.
  const at = Date.parse(time.replace(/:60(?=[.+\-zZ]|$)/, ":59"));
  return new Date(Math.min(LAST, Math.max(FIRST, at))).toISOString();
}
