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

/** A policy document given as text or object, in IAM's count: without white space. */
const charactersOf = (policy: Value): number | Unresolved => {
  const text = policy.text("");
  return text === UNRESOLVED ? UNRESOLVED : text.replace(/\s/g, "").length;
};

/** Policies inside a role, and those attached to it. */
function inlineOf(role: Resource, beside: readonly Resource[]): readonly Value[] | Unresolved {
  const inside = role.at("inlinePolicies").items();
  if (inside === UNRESOLVED) return UNRESOLVED;
  return [...inside, ...beside].map((one) => one.at("policy"));
}

/** IAM refuses the policy beyond the quota after the role is created. */
export const rolePolicies = stackRule({
  name: "iam-role-policy-size",
  description: "All inline policies of a role together are within IAM's maximum length.",
  framework: documented(LIMITS.rolePolicies.source.document),
  remediation: "Shorten them, or attach a managed policy.",
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
          `its inline policies have ${together} characters, ${together - most} more than IAM's maximum of ${most}: shorten them, or attach a managed policy.`,
        );
    }
  },
});

/** Principals of a statement, one by one. */
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
  description: "The policy of a queue names no more principals than SQS allows.",
  framework: documented(LIMITS.sqsPrincipals.source.document),
  remediation: "Name accounts instead of their roles, or an organization by a Condition.",
  mayBeUnknown: ["policy"],
  types: [QUEUE_POLICY, QUEUE],
  check(queue, report) {
    const policy = queue.at("policy");
    // An unknown document is recorded by its own path, not by that of its parts.
    const statements = policy.isUnknown ? policy.items() : policy.at("Statement").items();
    if (statements === UNRESOLVED) return;
    const named = new Set(statements.flatMap(principalsOf)).size;
    const most = LIMITS.sqsPrincipals.value;
    if (named > most)
      report(
        queue,
        `its policy names ${named} principals, ${named - most} more than SQS's maximum of ${most}: name fewer.`,
      );
  },
});

/** EC2 refuses the launch when a job already waits for it. */
export const userDataSize = resourceRule({
  name: "ec2-user-data-size",
  description: "An instance's user data is within EC2's maximum size.",
  framework: documented(LIMITS.ec2UserData.source.document),
  remediation: "Let the instance download large files from a bucket.",
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
          `${property} has ${bytes} bytes, ${bytes - most} more than EC2's maximum of ${most}: download them instead.`,
        );
    }
  },
});

/** Types with inline rules. */
const WITH_RULES_INSIDE: readonly string[] = [GROUP, DEFAULT_GROUP];

/** Descriptions of a resource and of its inline rules. */
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
  description: "Descriptions of security groups and of their rules contain only characters that EC2 accepts.",
  framework: documented(LIMITS.groupDescription.source.document),
  remediation: "Use only ASCII letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*, 255 at most.",
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
