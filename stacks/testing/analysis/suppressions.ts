import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** An analyzer's finding in a resource. */
export interface Finding {
  readonly analyzer: string;
  /** Pulumi's. */
  readonly type: string;
  /** The property, where the analyzer names one. */
  readonly path: string;
  readonly rule: string;
  readonly message: string;
  /** The name of one resource that has it. */
  readonly resource: string;
  readonly variants: readonly string[];
}

/** Reason to leave findings as they are. */
export interface Suppression {
  readonly analyzer: string;
  readonly rule: string;
  /** Names of resources without the stack, as regular expressions; of each there must be a finding. */
  readonly resources: readonly string[];
  readonly reason: string;
}

/** The suppressions of all analyzers. */
export const SUPPRESSIONS: readonly Suppression[] = parse(
  readFileSync(new URL("suppressions.yaml", import.meta.url), "utf8"),
);

/** Compares findings with the suppressions: findings without one, and suppressions, or parts of them, without a finding. */
export function compareSuppressions(
  analyzers: readonly string[],
  findings: readonly Finding[],
  suppressions: readonly Suppression[] = SUPPRESSIONS,
): { unsuppressed: string[]; stale: string[] } {
  const parts = suppressions
    .filter(({ analyzer }) => analyzers.includes(analyzer))
    .flatMap(({ resources, ...suppression }) =>
      resources.map((pattern) => ({
        ...suppression,
        pattern: new RegExp(`^rates-(dev|dev-anna|staging|prod)${pattern === "" ? "" : `-(${pattern})`}$`),
      })),
    );
  const used = new Set<(typeof parts)[number]>();
  const unsuppressed = findings.filter((finding) => {
    const matching = parts.filter(
      ({ analyzer, rule, pattern }) =>
        analyzer === finding.analyzer && rule === finding.rule && pattern.test(finding.resource),
    );
    for (const part of matching) used.add(part);
    return matching.length === 0;
  });
  return {
    unsuppressed: unsuppressed.map(
      ({ analyzer, rule, type, path, message, resource }) =>
        `${analyzer} ${rule}: ${type} ${resource} ${path}: ${message}`,
    ),
    stale: parts
      .filter((part) => !used.has(part))
      .map(({ analyzer, rule, pattern }) => `${analyzer} ${rule} ${pattern.source}`),
  };
}
