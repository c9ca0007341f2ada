/** Comparison of the platform's result with a peer's, measured in the same run. */
export interface Row {
  name: string;
  ours: number;
  peer: number;
  peerName: string;
  unit: string;
  /** True if a higher value is better. Then `target` is the minimum of the ratio, otherwise its maximum. */
  higherIsBetter: boolean;
  /** Target of the ratio. */
  target?: number;
  /**
   * Ratio to judge, for example the median of several ratios.
   * @default ours / peer
   */
  ratio?: number;
  /** Maximum of `ours` itself; takes precedence over `target`. */
  max?: number;
  /** Fails the run if the target is missed. */
  isRequired?: boolean;
  peakMemoryBytes?: number;
  note?: string;
}

export function median(values: readonly number[]): number {
  // Sorting would put NaN, a failed measurement, anywhere.
  if (values.some(Number.isNaN)) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/**
 * Compares results of both sides that were measured in turns. The ratio is the median of each pair's ratio, since a shared
 * machine's speed changes by the minute.
 */
export function comparePairs(ours: readonly number[], peer: readonly number[]): Pick<Row, "ours" | "peer" | "ratio"> {
  return { ours: median(ours), peer: median(peer), ratio: median(ratiosOf(ours, peer)) };
}

/** Returns the ratio of each pair of results. */
export const ratiosOf = (ours: readonly number[], peer: readonly number[]): number[] =>
  ours.map((value, index) => value / (peer[index] ?? Number.NaN));

/** Formats a number below 1,000 with three significant digits, and any other without decimals. */
export function formatNumber(value: number): string {
  const rounded = value >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
  return rounded >= 1000 ? rounded.toLocaleString("en") : String(rounded);
}

/** Returns true if a row misses its target; also for a failed measurement (NaN). */
export function missesTarget(row: Row): boolean {
  const { ours, max, target, higherIsBetter } = row;
  if (max !== undefined) return !(ours <= max);
  if (target === undefined) return false;
  return higherIsBetter ? !(ratioOf(row) >= target) : !(ratioOf(row) <= target);
}

const ratioOf = ({ ours, peer, ratio = ours / peer }: Row): number => ratio;

/** Formats the table that is printed at the end of a run. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const bound = row.max === undefined ? row.target : row.max;
    const sign = row.max === undefined && row.higherIsBetter ? "≥" : "≤";
    const unit = row.max === undefined || row.unit === "" ? "" : ` ${row.unit}`;
    const target =
      bound === undefined ? "" : `${sign} ${formatNumber(bound)}${unit} ${missesTarget(row) ? "missed" : "met"}`;
    const memory = row.peakMemoryBytes === undefined ? "" : `${Math.round(row.peakMemoryBytes / 1e6)} MB`;
    return [
      row.name,
      ratioOf(row).toFixed(2),
      target,
      `${formatNumber(row.ours)} ${row.unit}`.trimEnd(),
      `${formatNumber(row.peer)} ${row.unit}`.trimEnd(),
      row.peerName,
      memory,
      row.note ?? "",
    ];
  });
  const head = ["measurement", "ratio", "target", "ours", "peer", "peer name", "memory", ""];
  const widths = head.map((name, column) => Math.max(name.length, ...lines.map((line) => line[column]?.length ?? 0)));
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
