import { TROUBLE, type Trouble, type Value } from "../value.ts";

/** One statement of an IAM policy, its lists filled in. */
export interface Statement {
  readonly allows: boolean;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly value: Value;
}

/** The statements of a policy document, JSON or an object; TROUBLE where one of them cannot be read. */
export function statementsOf(policy: Value): readonly Statement[] | Trouble {
  // An unknown document is noted by its own path, not by that of its parts.
  if (policy.isUnknown) {
    policy.text("");
    return TROUBLE;
  }
  const items = policy.at("Statement").items();
  if (items === TROUBLE) return TROUBLE;
  const statements: Statement[] = [];
  for (const value of items) {
    const effect = value.at("Effect").text("");
    const actions = value.at("Action").texts();
    const resources = value.at("Resource").texts();
    if (effect === TROUBLE || actions === TROUBLE || resources === TROUBLE) return TROUBLE;
    statements.push({ allows: effect === "Allow", actions, resources, value });
  }
  return statements;
}

/** Whether a statement is of everybody. */
export function isOfEverybody({ value }: Statement): boolean {
  const principal = value.at("Principal");
  const named = (principal.isObject ? principal.at("AWS") : principal).texts();
  return named !== TROUBLE && named.includes("*");
}

/** Whether a document turns away whoever comes without TLS. */
export const isTlsOnly = (statements: readonly Statement[]): boolean =>
  statements.some(
    (one) =>
      !one.allows &&
      isOfEverybody(one) &&
      one.actions.some((action) => action === "*" || /^\w+:\*$/.test(action)) &&
      one.value.at("Condition.Bool.aws:SecureTransport").flag(undefined) === false,
  );
