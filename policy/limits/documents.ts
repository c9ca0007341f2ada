import { groupDescriptionProblem, LIMITS } from "../../infra/limits/limits.ts";
import type { Resource } from "../resource.ts";
import { documented, resourceRule, stackRule } from "../rule.ts";
import {
  DEFAULT_SECURITY_GROUP,
  INSTANCE,
  LAUNCH_TEMPLATE,
  QUEUE,
  QUEUE_POLICY,
  ROLE,
  ROLE_POLICY,
  SECURITY_GROUP,
  SECURITY_GROUP_EGRESS,
  SECURITY_GROUP_INGRESS,
  SECURITY_GROUP_RULE,
} from "../types.ts";
import { UNRESOLVED, type Unresolved, type Value } from "../value.ts";

/** Counts the characters of a policy document as IAM does: without white space. */
const countCharacters = (policy: Value): number | Unresolved => {
  const text = policy.text("");
  return text === UNRESOLVED ? UNRESOLVED : text.replace(/\s/g, "").length;
};

/** Returns a role's inline policies: those in its properties, and separate RolePolicy resources. */
function inlinePolicies(role: Resource, attached: readonly Resource[]): readonly Value[] | Unresolved {
  const inline = role.at("inlinePolicies").items();
  if (inline === UNRESOLVED) return UNRESOLVED;
  return [...inline, ...attached].map((policy) => policy.at("policy"));
}

/** IAM refuses a policy beyond the maximum only during the update, after the role is created. */
export const rolePolicies = stackRule({
  name: "iam-role-policy-size",
  description: "All inline policies of a role together are within IAM's maximum length.",
  framework: documented(LIMITS.rolePolicies.source.document),
  remediation: "Shorten them, or attach a managed policy.",
  mayBeUnknown: ["policy", "inlinePolicies"],
  check(stack, report) {
    for (const role of stack.of(ROLE)) {
      const policies = inlinePolicies(role, stack.linkedTo(role, ROLE_POLICY, "role"));
      if (policies === UNRESOLVED) continue;
      const total = policies.reduce((sum, policy) => {
        const characters = countCharacters(policy);
        return sum + (characters === UNRESOLVED ? 0 : characters);
      }, 0);
      const max = LIMITS.rolePolicies.value;
      if (total > max)
        report(
          role,
          `its inline policies have ${total} characters, ${total - max} more than IAM's maximum of ${max}: shorten them, or attach a managed policy.`,
        );
    }
  },
});

/** Returns the principals of a statement. */
function principalsOf(statement: Value): readonly string[] {
  const principal = statement.at("Principal");
  const types = principal.isObject ? principal.keys() : UNRESOLVED;
  const values = types === UNRESOLVED ? [principal] : types.map((type) => principal.at(type));
  return values.flatMap((value) => {
    const names = value.texts();
    return names === UNRESOLVED ? [] : names;
  });
}

/** SQS refuses a policy with too many principals. */
export const queuePrincipals = resourceRule({
  name: "sqs-policy-principals",
  description: "The policy of a queue names no more principals than SQS allows.",
  framework: documented(LIMITS.sqsPrincipals.source.document),
  remediation: "Name accounts instead of their roles, or allow an organization with a Condition.",
  mayBeUnknown: ["policy"],
  types: [QUEUE_POLICY, QUEUE],
  check(queue, report) {
    const policy = queue.at("policy");
    // Reports an unknown document under its own path, not under a statement's.
    const statements = policy.isUnknown ? policy.items() : policy.at("Statement").items();
    if (statements === UNRESOLVED) return;
    const principalCount = new Set(statements.flatMap(principalsOf)).size;
    const max = LIMITS.sqsPrincipals.value;
    if (principalCount > max)
      report(
        queue,
        `its policy names ${principalCount} principals, ${principalCount - max} more than SQS's maximum of ${max}: name fewer.`,
      );
  },
});

/** EC2 checks the size of user data only at launch, when a job already waits for the instance. */
export const userDataSize = resourceRule({
  name: "ec2-user-data-size",
  description: "An instance's user data is within EC2's maximum size.",
  framework: documented(LIMITS.ec2UserData.source.document),
  remediation: "Let the instance download large files from a bucket.",
  mayBeUnknown: ["userData", "userDataBase64"],
  types: [LAUNCH_TEMPLATE, INSTANCE],
  check(resource, report) {
    const max = LIMITS.ec2UserData.value;
    for (const property of ["userData", "userDataBase64"]) {
      const text = resource.at(property).text("");
      if (text === UNRESOLVED) continue;
      const isPlain = resource.type === INSTANCE && property === "userData";
      const bytes = Buffer.byteLength(text, isPlain ? "utf8" : "base64");
      if (bytes > max)
        report(
          resource,
          `${property} has ${bytes} bytes, ${bytes - max} more than EC2's maximum of ${max}: download large files from a bucket instead.`,
        );
    }
  },
});

/** Types of security groups, which can have inline rules. */
const TYPES_WITH_INLINE_RULES: readonly string[] = [SECURITY_GROUP, DEFAULT_SECURITY_GROUP];

/** Returns the descriptions of a resource and of its inline rules. */
function descriptionsOf(resource: Resource): Value[] {
  if (!TYPES_WITH_INLINE_RULES.includes(resource.type)) return [resource.at("description")];
  const inlineRules = ["ingress", "egress"].flatMap((property) => {
    const rules = resource.at(property).items();
    return rules === UNRESOLVED ? [] : rules.map((rule) => rule.at("description"));
  });
  return resource.type === SECURITY_GROUP ? [resource.at("description"), ...inlineRules] : inlineRules;
}

/**
 * EC2 refuses an invalid description only when the resource is created. The provider checks only those of inline rules
 * and of SecurityGroupRule; moto checks none.
 */
export const groupDescriptions = resourceRule({
  name: "ec2-group-description",
  description: "Descriptions of security groups and of their rules have at most 255 characters, all accepted by EC2.",
  framework: documented(LIMITS.groupDescription.source.document),
  remediation: "Use at most 255 characters: ASCII letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*.",
  types: [SECURITY_GROUP, DEFAULT_SECURITY_GROUP, SECURITY_GROUP_INGRESS, SECURITY_GROUP_EGRESS, SECURITY_GROUP_RULE],
  check(resource, report) {
    for (const value of descriptionsOf(resource)) {
      const text = value.text("");
      const problem = text === UNRESOLVED ? undefined : groupDescriptionProblem(text);
      if (problem !== undefined) report(resource, `${value.path} ${problem}`);
    }
  },
});

export const DOCUMENT_RULES = [rolePolicies, queuePrincipals, userDataSize, groupDescriptions];
