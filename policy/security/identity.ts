import type { Resource } from "../resource.ts";
import { control, resourceRule, stackRule } from "../rule.ts";
import { PERMISSION, POLICY, ROLE, ROLE_ATTACHMENT, ROLE_POLICY } from "../types.ts";
import { UNRESOLVED, type Unresolved, type Value } from "../value.ts";
import { appliesToEveryone, type Statement, statementsOf } from "./document.ts";

const INLINE = [ROLE_POLICY, "aws:iam/userPolicy:UserPolicy", "aws:iam/groupPolicy:GroupPolicy"];
const ATTACHMENTS = [
  ROLE_ATTACHMENT,
  "aws:iam/userPolicyAttachment:UserPolicyAttachment",
  "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
  "aws:iam/policyAttachment:PolicyAttachment",
];
const SECRET = "aws:secretsmanager/secret:Secret";
const ROTATION = "aws:secretsmanager/secretRotation:SecretRotation";
const KEY = "aws:kms/key:Key";

/** Returns the policy documents of a resource: its own, or the inline policies of a role. */
function documentsOf(resource: Resource): readonly Value[] | Unresolved {
  if (resource.type !== ROLE) return [resource.at("policy")];
  const inline = resource.at("inlinePolicies").items();
  return inline === UNRESOLVED ? UNRESOLVED : inline.map((policy) => policy.at("policy"));
}

/** Returns the allow statements of a resource's policies, as far as they can be read. */
function allowancesOf(resource: Resource): readonly Statement[] {
  const documents = documentsOf(resource);
  if (documents === UNRESOLVED) return [];
  return documents.flatMap((document) => {
    const statements = statementsOf(document);
    return statements === UNRESOLVED ? [] : statements.filter(({ allows }) => allows);
  });
}

/** Returns the ARNs of managed policies that a resource attaches. */
function attachedPolicyArns(resource: Resource): readonly string[] {
  const arns = resource.at(resource.type === ROLE ? "managedPolicyArns" : "policyArn").texts();
  return arns === UNRESOLVED ? [] : arns;
}

/** A policy that allows all actions on all resources grants administrator access, whatever its name. */
export const noAdministrator = resourceRule({
  name: "iam-no-wildcards",
  description: "No policy allows wildcard actions on every resource, and no administrator policy is attached.",
  framework: control("IAM.1"),
  remediation: "Name the actions and the resources that are needed.",
  mayBeUnknown: ["policy", "policyArn", "inlinePolicies", "managedPolicyArns"],
  types: [POLICY, ...INLINE, ROLE, ...ATTACHMENTS],
  check(resource, report) {
    for (const arn of attachedPolicyArns(resource))
      if (/\/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$/.test(arn))
        report(resource, `it attaches ${arn.split("/").at(-1)}: write a policy with the needed permissions.`);
    for (const { actions, resources } of allowancesOf(resource)) {
      const wildcards = actions.filter((action) => action.includes("*"));
      if (wildcards.length > 0 && resources.includes("*"))
        report(
          resource,
          `its policy allows ${wildcards.join(", ")} on every resource: name the actions and the resources.`,
        );
    }
  },
});

export const noServiceWildcard = resourceRule({
  name: "iam-no-service-wildcards",
  description: "No policy allows all actions of a service.",
  framework: control("IAM.21"),
  remediation: "Name the actions that are needed.",
  mayBeUnknown: ["policy", "inlinePolicies"],
  types: [POLICY, ...INLINE, ROLE],
  check(resource, report) {
    for (const { actions, resources } of allowancesOf(resource)) {
      const serviceWildcards = actions.filter((action) => action === "*" || /^[\w-]+:\*$/.test(action));
      // noAdministrator reports statements on every resource.
      if (serviceWildcards.length > 0 && !resources.includes("*"))
        report(resource, `its policy allows ${serviceWildcards.join(", ")}: name the actions.`);
    }
  },
});

export const roleNotPublic = resourceRule({
  name: "iam-role-not-public",
  description: "A role names who may assume it.",
  framework: control("IAM.1"),
  remediation: "Name the service, the role or the identity provider in Principal.",
  mayBeUnknown: ["assumeRolePolicy"],
  types: [ROLE],
  check(role, report) {
    const statements = statementsOf(role.at("assumeRolePolicy"));
    if (statements === UNRESOLVED) return;
    if (statements.some((statement) => statement.allows && appliesToEveryone(statement)))
      report(role, "everyone may assume it: name the principals in Principal.");
  },
});

/** Without a source, a service may call on behalf of other accounts (the confused deputy). */
export const permissionSource = resourceRule({
  name: "lambda-permission-source",
  description: "A service may invoke a function only for a named source, account or organization.",
  framework: control("Lambda.1"),
  remediation: "Set sourceArn or sourceAccount.",
  presenceOf: ["sourceArn", "sourceAccount", "principalOrgId"],
  types: [PERMISSION],
  check(permission, report) {
    const principal = permission.at("principal").text("");
    if (principal === UNRESOLVED) return;
    const hasSource =
      !permission.at("sourceArn").isAbsent ||
      !permission.at("sourceAccount").isAbsent ||
      !permission.at("principalOrgId").isAbsent;
    if (hasSource) return;
    if (principal === "*") report(permission, "everyone may invoke the function: name the principal.");
    else if (principal.includes("."))
      report(
        permission,
        `${principal} may invoke the function on behalf of any account: set sourceArn or sourceAccount.`,
      );
  },
});

export const secretRotates = stackRule({
  name: "secretsmanager-rotation",
  description: "A secret is rotated automatically.",
  framework: control("SecretsManager.1"),
  remediation: "Add a SecretRotation, or let the service that uses the secret manage it.",
  check(stack, report) {
    for (const secret of stack.of(SECRET))
      if (stack.linkedTo(secret, ROTATION, "secretId").length === 0)
        report(secret, "it is never rotated: add a SecretRotation.");
  },
});

export const keyRotates = resourceRule({
  name: "kms-rotation",
  description: "A customer managed key is rotated automatically.",
  framework: control("KMS.4"),
  remediation: "Set enableKeyRotation to true.",
  types: [KEY],
  check(key, report) {
    const isSymmetric =
      key.at("keyUsage").text("ENCRYPT_DECRYPT") === "ENCRYPT_DECRYPT" &&
      key.at("customerMasterKeySpec").text("SYMMETRIC_DEFAULT") === "SYMMETRIC_DEFAULT";
    if (isSymmetric && key.at("enableKeyRotation").flag(false) === false)
      report(key, "enableKeyRotation is not true: set it to true.");
  },
  fix: (key) => (key.at("enableKeyRotation").isAbsent ? { enableKeyRotation: true } : undefined),
});

export const IDENTITY_RULES = [
  noAdministrator,
  noServiceWildcard,
  roleNotPublic,
  permissionSource,
  secretRotates,
  keyRotates,
];
