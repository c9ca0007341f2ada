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

/**
 * Runs a check and reports its findings. An unknown value is a finding too, unless the rule allows it in a preview:
 * then it is reported as an advisory, which never stops a preview. Inside a JSON text an unknown value is always a
 * finding, because it cannot be reported as an advisory (throwAdvisory).
 */
function runCheck(
  rule: Rule,
  configured: { exempt?: unknown },
  report: (message: string, urn?: string) => void,
  check: (report: Report, reporterOf: (resource: RawResource) => UnresolvedReporter) => void,
): void {
  const findings = new Map<string, Finding>();
  const add = (urn: string, message: string) => findings.set(`${urn} ${message}`, { urn, message });
  const advisoryErrors = new Map<string, Error>();
  check(
    (resource, problem) => add(resource.urn, `${resource.name}: ${problem}`),
    (resource) => ({
      unknown(path) {
        const mayBeUnknown = rule.mayBeUnknown.some((allowed) => isAtOrInside(path, allowed));
        const error = mayBeUnknown ? errorOfReading(resource, path) : undefined;
        if (error) advisoryErrors.set(`${resource.name}: ${path}`, error);
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
  if (advisoryErrors.size > 0) throwAdvisory(advisoryErrors);
}

/** Returns true if a path names the given property, or a property or list item inside it. */
const isAtOrInside = (path: string, property: string): boolean =>
  path === property || path.startsWith(`${property}.`) || path.startsWith(`${property}[`);

/**
 * Reports unknown properties as an advisory. A mandatory rule can report an advisory in only one way: by throwing the
 * error that reading an unknown property throws. This function gives it a message that names the resources and
 * properties.
 *
 * @param errors - Error of each unknown property, by the names of resource and property; at least one.
 * @throws the first of these errors
 * @see https://www.pulumi.com/docs/iac/packages-and-automation/crossguard/core-concepts/
 */
function throwAdvisory(errors: ReadonlyMap<string, Error>): never {
  const [error] = errors.values();
  if (error)
    error.message = [...errors.keys()]
      .map((property) => `${property} is unknown during the preview, and is checked during the update.`)
      .join(" ");
  throw error;
}

/**
 * Reads a property as @pulumi/policy passes it.
 *
 * @returns the error that @pulumi/policy throws if the property, or an object that contains it, is unknown; undefined
 * for a placeholder inside a JSON text, because reading the text throws no error
 */
function errorOfReading({ props }: RawResource, path: string): Error | undefined {
  let value: unknown = props;
  try {
    for (const key of path.split(/[.[\]]+/).filter((part) => part !== "")) {
      if (typeof value !== "object" || value === null) break;
      // A single object counts as a list of one (Value.items).
      if (/^\d+$/.test(key) && !Array.isArray(value)) continue;
      value = (value as Record<string, unknown>)[key];
    }
  } catch (error) {
    return error as Error;
  }
  return undefined;
}
