import { matchesGlob } from "node:path/posix";
import type { PolicyDocument, PolicyStatement } from "./policy.ts";

/** A policy with one element removed or widened. */
export interface Mutant {
  readonly title: string;
  readonly document: PolicyDocument;
  /** Returns true if the outcome of a request for the action can differ from that under the original policy. */
  readonly affects: (action: string) => boolean;
}

/**
 * Returns true if resources are unlimited: `*`, or all resources of a type in the account, in every region. Resources of
 * another account would also require a policy there.
 */
const isUnlimited = (resources: string | string[]): boolean =>
  listOf(resources).includes("*") ||
  listOf(resources).every((arn) => /^arn:aws:[a-z0-9-]+:\*?:(\d{12})?:[\w-]+[/:]\*$/.test(arn));

/** Returns true if a resource's policy names only the resource and its contents; it is evaluated for nothing else. */
const isOwnResource = (resource: string | undefined, { Resource }: PolicyStatement): boolean =>
  resource !== undefined && listOf(Resource).every((arn) => arn === resource || arn === `${resource}/*`);

/**
 * Lists the mutants of a policy. Each lacks one statement, or one action, resource, principal, condition or condition value
 * of a statement, or has a statement's resources widened to all. A test of permissions must fail for each.
 *
 * @param resource - ARN of the resource to which the policy belongs, if any.
 */
export function* mutantsOf(document: PolicyDocument, resource?: string): Generator<Mutant> {
  for (const [index, statement] of document.Statement.entries()) {
    const label = `statement ${statement.Sid ?? index + 1} (${listOf(statement.Action ?? statement.NotAction)[0]} …)`;
    const affects = (action: string) => isNamed(action, statement);
    const others = document.Statement.toSpliced(index, 1);
    const Statement = others.length > 0 ? others : [NO_PERMISSIONS];
    yield { title: `${label} removed`, document: { ...document, Statement }, affects };
    for (const [title, changed] of changes(statement, resource))
      yield {
        title: `${label}: ${title}`,
        document: { ...document, Statement: document.Statement.with(index, changed) },
        affects,
      };
  }
}

/** Returns true if a statement's actions include an action. A statement with NotAction may include any action. */
function isNamed(action: string, { Action }: PolicyStatement): boolean {
  if (Action === undefined) return true;
  return listOf(Action).some((pattern) => matchesGlob(action.toLowerCase(), pattern.toLowerCase()));
}

/** A policy may not be empty; this statement matches no request of the tables. */
const NO_PERMISSIONS: PolicyStatement = { Effect: "Deny", Action: "none:None", Resource: "arn:aws:none:::none" };

function* changes(statement: PolicyStatement, resource: string | undefined): Generator<[string, PolicyStatement]> {
  for (const key of ["Action", "NotAction", "Resource", "NotResource"] as const) {
    const values = listOf(statement[key]);
    if (values.length > 1)
      for (const [index, value] of values.entries())
        yield [`${key} ${value} removed`, { ...statement, [key]: values.toSpliced(index, 1) }];
  }
  if (statement.Resource !== undefined && !isUnlimited(statement.Resource) && !isOwnResource(resource, statement))
    yield ["Resource widened to *", { ...statement, Resource: "*" }];
  yield* principals(statement);
  yield* conditions(statement);
}

function* principals(statement: PolicyStatement): Generator<[string, PolicyStatement]> {
  if (statement.Principal === undefined || statement.Principal === "*") return;
  for (const [kind, arn] of Object.entries(statement.Principal)) {
    const values = listOf(arn);
    if (values.length > 1)
      for (const [index, value] of values.entries())
        yield [
          `Principal ${value} removed`,
          { ...statement, Principal: { ...statement.Principal, [kind]: values.toSpliced(index, 1) } },
        ];
  }
}

function* conditions(statement: PolicyStatement): Generator<[string, PolicyStatement]> {
  const { Condition, ...unconditional } = statement;
  for (const [operator, keys] of Object.entries(Condition ?? {}))
    for (const [key, value] of Object.entries(keys)) {
      const { [key]: _, ...otherKeys } = keys;
      const { [operator]: __, ...otherOperators } = Condition ?? {};
      const rest = Object.keys(otherKeys).length > 0 ? { ...otherOperators, [operator]: otherKeys } : otherOperators;
      yield [
        `condition ${operator} ${key} removed`,
        Object.keys(rest).length > 0 ? { ...unconditional, Condition: rest } : unconditional,
      ];
      const values = listOf(value);
      if (values.length > 1)
        for (const [index, element] of values.entries())
          yield [
            `value ${element} of condition ${key} removed`,
            { ...statement, Condition: { ...Condition, [operator]: { ...keys, [key]: values.toSpliced(index, 1) } } },
          ];
    }
}

/** Returns the value of a statement's element as a list. */
export const listOf = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
