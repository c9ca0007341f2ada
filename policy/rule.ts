import type { PolicyComplianceFramework, Severity } from "@pulumi/policy";
import Type, { type Static, type TProperties } from "typebox";
import Value from "typebox/value";
import { CONTROL_SEVERITY, type Control } from "./controls.ts";
import type { Resource, Stack } from "./resource.ts";

/**
 * Reports a resource that violates a rule. `problem` follows the resource's name in the message; it states the violation,
 * for a numeric limit also the excess, and the remedy.
 */
export type Report = (resource: Resource, problem: string) => void;

/** Metadata of every rule. */
export interface RuleMetadata {
  /** Name in findings and configurations. */
  readonly name: string;
  /** Requirement, in one sentence. */
  readonly description: string;
  /**
   * Severity in findings.
   *
   * @default the severity of its control, or `high`
   */
  readonly severity: Severity;
  /** Mandatory rules stop a preview. */
  readonly level: "mandatory" | "advisory";
  /** Source of the rule. */
  readonly framework: PolicyComplianceFramework;
  /** Remedy of a finding. */
  readonly remediation: string;
  /** Properties that may be unknown in a preview, reported as advisories; any other unknown property is a violation. */
  readonly mayBeUnknown: readonly string[];
  /** Properties that only need to be set: an unknown value counts as set. */
  readonly presenceOf: readonly string[];
}

/** A rule as a pack uses it: `check` reads its settings from the pack's configuration, which may be invalid. */
export type Rule = RuleMetadata & { readonly settings: TProperties } & (
    | {
        readonly scope: "resource";
        /** Resource types that the rule checks. */
        readonly types: readonly string[];
        check(resource: Resource, report: Report, configured: unknown): void;
        /** Returns properties that make a resource compliant, if there are defaults that are safe for everyone. */
        readonly fix?: (resource: Resource) => Record<string, unknown> | undefined;
      }
    | { readonly scope: "stack"; check(stack: Stack, report: Report, configured: unknown): void }
  );

/** Metadata that a rule may omit, because it has a default. */
type OptionalMetadata = Partial<Pick<RuleMetadata, "level" | "severity" | "mayBeUnknown" | "presenceOf">>;
type Spec<S extends TProperties> = Omit<RuleMetadata, keyof OptionalMetadata> & OptionalMetadata & { settings?: S };

/**
 * Creates a rule about single resources. It checks the requested inputs, before a resource is created.
 *
 * @example
 * ```ts
 * import { documented, resourceRule } from "./rule.ts";
 *
 * export const longPolling = resourceRule({
 *   name: "sqs-long-polling",
 *   description: "A queue uses long polling by default.",
 *   framework: documented("Amazon SQS Developer Guide, Short and long polling"),
 *   remediation: "Set receiveWaitTimeSeconds to 20.",
 *   types: ["aws:sqs/queue:Queue"],
 *   check: (queue, report) => {
 *     if (queue.at("receiveWaitTimeSeconds").isAbsent) report(queue, "receiveWaitTimeSeconds is not set: set it.");
 *   },
 * });
 * ```
 */
export const resourceRule = <S extends TProperties = Record<never, never>>(
  spec: Spec<S> & {
    types: readonly string[];
    check(resource: Resource, report: Report, settings: Static<ReturnType<typeof Type.Object<S>>>): void;
    fix?: (resource: Resource) => Record<string, unknown> | undefined;
  },
): Rule => ({ ...withMetadata(spec), scope: "resource", check: withSettings(spec) });

/**
 * Creates a rule about several resources. It runs after all resources of a preview or an update are registered.
 *
 * @example
 * ```ts
 * import { documented, stackRule } from "./rule.ts";
 *
 * export const oneDatabase = stackRule({
 *   name: "one-database",
 *   description: "A program creates at most one database.",
 *   framework: documented("AWS General Reference, Amazon RDS quotas"),
 *   remediation: "Remove the other databases.",
 *   check: (stack, report) => {
 *     for (const extra of stack.of("aws:rds/instance:Instance").slice(1)) report(extra, "it is not the only database: remove it.");
 *   },
 * });
 * ```
 */
export const stackRule = <S extends TProperties = Record<never, never>>(
  spec: Spec<S> & {
    check(stack: Stack, report: Report, settings: Static<ReturnType<typeof Type.Object<S>>>): void;
  },
): Rule => ({ ...withMetadata(spec), scope: "stack", check: withSettings(spec) });

const withMetadata = <S extends TProperties, T extends Spec<S>>(spec: T) => ({
  level: "mandatory" as const,
  // A rule has the severity of its control unless it sets its own.
  severity: Object.hasOwn(CONTROL_SEVERITY, spec.framework.reference ?? "")
    ? CONTROL_SEVERITY[spec.framework.reference as Control]
    : ("high" as const),
  mayBeUnknown: [],
  presenceOf: [],
  ...spec,
  settings: spec.settings ?? {},
});

/** Returns a check that fills in the defaults of its settings; if one setting is invalid, all have their defaults. */
function withSettings<S extends TProperties, Subject>(spec: {
  settings?: S;
  check(subject: Subject, report: Report, settings: Static<ReturnType<typeof Type.Object<S>>>): void;
}): (subject: Subject, report: Report, configured: unknown) => void {
  const schema = Type.Object(spec.settings ?? ({} as S));
  const defaults = Value.Create(schema);
  return (subject, report, configured) => {
    const merged = { ...(defaults as object), ...(typeof configured === "object" ? configured : {}) };
    const settings = Value.Check(schema, Value.Clean(schema, merged)) ? merged : defaults;
    spec.check(subject, report, settings as Static<ReturnType<typeof Type.Object<S>>>);
  };
}

/** Returns the source of a rule that implements a control of AWS Security Hub. */
export const control = (reference: Control): PolicyComplianceFramework => ({
  name: "AWS Security Hub controls",
  version: "2026-11",
  reference,
  specification: `https://docs.aws.amazon.com/securityhub/latest/userguide/${reference.split(".")[0]?.toLowerCase()}-controls.html`,
});

/** Returns the source of a rule that follows AWS's documentation, for example of a limit in infra/limits/limits.ts. */
export const documented = (reference: string): PolicyComplianceFramework => ({
  name: "AWS documentation",
  version: "2026-11",
  reference,
  specification: "infra/limits/limits.ts has each limit with its source",
});
