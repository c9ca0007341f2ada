import { groupDescriptionProblem, LIMITS } from "../../infra/limits/limits.ts";
import type { Resource } from "../resource.ts";
import { documented, resourceRule, stackRule } from "../rule.ts";
import {
  DEFAULT_GROUP,
  EGRESS,
  GROUP,
  GROUP_RULE,
  INGRESS,
  INSTANCE,
  LAUNCH_TEMPLATE,
  QUEUE,
  QUEUE_POLICY,
  ROLE,
  ROLE_POLICY,
} from "../types.ts";
import { UNRESOLVED, type Unresolved, type Value } from "../value.ts";

/** A value of a document that came as text or as an object, as IAM counts it: without white space. */
const charactersOf = (policy: Value): number | Unresolved => {
  const text = policy.text("");
  return text === UNRESOLVED ? UNRESOLVED : text.replace(/\s/g, "").length;
};

/** The policies inside a role, and those beside it. */
function inlineOf(role: Resource, beside: readonly Resource[]): readonly Value[] | Unresolved {
  const inside = role.at("inlinePolicies").items();
  if (inside === UNRESOLVED) return UNRESOLVED;
  return [...inside, ...beside].map((one) => one.at("policy"));
}

/** IAM refuses the policy that is one too many, when the role stands already. */
export const rolePolicies = stackRule({
  name: "iam-role-policy-size",
  description: "All inline policies of a role together have no more characters than IAM takes.",
  framework: documented(LIMITS.rolePolicies.source.document),
  remediation: "Say less in them, or attach a managed policy.",
  mayBeUnknown: ["policy", "inlinePolicies"],
  check(stack, report) {
    for (const role of stack.of(ROLE)) {
      const policies = inlineOf(role, stack.linkedTo(role, ROLE_POLICY, "role"));
      if (policies === UNRESOLVED) continue;
      const together = policies.reduce((sum, policy) => {
        const characters = charactersOf(policy);
        return sum + (characters === UNRESOLVED ? 0 : characters);
      }, 0);
      const most = LIMITS.rolePolicies.value;
      if (together > most)
        report(
          role,
          `its inline policies have ${together} characters, ${together - most} more than the ${most} that IAM takes: say less, or attach a managed policy.`,
        );
    }
  },
});

/** Who a statement names, one by one. */
function principalsOf(statement: Value): readonly string[] {
  const principal = statement.at("Principal");
  const kinds = principal.isObject ? principal.keys() : UNRESOLVED;
  const named = kinds === UNRESOLVED ? [principal] : kinds.map((kind) => principal.at(kind));
  return named.flatMap((one) => {
    const names = one.texts();
    return names === UNRESOLVED ? [] : names;
  });
}

/** SQS refuses such a policy. */
export const queuePrincipals = resourceRule({
  name: "sqs-policy-principals",
  description: "The policy of a queue names no more principals than SQS takes.",
  framework: documented(LIMITS.sqsPrincipals.source.document),
  remediation: "Name accounts in place of their roles, or an organization by a Condition.",
  mayBeUnknown: ["policy"],
  types: [QUEUE_POLICY, QUEUE],
  check(queue, report) {
    const policy = queue.at("policy");
    // An unknown document is noted by its own path, not by that of its parts.
    const statements = policy.isUnknown ? policy.items() : policy.at("Statement").items();
    if (statements === UNRESOLVED) return;
    const named = new Set(statements.flatMap(principalsOf)).size;
    const most = LIMITS.sqsPrincipals.value;
    if (named > most)
      report(
        queue,
        `its policy names ${named} principals, ${named - most} more than the ${most} that SQS takes: name fewer.`,
      );
  },
});

/** EC2 refuses the launch, when a job waits for it. */
export const userDataSize = resourceRule({
  name: "ec2-user-data-size",
  description: "What an instance is started with is no larger than EC2 takes.",
  framework: documented(LIMITS.ec2UserData.source.document),
  remediation: "Have the instance fetch what is large from a bucket.",
  mayBeUnknown: ["userData", "userDataBase64"],
  types: [LAUNCH_TEMPLATE, INSTANCE],
  check(one, report) {
    const most = LIMITS.ec2UserData.value;
    for (const property of ["userData", "userDataBase64"]) {
      const text = one.at(property).text("");
      if (text === UNRESOLVED) continue;
      const isPlain = one.type === INSTANCE && property === "userData";
      const bytes = Buffer.byteLength(text, isPlain ? "utf8" : "base64");
      if (bytes > most)
        report(
          one,
          `${property} has ${bytes} bytes, ${bytes - most} more than the ${most} that EC2 takes: fetch them.`,
        );
    }
  },
});

/** Types whose rules are properties of their own. */
const WITH_RULES_INSIDE: readonly string[] = [GROUP, DEFAULT_GROUP];

/** The description of a resource, and those of the rules that are written inside it. */
function descriptionsOf(one: Resource): Value[] {
  if (!WITH_RULES_INSIDE.includes(one.type)) return [one.at("description")];
  const inside = ["ingress", "egress"].flatMap((property) => {
    const rules = one.at(property).items();
    return rules === UNRESOLVED ? [] : rules.map((rule) => rule.at("description"));
  });
  return one.type === GROUP ? [one.at("description"), ...inside] : inside;
}

/** EC2 refuses the description when the rule is created; neither the provider's plan nor moto checks it. */
export const groupDescriptions = resourceRule({
  name: "ec2-group-description",
  description: "Descriptions of security groups and of their rules have the characters that EC2 takes.",
  framework: documented(LIMITS.groupDescription.source.document),
  remediation: "Write letters of ASCII, digits, spaces and ._-:/()#,@[]+=&;{}!$* only, 255 at most.",
  types: [GROUP, DEFAULT_GROUP, INGRESS, EGRESS, GROUP_RULE],
  check(one, report) {
    for (const value of descriptionsOf(one)) {
      const text = value.text("");
      const problem = text === UNRESOLVED ? undefined : groupDescriptionProblem(text);
      if (problem !== undefined) report(one, `${value.path} ${problem}`);
    }
  },
});

export const DOCUMENT_RULES = [rolePolicies, queuePrincipals, userDataSize, groupDescriptions];
