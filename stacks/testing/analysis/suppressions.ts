import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** An analyzer's finding in a resource. */
export interface Finding {
  readonly analyzer: string;
  /** Pulumi's type. */
  readonly type: string;
  /** The property, if the analyzer names one; otherwise empty. */
  readonly path: string;
  readonly rule: string;
  readonly message: string;
  /** The name of one resource with the finding. */
  readonly resource: string;
  readonly variants: readonly string[];
}

/** An accepted finding, with the reason. */
export interface Suppression {
  readonly analyzer: string;
  readonly rule: string;
  /** Names of resources after `rates-<stack>-`, as regular expressions. Each must have a finding. */
  readonly resources: readonly string[];
  readonly reason: string;
}

/** The suppressions of all analyzers. */
export const SUPPRESSIONS: readonly Suppression[] = parse(
  readFileSync(new URL("suppressions.yaml", import.meta.url), "utf8"),
);

/** Returns the findings without a suppression, and the suppressed names without a finding. */
export function compareSuppressions(
  analyzers: readonly string[],
  findings: readonly Finding[],
  suppressions: readonly Suppression[] = SUPPRESSIONS,
): { unsuppressed: string[]; stale: string[] } {
  const entries = suppressions
    .filter(({ analyzer }) => analyzers.includes(analyzer))
    .flatMap(({ resources, ...suppression }) =>
      resources.map((pattern) => ({
        ...suppression,
        pattern: new RegExp(`^rates-(dev|dev-anna|staging|prod)${pattern === "" ? "" : `-(${pattern})`}$`),
      })),
    );
  const used = new Set<(typeof entries)[number]>();
  const unsuppressed = findings.filter((finding) => {
    const matching = entries.filter(
      ({ analyzer, rule, pattern }) =>
        analyzer === finding.analyzer && rule === finding.rule && pattern.test(finding.resource),
    );
    for (const entry of matching) used.add(entry);
    return matching.length === 0;
  });
  return {
    unsuppressed: unsuppressed.map(
      ({ analyzer, rule, type, path, message, resource }) =>
        `${analyzer} ${rule}: ${type} ${resource} ${path}: ${message}`,
    ),
    stale: entries
      .filter((entry) => !used.has(entry))
      .map(({ analyzer, rule, pattern }) => `${analyzer} ${rule} ${pattern.source}`),
  };
}
