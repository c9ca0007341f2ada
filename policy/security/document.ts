import { isIP } from "node:net";
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
  // Reading the document itself reports its own path, not a statement's.
  if (policy.isUnknown) {
    policy.text("");
    return UNRESOLVED;
  }
  const items = policy.at("Statement").items();
  if (items === UNRESOLVED) return UNRESOLVED;
  const statements: Statement[] = [];
  for (const value of items) {
    const effect = value.at("Effect").text("");
    const allows = effect === "Allow";
    const actions = valuesOf(value, "Action", allows);
    const resources = valuesOf(value, "Resource", allows);
    if (effect === UNRESOLVED || actions === UNRESOLVED || resources === UNRESOLVED) return UNRESOLVED;
    statements.push({ allows, actions, resources, value });
  }
  return statements;
}

/**
 * Returns the actions or resources of a statement. One that only names exceptions (NotAction, NotResource) counts as an
 * Allow of everything, or as a Deny of nothing.
 */
function valuesOf(statement: Value, element: "Action" | "Resource", allows: boolean): readonly string[] | Unresolved {
  if (statement.at(`Not${element}`).isAbsent) return statement.at(element).texts();
  return allows ? ["*"] : [];
}

/** Returns true if a statement applies to everyone, or allows everyone except some principals. */
export function appliesToEveryone({ value, allows }: Statement): boolean {
  if (allows && !value.at("NotPrincipal").isAbsent) return true;
  const principal = value.at("Principal");
  const principals = (principal.isObject ? principal.at("AWS") : principal).texts();
  return principals !== UNRESOLVED && principals.includes("*");
}

/** One comparison of a statement's Condition. All of them must be true for the statement to apply. */
interface Condition {
  readonly operator: string;
  readonly key: string;
  readonly value: Value;
}

/** Returns the comparisons of a statement; none if they cannot be read. */
function conditionsOf({ value }: Statement): readonly Condition[] {
  const conditions = value.at("Condition");
  const operators = conditions.keys();
  if (operators === UNRESOLVED) return [];
  return operators.flatMap((operator) => {
    const comparisons = conditions.at(operator);
    const keys = comparisons.keys();
    return keys === UNRESOLVED ? [] : keys.map((key) => ({ operator, key, value: comparisons.at(key) }));
  });
}

/** Operators that are false for a request without the key and for every value but the given ones. */
const POSITIVE_OPERATORS =
  /^(ForAnyValue:)?(StringEquals|StringEqualsIgnoreCase|StringLike|ArnEquals|ArnLike|IpAddress)$/i;

/** Keys that identify callers, in S3's definition of a public policy (Amazon S3 User Guide, The meaning of "public"). */
const CALLER_KEYS =
  /^(aws:Principal(Account|Arn|OrgID|OrgPaths|ServiceName)|aws:Source(Account|Arn|Owner|Vpc|Vpce)|aws:userid|s3:DataAccessPoint(Account|Arn))$/i;

/** An access point of a named account: according to that definition, its name may contain wildcards. */
const ACCOUNT_ACCESS_POINT = /^arn:[^:*?$]+:s3:[^:*?$]*:\d{12}:accesspoint\/[^$]+$/;

/** Returns true if a condition limits a statement to certain callers or networks; TLS alone does not. */
export const isLimited = (statement: Statement): boolean =>
  conditionsOf(statement).some(({ operator, key, value }) => {
    if (!POSITIVE_OPERATORS.test(operator)) return false;
    const isLimiting = /^aws:SourceIp$/i.test(key) ? isNarrowRange : CALLER_KEYS.test(key) ? isFixed : undefined;
    if (isLimiting === undefined) return false;
    const values = value.texts();
    return values === UNRESOLVED || (values.length > 0 && values.every(isLimiting));
  });

/** Returns true for a value without wildcards and policy variables. */
const isFixed = (value: string): boolean => !/[*?]|\$\{/.test(value) || ACCOUNT_ACCESS_POINT.test(value);

/** Returns true for an address, and for a range that S3 does not consider public: at least /8, or /32 for IPv6. */
function isNarrowRange(range: string): boolean {
  const [address = "", length] = range.split("/");
  const version = isIP(address);
  return version !== 0 && (length === undefined || Number(length) >= (version === 4 ? 8 : 32));
}

/** Returns true if a policy denies all requests without TLS to a bucket and its objects, or to a queue. */
export function isTlsOnly(statements: readonly Statement[], service: "s3" | "sqs"): boolean {
  const denied = statements
    .filter((statement) => deniesWithoutTls(statement, service))
    .flatMap(({ resources }) => resources);
  // A bucket's ARN has no slash; its objects' ARNs have one after the bucket's name.
  return (
    denied.some((resource) => !resource.includes("/")) &&
    (service === "sqs" || denied.some((resource) => /^[^/]*\/?\*$/.test(resource)))
  );
}

/** Returns true if a statement denies every action of a service to everyone without TLS, under no other condition. */
function deniesWithoutTls(statement: Statement, service: string): boolean {
  const conditions = conditionsOf(statement);
  return (
    !statement.allows &&
    appliesToEveryone(statement) &&
    statement.actions.some((action) => action === "*" || action.toLowerCase() === `${service}:*`) &&
    conditions.length > 0 &&
    conditions.every(
      ({ operator, key, value }) =>
        /^Bool(IfExists)?$/i.test(operator) && /^aws:SecureTransport$/i.test(key) && isFalse(value),
    )
  );
}

/** Returns true if a condition's value is false, or a list that contains only false. */
function isFalse(value: Value): boolean {
  if (!value.isList) return value.flag(undefined) === false;
  const items = value.items();
  return items !== UNRESOLVED && items.length > 0 && items.every((item) => item.flag(undefined) === false);
}
