import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** A judge's finding in a resource. */
export interface Finding {
  readonly judge: string;
  /** Pulumi's. */
  readonly type: string;
  /** The property, where the judge names one. */
  readonly path: string;
  readonly rule: string;
  readonly message: string;
  /** The name of one resource that has it. */
  readonly resource: string;
  readonly variants: readonly string[];
}

/** Reason to leave findings as they are. */
export interface Answer {
  readonly judge: string;
  readonly rule: string;
  /** Names of resources without the stack, as regular expressions; of each there must be a finding. */
  readonly resources: readonly string[];
  readonly reason: string;
}

/** The answers to all judges. */
export const ANSWERS: readonly Answer[] = parse(readFileSync(new URL("answers.yaml", import.meta.url), "utf8"));

/** Sorts findings by the answers: those without one, and answers, or parts of them, without a finding. */
export function compareAnswers(
  judges: readonly string[],
  findings: readonly Finding[],
  answers: readonly Answer[] = ANSWERS,
): { unanswered: string[]; stale: string[] } {
  const parts = answers
    .filter(({ judge }) => judges.includes(judge))
    .flatMap(({ resources, ...answer }) =>
      resources.map((pattern) => ({
        ...answer,
        pattern: new RegExp(`^rates-(dev|dev-anna|staging|prod)${pattern === "" ? "" : `-(${pattern})`}$`),
      })),
    );
  const used = new Set<(typeof parts)[number]>();
  const unanswered = findings.filter((finding) => {
    const answering = parts.filter(
      ({ judge, rule, pattern }) => judge === finding.judge && rule === finding.rule && pattern.test(finding.resource),
    );
    for (const part of answering) used.add(part);
    return answering.length === 0;
  });
  return {
    unanswered: unanswered.map(
      ({ judge, rule, type, path, message, resource }) => `${judge} ${rule}: ${type} ${resource} ${path}: ${message}`,
    ),
    stale: parts
      .filter((part) => !used.has(part))
      .map(({ judge, rule, pattern }) => `${judge} ${rule} ${pattern.source}`),
  };
}
