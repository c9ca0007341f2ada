import type fc from "fast-check";

/** Environment variable with the seed of an earlier run, to repeat it. */
const SEED = "RATES_PROPERTY_SEED";
/** Environment variable that multiplies the number of runs of each property, for example 100 for a long search. */
const FACTOR = "RATES_PROPERTY_FACTOR";

const seed = Number(process.env[SEED] ?? Math.trunc(Math.random() * 2 ** 31));
const factor = Number(process.env[FACTOR] ?? 1);
let isPrinted = false;

/**
 * Returns the parameters of a property test, and prints the seed once per process.
 * @param numRuns - Number of runs in `npm test`.
 */
export function property(numRuns: number): Pick<fc.Parameters<unknown>, "numRuns" | "seed"> {
  if (!isPrinted) console.log(`    properties with ${SEED}=${seed} ${FACTOR}=${factor}`);
  isPrinted = true;
  return { numRuns: numRuns * factor, seed };
}

/** Returns the time limit of a property test, given its time limit in `npm test`. Milliseconds. */
export const propertyTimeout = (milliseconds: number): number => milliseconds * Math.max(1, factor);
