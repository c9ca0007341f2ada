import { type Policies, PolicyPack, type PolicyPackArgs, UnknownValueError } from "@pulumi/policy";
import { COMMON, exemptionOf, unknownSettings } from "./commonSettings.ts";
import { type RawResource, Resource, Stack } from "./resource.ts";
import type { Report, Rule } from "./rule.ts";
import { typeOf } from "./types.ts";
import { UNKNOWN_TEXT } from "./unknownValues.ts";
import type { UnresolvedReporter } from "./value.ts";

/** A finding of a rule, before the pack's exemptions are applied. */
interface Finding {
  readonly urn: string;
  readonly message: string;
}

/** Converts rules to the policies of a pack. */
export function policiesOf(rules: readonly Rule[]): Policies {
  // The engine passes each resource to a pack before it passes the stack.
  const requested = new Map<string, RawResource["props"]>();
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
          runCheck(rule, args.getConfig(), report, (findings, notes) => {
            rule.check(new Stack(args.resources as RawResource[], notes, requested), findings, args.getConfig());
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
          const better = fix(
            new Resource(
              { type, urn, name, props },
              () => ignored,
              () => undefined,
            ),
          );
          return better && { ...props, ...better };
        },
      }),
      validateResource: (args, report) => {
        requested.set(args.urn, args.props);
        if (!rule.types.includes(typeOf(args.type))) return;
        runCheck(rule, args.getConfig(), report, (findings, notes) => {
          rule.check(new Resource(args as RawResource, notes, () => undefined), findings, args.getConfig());
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
 * Runs a check and reports its findings. An unknown value is a finding too, unless the rule allows it in a preview;
 * then the engine gets an advisory, which never stops a run.
 */
function runCheck(
  rule: Rule,
  configured: { exempt?: unknown },
  report: (message: string, urn?: string) => void,
  check: (report: Report, notes: (urn: string, name: string) => UnresolvedReporter) => void,
): void {
  const findings = new Map<string, Finding>();
  const add = (urn: string, message: string) => findings.set(`${urn} ${message}`, { urn, message });
  const unsettled = new Set<string>();
  check(
    (resource, problem) => add(resource.urn, `${resource.name}: ${problem}`),
    (urn, name) => ({
      unknown(path) {
        if (rule.mayBeUnknown.some((known) => path === known || path.startsWith(`${known}.`)))
          unsettled.add(`${name}: ${path} is unknown until it is created, and will be checked then.`);
        else add(urn, `${name}: ${path} is unknown, so the rule cannot be checked: set an explicit value.`);
      },
      unreadable: (path, expected) => add(urn, `${name}: ${path} is not ${expected}: the rule cannot be checked.`),
    }),
  );
  for (const key of unknownSettings(rule, configured)) report(key);
  for (const { urn, message } of findings.values()) {
    const over = exemptionOf(urn, configured);
    if (over !== "exempt") report(over === undefined ? message : `${message} ${over}`, urn);
  }
  if (unsettled.size > 0) throw later([...unsettled].join(" "));
}

/** Reports an unknown value as an advisory; @pulumi/policy has no other way to advise from a mandatory rule. */
const later = (message: string): Error => Object.assign(new Unknown(UNKNOWN_TEXT, []), { message });

/** Its declaration lacks parameters and result. */
const Unknown = UnknownValueError as unknown as new (marker: string, path: readonly string[]) => Error;
