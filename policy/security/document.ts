import { UNRESOLVED, type Unresolved, type Value } from "../value.ts";

/** One statement of an IAM policy; single values are converted to lists. */
export interface Statement {
  readonly allows: boolean;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly value: Value;
}

/** Returns the statements of a policy document (JSON or an object); UNRESOLVED if one of them cannot be read. */
export function statementsOf(policy: Value): readonly Statement[] | Unresolved {
  // Reading the document itself reports its own path, not that of a part.
  if (policy.isUnknown) {
    policy.text("");
    return UNRESOLVED;
  }
  const items = policy.at("Statement").items();
  if (items === UNRESOLVED) return UNRESOLVED;
  const statements: Statement[] = [];
  for (const value of items) {
    const effect = value.at("Effect").text("");
    const actions = valuesOrWildcard(value, "Action");
    const resources = valuesOrWildcard(value, "Resource");
    if (effect === UNRESOLVED || actions === UNRESOLVED || resources === UNRESOLVED) return UNRESOLVED;
    statements.push({ allows: effect === "Allow", actions, resources, value });
  }
  return statements;
}

/** Returns the actions or resources of a statement; `*` if it uses the inverse element (NotAction, NotResource). */
const valuesOrWildcard = (statement: Value, key: string): readonly string[] | Unresolved =>
  statement.at(`Not${key}`).isAbsent ? statement.at(key).texts() : ["*"];

/** Returns true if a statement applies to everyone, or allows everyone except some principals. */
export function appliesToEveryone({ value, allows }: Statement): boolean {
  if (allows && !value.at("NotPrincipal").isAbsent) return true;
  const principal = value.at("Principal");
  const principals = (principal.isObject ? principal.at("AWS") : principal).texts();
  return principals !== UNRESOLVED && principals.includes("*");
}

/** Condition keys that identify callers, according to S3's definition of a public policy. */
const IDENTITY_KEYS =
  /^(aws:(source|principal|federated|userid|vpcsource)|s3:dataaccesspoint|kms:(calleraccount|viaservice))/i;

/** Returns true if a condition limits a statement to certain callers; TLS alone does not. */
export function isLimited({ value }: Statement): boolean {
  const conditions = value.at("Condition");
  const operators = conditions.keys();
  if (operators === UNRESOLVED) return false;
  return operators.some((test) => {
    const keys = conditions.at(test).keys();
    return keys !== UNRESOLVED && keys.some((key) => IDENTITY_KEYS.test(key));
  });
}

/** Returns true if a document denies requests without TLS. */
export const isTlsOnly = (statements: readonly Statement[]): boolean =>
  statements.some(
    (value) =>
      !value.allows &&
      appliesToEveryone(value) &&
      value.actions.some((action) => action === "*" || /^\w+:\*$/.test(action)) &&
      ["Bool", "BoolIfExists"].some((test) => isFalse(value.value.at(`Condition.${test}.aws:SecureTransport`))),
  );

/** Returns true if a condition's value is false, or a list that contains only false. */
function isFalse(value: Value): boolean {
  if (!value.isList) return value.flag(undefined) === false;
  const items = value.items();
  return items !== UNRESOLVED && items.length > 0 && items.every((item) => item.flag(undefined) === false);
}
