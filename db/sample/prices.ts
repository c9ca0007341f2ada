import type { Port } from "./places.ts";
import { random, seedOf } from "./random.ts";

export interface SampleSize {
  /** Exact number of prices. */
  prices: number;
  /** The same seed and size give the same sample. */
  seed: number;
}

/** Default size: a month of prices. */
export const DEFAULT_SIZE: SampleSize = { prices: 56_000, seed: 1 };

/** A lane of the sample. */
interface Lane {
  orig: string;
  dest: string;
  seed: number;
  /** Distribution of 0, 1, 2, … prices per day (one per supplier), as running sums up to 1. */
  suppliers: readonly number[];
  /** Maximum number of prices; it truncates the last lane drawn, so that the total is exact. */
  limit: number;
}

/** Most lanes have at least three suppliers on most days; some have few prices, some almost none. */
const LANE_KINDS = [
  { upTo: 0.75, suppliers: [0.02, 0.1, 0.22, 0.72, 0.9, 1] },
  { upTo: 0.9, suppliers: [0.3, 0.7, 0.9, 1] },
  { upTo: 1, suppliers: [0.85, 0.95, 0.95, 1] },
] as const;

const FIRST_DAY = Date.UTC(2021, 0, 1);
const DAY = 86_400_000;
/** Returns the number of days: a month for the default size, about three times as many for ten times as many prices. */
const daysFor = (prices: number) => Math.max(31, Math.round(31 * Math.sqrt(prices / DEFAULT_SIZE.prices)));
const CHUNK = 1 << 16;

/**
 * Yields the prices as lines of COPY's text format (orig_code, dest_code, day, price), in chunks of about 64 KB. They
 * are in the order of the index (lane, day), in which it is built fastest.
 */
export function* priceLines(ports: readonly Port[], size: SampleSize): Generator<string> {
  let span = daysFor(size.prices);
  let lanes = drawLanes(ports, size, span);
  // Double the number of days if all lanes together have too few prices.
  while (lanes === undefined) {
    span *= 2;
    lanes = drawLanes(ports, size, span);
  }
  const dates = Array.from({ length: span }, (_, day) => new Date(FIRST_DAY + day * DAY).toISOString().slice(0, 10));
  let chunk = "";
  for (const lane of lanes) {
    const next = random(seedOf(lane.seed, 1));
    let rate = 600 * 8 ** next();
    let left = lane.limit;
    let day = 0;
    for (const count of counts(lane, span)) {
      rate *= 1 + (next() - 0.5) * 0.05;
      for (let supplier = 0; supplier < count && left > 0; supplier += 1, left -= 1) {
        const price = Math.max(1, Math.round(rate * (0.9 + supplier * 0.06 + next() * 0.04)));
        chunk += `${lane.orig}\t${lane.dest}\t${dates[day]}\t${price}\n`;
      }
      day += 1;
    }
    if (chunk.length > CHUNK) {
      yield chunk;
      chunk = "";
    }
  }
  yield chunk;
}

/** Draws random lanes until they have the requested number of prices; undefined if all lanes together have fewer. */
function drawLanes(ports: readonly Port[], size: SampleSize, span: number): Lane[] | undefined {
  const next = random(seedOf(size.seed, size.prices));
  const pairs = ports.flatMap((orig) =>
    ports.filter((dest) => dest.region !== orig.region).map((dest) => [orig, dest] as const),
  );
  const lanes: Lane[] = [];
  let missing = size.prices;
  for (let drawn = 0; missing > 0; drawn += 1) {
    const other = drawn + Math.floor(next() * (pairs.length - drawn));
    const pair = pairs[other];
    if (pair === undefined) return undefined;
    pairs[other] = pairs[drawn] ?? pair;
    const kind = next();
    const suppliers = LANE_KINDS.find(({ upTo }) => kind < upTo)?.suppliers ?? LANE_KINDS[0].suppliers;
    const lane = { orig: pair[0].code, dest: pair[1].code, seed: seedOf(size.seed, drawn), suppliers, limit: missing };
    for (const count of counts(lane, span)) missing -= count;
    lanes.push(lane);
  }
  return lanes.sort((a, b) => compare(a.orig, b.orig) || compare(a.dest, b.dest));
}

/** Yields the number of prices of the lane on each day. */
function* counts(lane: Lane, span: number): Generator<number> {
  const next = random(seedOf(lane.seed, 2));
  for (let day = 0; day < span; day += 1) {
    const drawn = next();
    yield lane.suppliers.findIndex((upTo) => drawn < upTo);
  }
}

/** Compares by code units, which for codes is the order of the database's collation "C". */
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
