import type { PolicyComplianceFramework, Severity } from "@pulumi/policy";
import Type, { type Static, type TProperties } from "typebox";
import Value from "typebox/value";
import { CONTROL_SEVERITY, type Control } from "./controls.ts";
import type { Resource, Stack } from "./resource.ts";

/** Says what is wrong with a resource: what, by how much, and what to change. */
export type Report = (resource: Resource, problem: string) => void;

/** What every rule says of itself. */
interface RuleMetadata {
  /** As it stands in findings and configurations. */
  readonly name: string;
  readonly description: string;
  readonly severity: Severity;
  /** Whether it stops a preview. */
  readonly level: "mandatory" | "advisory";
  /** Where the rule comes from. */
  readonly framework: PolicyComplianceFramework;
  /** What to do about a finding. */
  readonly remediation: string;
  /** Properties that a preview may not know; only advised of then. Any other that is unknown is a violation. */
  readonly mayBeUnknown: readonly string[];
  /** Properties of which it only counts whether they are set: an unknown one is, and is looked at again when it is made. */
  readonly presenceOf: readonly string[];
}

/** A rule as packs have it: `check` reads its own settings from a pack's configuration, which need not be right. */
export type Rule = RuleMetadata & { readonly settings: TProperties } & (
    | {
        readonly scope: "resource";
        /** Types of resources that it looks at. */
        readonly types: readonly string[];
        check(resource: Resource, report: Report, configured: unknown): void;
        /** Properties that make a resource sound: a default that is safe for everybody. */
        readonly fix?: (resource: Resource) => Record<string, unknown> | undefined;
      }
    | { readonly scope: "stack"; check(stack: Stack, report: Report, configured: unknown): void }
  );

/** What is left out, where most rules say the same. */
type Defaults = Partial<Pick<RuleMetadata, "level" | "severity" | "mayBeUnknown" | "presenceOf">>;
type Spec<S extends TProperties> = Omit<RuleMetadata, keyof Defaults> & Defaults & { settings?: S };

/** A rule about one resource at a time. It runs on what a program asks for, before anything is made. */
export const resourceRule = <S extends TProperties = Record<never, never>>(
  spec: Spec<S> & {
    types: readonly string[];
    check(resource: Resource, report: Report, settings: Static<ReturnType<typeof Type.Object<S>>>): void;
    fix?: (resource: Resource) => Record<string, unknown> | undefined;
  },
): Rule => ({ ...withMetadata(spec), scope: "resource", check: withSettings(spec) });

/** A rule about resources together. It runs when all of a preview's or an update's resources are known. */
export const stackRule = <S extends TProperties = Record<never, never>>(
  spec: Spec<S> & {
    check(stack: Stack, report: Report, settings: Static<ReturnType<typeof Type.Object<S>>>): void;
  },
): Rule => ({ ...withMetadata(spec), scope: "stack", check: withSettings(spec) });

const withMetadata = <S extends TProperties, T extends Spec<S>>(spec: T) => ({
  level: "mandatory" as const,
  // A rule for a control is as severe as that, unless it says otherwise.
  severity: Object.hasOwn(CONTROL_SEVERITY, spec.framework.reference ?? "")
    ? CONTROL_SEVERITY[spec.framework.reference as Control]
    : ("high" as const),
  mayBeUnknown: [],
  presenceOf: [],
  ...spec,
  settings: spec.settings ?? {},
});

/** Hands a check its settings with their defaults; a setting that is wrong counts as left out. */
function withSettings<S extends TProperties, Subject>(spec: {
  settings?: S;
  check(subject: Subject, report: Report, settings: Static<ReturnType<typeof Type.Object<S>>>): void;
}): (subject: Subject, report: Report, configured: unknown) => void {
  const schema = Type.Object(spec.settings ?? ({} as S));
  const defaults = Value.Create(schema);
  return (subject, report, given) => {
    const merged = { ...(defaults as object), ...(typeof given === "object" ? given : {}) };
    const settings = Value.Check(schema, Value.Clean(schema, merged)) ? merged : defaults;
    spec.check(subject, report, settings as Static<ReturnType<typeof Type.Object<S>>>);
  };
}

/** AWS Foundational Security Best Practices, by the control's own name, as RDS.2. */
export const control = (reference: Control): PolicyComplianceFramework => ({
  name: "AWS Foundational Security Best Practices",
  version: "1.0.0",
  reference,
  specification: `https://docs.aws.amazon.com/securityhub/latest/userguide/${reference.split(".")[0]?.toLowerCase()}-controls.html`,
});

/** A limit of infra/limits/limits.ts, or a rule that AWS's documentation gives, by its document. */
export const documented = (reference: string): PolicyComplianceFramework => ({
  name: "AWS documentation",
  version: "2026-11",
  reference,
  specification: "infra/limits/limits.ts has each limit with its source",
});
