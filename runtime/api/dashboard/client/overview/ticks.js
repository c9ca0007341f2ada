/** Steps between ticks of an axis, in round numbers of each unit. */

/** Returns the steps of a power of ten. @param {number} exponent */
const decade = (exponent) => [1, 2, 5].map((digit) => digit * 10 ** exponent);

/** Steps for counts: whole numbers. */
export const COUNTS = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap(decade);

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Steps for durations: whole milliseconds, seconds, minutes, hours and days. */
export const TIMES = [
  ...[0, 1, 2].flatMap(decade),
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12, 24, 48, 96, 240].map((hours) => hours * HOUR),
];
