import type { ExpectedFailure } from "./forecast.ts";

/** Counts of the dead letters of one error type. */
export interface DeadLetterCause {
  /** Error type. */
  type: string;
  count: number;
  /** In a redrive: true if it selects any of these letters. In a list: true if a redrive without `types` would. */
  redrivable: boolean;
  /** Number of letters that are expected to fail again unchanged (expectedFailure). */
  failsAgain: number;
  /** The most frequent reasons: why letters would fail again, or the dispatcher's reason. */
  reasons: { reason: string; count: number }[];
  /** Number of different reasons beyond those listed. */
  furtherReasons: number;
  /** ISO times of the oldest and the newest letter. */
  firstSeenAt?: string;
  lastSeenAt?: string;
  /** Highest receive count among these letters. */
  receives: number;
}

/** Reasons listed per cause. */
const MAX_REASONS = 5;

/** Counted properties of a dead letter. */
export interface CountedLetter {
  /** Error type. */
  type: string;
  /** The dispatcher's reason; undefined if SQS moved the message. */
  reason: string | undefined;
  /** In a redrive: true if it selects this letter. In a list: true if a redrive without `types` would. */
  redrivable: boolean;
  /** Reason why it would fail again; undefined if no failure is predicted. */
  failsAgain: ExpectedFailure | undefined;
  /** ISO time when it entered the dead-letter queue; if SQS moved it, when it was first sent. */
  sentAt: string | undefined;
  /** Number of receives, including inspections. */
  receives: number;
}

/** Groups dead letters by error type, the most frequent first. */
export function causesOf(letters: readonly CountedLetter[]): DeadLetterCause[] {
  const causes = [...Map.groupBy(letters, ({ type }) => type)].map(([type, group]) => {
    const times = group.flatMap(({ sentAt }) => sentAt ?? []).sort();
    const reasons = [...Map.groupBy(group, (letter) => letter.failsAgain?.reason ?? letter.reason)]
      .flatMap(([reason, group]) => (reason === undefined ? [] : [{ reason, count: group.length }]))
      .sort((a, b) => b.count - a.count);
    const [firstSeenAt, lastSeenAt] = [times[0], times.at(-1)];
    return {
      type,
      count: group.length,
      redrivable: group.some(({ redrivable }) => redrivable),
      failsAgain: group.filter(({ failsAgain }) => failsAgain !== undefined).length,
      reasons: reasons.slice(0, MAX_REASONS),
      furtherReasons: Math.max(0, reasons.length - MAX_REASONS),
      ...(firstSeenAt === undefined || lastSeenAt === undefined ? {} : { firstSeenAt, lastSeenAt }),
      receives: Math.max(...group.map(({ receives }) => receives)),
    };
  });
  return causes.sort((a, b) => b.count - a.count);
}
