import type fc from "fast-check";

/** Repeats the properties of an earlier run. */
const SEED = "RATES_PROPERTY_SEED";
/** Multiplies the number of runs of each property, for example 100 for a long search. */
const FACTOR = "RATES_PROPERTY_FACTOR";

const seed = Number(process.env[SEED] ?? Math.trunc(Math.random() * 2 ** 31));
const factor = Number(process.env[FACTOR] ?? 1);
let printed = false;

/**
 * Parameters of a property test; prints the seed once per process.
 * @param numRuns - Number of runs in `npm test`.
 */
export function property(numRuns: number): Pick<fc.Parameters<unknown>, "numRuns" | "seed"> {
  if (!printed) console.log(`    properties with ${SEED}=${seed} ${FACTOR}=${factor}`);
  printed = true;
  return { numRuns: numRuns * factor, seed };
}

/** Milliseconds that a property test may take, given those of a run in `npm test`. */
export const propertyTimeout = (milliseconds: number): number => milliseconds * Math.max(1, factor);
