import { dayName } from "./calendar.ts";
import type { RatesQuery } from "./query.ts";

/** A lane's days that have prices, each list in Postgres's text form `{1,2,NULL}`: offsets from the first day, counts, averages. */
export type PricedDays = readonly [offsets: string | null, counts: string | null, averages: string | null];

/**
 * The answer's JSON text: an entry for every day of the range, newest first. The figures go through as Postgres wrote
 * them, digit for digit: its shortest form of a double is JSON.
 */
export function ratesJson({ from, to }: RatesQuery, [offsets, counts, averages]: PricedDays): string {
  const days = items(offsets);
  const countOf = items(counts);
  const averageOf = items(averages);
  let json = "";
  let next = days.length - 1;
  for (let day = to; day >= from; day--) {
    json += json === "" ? '{"rates":[{"count":' : ',{"count":';
    if (next >= 0 && Number(days[next]) === day - from) {
      const average = averageOf[next];
      json += `${countOf[next]},"day":"${dayName(day)}","price":${average === "NULL" ? "null" : average}}`;
      next--;
    } else {
      json += `null,"day":"${dayName(day)}","price":null}`;
    }
  }
  return json === "" ? '{"rates":[]}' : `${json}]}`;
}

const items = (array: string | null): string[] => (array === null ? [] : array.slice(1, -1).split(","));
