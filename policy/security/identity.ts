import { control, resourceRule, stackRule } from "../rule.ts";
import { PERMISSION, POLICY, ROLE, ROLE_ATTACHMENT, ROLE_POLICY } from "../types.ts";
import { TROUBLE } from "../value.ts";
import { isOfEverybody, statementsOf } from "./document.ts";

const SECRET = "aws:secretsmanager/secret:Secret";
const ROTATION = "aws:secretsmanager/secretRotation:SecretRotation";
const KEY = "aws:kms/key:Key";

/** Who may do everything to everything is an administrator, whatever the policy is called. */
export const noAdministrator = resourceRule({
  name: "iam-no-wildcards",
  description: "No policy allows wildcard actions on every resource, and no role is an administrator.",
  framework: control("IAM.1"),
  remediation: "Name the actions and the resources that the part needs.",
  mayBeUnknown: ["policy", "policyArn"],
  types: [POLICY, ROLE_POLICY, ROLE_ATTACHMENT],
  check(resource, report) {
    if (resource.type === ROLE_ATTACHMENT) {
      const arn = resource.at("policyArn").text("");
      if (arn !== TROUBLE && /\/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$/.test(arn))
        report(resource, `it gives a role ${arn.split("/").at(-1)}: write a policy of what the role needs.`);
      return;
    }
    const statements = statementsOf(resource.at("policy"));
    if (statements === TROUBLE) return;
    for (const { allows, actions, resources } of statements) {
      const wild = actions.filter((action) => action.includes("*"));
      if (allows && wild.length > 0 && resources.includes("*"))
        report(resource, `its policy allows ${wild.join(", ")} on every resource: name the actions and the resources.`);
    }
  },
});

export const noServiceWildcard = resourceRule({
  name: "iam-no-service-wildcards",
  description: "No policy allows all actions of a service.",
  severity: "low",
  framework: control("IAM.21"),
  remediation: "Name the actions that the part needs.",
  mayBeUnknown: ["policy"],
  types: [POLICY, ROLE_POLICY],
  check(resource, report) {
    const statements = statementsOf(resource.at("policy"));
    if (statements === TROUBLE) return;
    for (const { allows, actions, resources } of statements) {
      const whole = actions.filter((action) => action === "*" || /^[\w-]+:\*$/.test(action));
      // On every resource it is the other rule's.
      if (allows && whole.length > 0 && !resources.includes("*"))
        report(resource, `its policy allows ${whole.join(", ")}: name the actions.`);
    }
  },
});

export const roleNotPublic = resourceRule({
  name: "iam-role-not-public",
  description: "A role says who may assume it.",
  severity: "critical",
  framework: control("IAM.1"),
  remediation: "Name the service, the role or the identity provider in Principal.",
  mayBeUnknown: ["assumeRolePolicy"],
  types: [ROLE],
  check(role, report) {
    const statements = statementsOf(role.at("assumeRolePolicy"));
    if (statements === TROUBLE) return;
    if (statements.some((one) => one.allows && isOfEverybody(one)))
      report(role, "everybody may assume it: name who may in Principal.");
  },
});

/** A service calls for whoever asks it to: without a source also for other accounts (the confused deputy). */
export const permissionSource = resourceRule({
  name: "lambda-permission-source",
  description: "A service that may call a function may do so only for a source of ours.",
  framework: control("Lambda.1"),
  remediation: "Set sourceArn or sourceAccount.",
  presenceOf: ["sourceArn", "sourceAccount", "principalOrgId"],
  types: [PERMISSION],
  check(permission, report) {
    const principal = permission.at("principal").text("");
    if (principal === TROUBLE) return;
    const named =
      !permission.at("sourceArn").isAbsent ||
      !permission.at("sourceAccount").isAbsent ||
      !permission.at("principalOrgId").isAbsent;
    if (principal === "*" || (principal.includes(".") && !named))
      report(
        permission,
        `${principal === "*" ? "everybody" : principal} may call the function for anybody: set sourceArn or sourceAccount.`,
      );
  },
});

export const secretRotates = stackRule({
  name: "secretsmanager-rotation",
  description: "A secret is rotated by itself.",
  severity: "medium",
  framework: control("SecretsManager.1"),
  remediation: "Give the secret a SecretRotation, or let the service that needs it manage it.",
  check(stack, report) {
    for (const secret of stack.of(SECRET))
      if (stack.linkedTo(secret, ROTATION, "secretId").length === 0)
        report(secret, "nothing rotates it: give it a SecretRotation.");
  },
});

export const keyRotates = resourceRule({
  name: "kms-rotation",
  description: "A key of our own is rotated by itself.",
  severity: "medium",
  framework: control("KMS.4"),
  remediation: "Set enableKeyRotation to true.",
  types: [KEY],
  check(key, report) {
    const symmetric =
      key.at("keyUsage").text("ENCRYPT_DECRYPT") === "ENCRYPT_DECRYPT" &&
      key.at("customerMasterKeySpec").text("SYMMETRIC_DEFAULT") === "SYMMETRIC_DEFAULT";
    if (symmetric && key.at("enableKeyRotation").flag(false) === false)
      report(key, "enableKeyRotation is not true: set it.");
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
