import { reasonOf } from "../../contract/reason.ts";
import { wrapText } from "./table.ts";
import { styled } from "./visible.ts";

/** Outcomes of a check. */
export const OUTCOMES = {
  passed: { mark: "✔", colour: "green" },
  failed: { mark: "✘", colour: "red" },
  skipped: { mark: "–", colour: "yellow" },
} as const;
export type Outcome = keyof typeof OUTCOMES;

/** A check with its outcome. */
export interface Check {
  name: string;
  outcome: Outcome;
  /** Finding, or the reason for skipping. */
  finding: string;
  /** Remedy; every check that did not pass has one. */
  remedy?: string;
}

export const passed = (name: string, finding: string): Check => ({ name, outcome: "passed", finding });
export const failed = (name: string, finding: string, remedy: string): Required<Check> => ({
  name,
  outcome: "failed",
  finding,
  remedy,
});
export const skipped = (name: string, finding: string, remedy: string): Required<Check> => ({
  name,
  outcome: "skipped",
  finding,
  remedy,
});

/**
 * Runs checks; an exception becomes a failed check.
 * @param name name of the failed check
 * @param remedy remedy of the failed check
 */
export async function runChecks(
  name: string,
  remedy: string,
  checks: () => Promise<Check[]> | Check[],
): Promise<Check[]> {
  try {
    return await checks();
  } catch (error) {
    return [failed(name, reasonOf(error), remedy)];
  }
}

/** Counts the checks with an outcome. */
export const countOf = (checks: readonly Check[], outcome: Outcome): number =>
  checks.filter((check) => check.outcome === outcome).length;

/** Formats checks for people: one entry per check, with its remedy if it did not pass. */
export function checksText(checks: readonly Check[], columns: number, stream = process.stdout): string {
  const longest = Math.max(...checks.map(({ name }) => name.length));
  const indent = " ".repeat(longest + 4);
  const lines = checks.flatMap(({ name, outcome, finding, remedy }) => {
    const { mark, colour } = OUTCOMES[outcome];
    const [first = "", ...rest] = wrapText(
      outcome === "skipped" ? `skipped: ${finding}` : finding,
      columns - indent.length,
    );
    const remedyLines = remedy === undefined ? [] : wrapText(`→ ${remedy}`, columns - indent.length);
    return [
      `${styled(colour, mark, stream)} ${name.padEnd(longest)}  ${first}`,
      ...[...rest, ...remedyLines].map((line) => indent + line),
    ];
  });
  const counts = (Object.keys(OUTCOMES) as Outcome[]).map((outcome) => `${countOf(checks, outcome)} ${outcome}`);
  return [...lines, "", counts.join(", ")].join("\n");
}
