import { UNRESOLVED, type Unresolved, type Value } from "../value.ts";

/** One statement of an IAM policy, its lists filled in. */
export interface Statement {
  readonly allows: boolean;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly value: Value;
}

/** The statements of a policy document, JSON or an object; UNRESOLVED where one of them cannot be read. */
export function statementsOf(policy: Value): readonly Statement[] | Unresolved {
  // An unknown document is noted by its own path, not by that of its parts.
  if (policy.isUnknown) {
    policy.text("");
    return UNRESOLVED;
  }
  const items = policy.at("Statement").items();
  if (items === UNRESOLVED) return UNRESOLVED;
  const statements: Statement[] = [];
  for (const value of items) {
    const effect = value.at("Effect").text("");
    const actions = namedOrRest(value, "Action");
    const resources = namedOrRest(value, "Resource");
    if (effect === UNRESOLVED || actions === UNRESOLVED || resources === UNRESOLVED) return UNRESOLVED;
    statements.push({ allows: effect === "Allow", actions, resources, value });
  }
  return statements;
}

/** What a statement names, or `*` where it names what it is not about. */
const namedOrRest = (statement: Value, key: string): readonly string[] | Unresolved =>
  statement.at(`Not${key}`).isAbsent ? statement.at(key).texts() : ["*"];

/** Whether a statement is of everybody, or of everybody but some. */
export function isOfEverybody({ value, allows }: Statement): boolean {
  if (allows && !value.at("NotPrincipal").isAbsent) return true;
  const principal = value.at("Principal");
  const named = (principal.isObject ? principal.at("AWS") : principal).texts();
  return named !== UNRESOLVED && named.includes("*");
}

/** Keys of conditions that tell callers apart, as S3 takes them in what it calls a public policy. */
const WHO = /^(aws:(source|principal|federated|userid|vpcsource)|s3:dataaccesspoint|kms:(calleraccount|viaservice))/i;

/** Whether a statement holds only for callers that a condition picks out: TLS alone picks out nobody. */
export function isLimited({ value }: Statement): boolean {
  const conditions = value.at("Condition");
  const tests = conditions.keys();
  if (tests === UNRESOLVED) return false;
  return tests.some((test) => {
    const keys = conditions.at(test).keys();
    return keys !== UNRESOLVED && keys.some((key) => WHO.test(key));
  });
}

/** Whether a document turns away whoever comes without TLS. */
export const isTlsOnly = (statements: readonly Statement[]): boolean =>
  statements.some(
    (one) =>
      !one.allows &&
      isOfEverybody(one) &&
      one.actions.some((action) => action === "*" || /^\w+:\*$/.test(action)) &&
      ["Bool", "BoolIfExists"].some((test) => isFalse(one.value.at(`Condition.${test}.aws:SecureTransport`))),
  );

/** Whether a condition asks for false: a value, or a list of one. */
function isFalse(value: Value): boolean {
  if (!value.isList) return value.flag(undefined) === false;
  const items = value.items();
  return items !== UNRESOLVED && items.length > 0 && items.every((item) => item.flag(undefined) === false);
}
