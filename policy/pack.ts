import { type Policies, PolicyPack, type PolicyPackArgs } from "@pulumi/policy";
import { COMMON, exemptionOf, unknownSettings } from "./commonSettings.ts";
import { type RawResource, Resource, Stack } from "./resource.ts";
import type { Report, Rule } from "./rule.ts";
import { typeOf } from "./types.ts";
import type { UnresolvedReporter } from "./value.ts";

/** A finding of a rule before exemptions are applied. */
interface Finding {
  readonly urn: string;
  readonly message: string;
}

/** Converts rules to the policies of a pack. */
export function policiesOf(rules: readonly Rule[]): Policies {
  // The engine passes each resource to a pack before it passes the stack.
  const inputsByUrn = new Map<string, RawResource["props"]>();
  return rules.map((rule) => {
    const policy = {
      name: rule.name,
      description: rule.description,
      enforcementLevel: rule.level,
      severity: rule.severity,
      framework: rule.framework,
      remediationSteps: rule.remediation,
      configSchema: {
        properties: JSON.parse(JSON.stringify({ ...rule.settings, ...COMMON })),
      },
    };
    if (rule.scope === "stack")
      return {
        ...policy,
        validateStack: (args, report) => {
          runCheck(rule, args.getConfig(), report, (addFinding, reporterOf) => {
            const stack = new Stack(args.resources as RawResource[], reporterOf, inputsByUrn);
            rule.check(stack, addFinding, args.getConfig());
          });
        },
      };
    const { fix } = rule;
    return {
      ...policy,
      ...(fix && {
        remediateResource: ({ type, urn, name, props }) => {
          if (!rule.types.includes(typeOf(type))) return undefined;
          const ignored: UnresolvedReporter = { unknown: () => undefined, unreadable: () => undefined };
          const fixed = fix(
            new Resource(
              { type, urn, name, props },
              () => ignored,
              () => undefined,
            ),
          );
          return fixed && { ...props, ...fixed };
        },
      }),
      validateResource: (args, report) => {
        inputsByUrn.set(args.urn, args.props);
        if (!rule.types.includes(typeOf(args.type))) return;
        runCheck(rule, args.getConfig(), report, (addFinding, reporterOf) => {
          rule.check(new Resource(args as RawResource, reporterOf, () => undefined), addFinding, args.getConfig());
        });
      },
    };
  });
}

/** Serves a pack of rules to the engine that started this process. */
export const servePack = (name: string, description: string, rules: readonly Rule[]): PolicyPack => {
  const args: PolicyPackArgs = { description, enforcementLevel: "mandatory", policies: policiesOf(rules) };
  return new PolicyPack(name, args);
};

/** An unknown property that a rule allows to be unknown in a preview. */
interface UnknownProperty {
  readonly resource: RawResource;
  readonly path: string;
}

/**
 * Runs a check and reports its findings. An unknown value is a finding too, unless the rule allows it in a preview:
 * then it is reported as an advisory, which never stops a preview or an update.
 */
function runCheck(
  rule: Rule,
  configured: { exempt?: unknown },
  report: (message: string, urn?: string) => void,
  check: (report: Report, reporterOf: (resource: RawResource) => UnresolvedReporter) => void,
): void {
  const findings = new Map<string, Finding>();
  const add = (urn: string, message: string) => findings.set(`${urn} ${message}`, { urn, message });
  const unknownProperties = new Map<string, UnknownProperty>();
  check(
    (resource, problem) => add(resource.urn, `${resource.name}: ${problem}`),
    (resource) => ({
      unknown(path) {
        const mayBeUnknown = rule.mayBeUnknown.some((allowed) => path === allowed || path.startsWith(`${allowed}.`));
        if (mayBeUnknown) unknownProperties.set(`${resource.name}: ${path}`, { resource, path });
        else
          add(
            resource.urn,
            `${resource.name}: ${path} is unknown, so the rule cannot be checked: set an explicit value.`,
          );
      },
      unreadable: (path, expected) =>
        add(
          resource.urn,
          `${resource.name}: ${path} is not ${expected}, so the rule cannot be checked: correct the value.`,
        ),
    }),
  );
  for (const message of unknownSettings(rule, configured)) report(message);
  for (const { urn, message } of findings.values()) {
    const exemption = exemptionOf(urn, configured);
    if (exemption !== "exempt") report(exemption === undefined ? message : `${message} ${exemption}`, urn);
  }
  reportAdvisory(unknownProperties, report);
}

/**
 * Reports unknown values as an advisory. A mandatory rule can report an advisory in only one way: reading an unknown
 * property throws an error, which @pulumi/policy reports as an advisory. This function provokes that error, and replaces
 * its message with one that names the resources and properties. Reading a placeholder inside a JSON text throws no
 * error, so an unknown value there is reported as a violation.
 *
 * @see https://www.pulumi.com/docs/iac/packages-and-automation/crossguard/core-concepts/
 */
function reportAdvisory(
  unknownProperties: ReadonlyMap<string, UnknownProperty>,
  report: (message: string, urn?: string) => void,
): void {
  const [first] = unknownProperties.values();
  if (first === undefined) return;
  const message = [...unknownProperties.keys()]
    .map((property) => `${property} is unknown during the preview, and is checked during the update.`)
    .join(" ");
  try {
    readUnknown(first);
  } catch (error) {
    if (error instanceof Error) error.message = message;
    throw error;
  }
  report(message, first.resource.urn);
}

/** Reads a property as @pulumi/policy passes it; throws if the property, or an object that contains it, is unknown. */
function readUnknown({ resource, path }: UnknownProperty): void {
  let value: unknown = resource.props;
  for (const key of path.split(/[.[\]]+/).filter((part) => part !== "")) {
    if (typeof value !== "object" || value === null) break;
    // A single object counts as a list of one (Value.items).
    if (/^\d+$/.test(key) && !Array.isArray(value)) continue;
    value = (value as Record<string, unknown>)[key];
  }
}
