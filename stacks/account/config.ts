import { RunError } from "@pulumi/pulumi/errors.js";
import Type from "typebox";
import Value from "typebox/value";
import { LIMITS, type Limit } from "../../infra/limits/limits.ts";
import { partitionProblem } from "../../infra/limits/partitions.ts";
import { isObject, problemsOf, suggestion } from "../../runtime/contract/problems.ts";
import { listProblems, parseValue } from "../config/parse.ts";
import type { ConfigProblem } from "../config/problem.ts";

const strictObject = { additionalProperties: false } as const;

/** Configuration of the account program. */
export const AccountConfig = Type.Object(
  {
    account: Type.Object(
      {
        id: Type.String({ pattern: "^[0-9]{12}$", description: "12-digit id of the AWS account, in quotes" }),
        region: Type.String({ pattern: "^[a-z]{2,4}(-[a-z]+)+-[1-9]$", description: "for example eu-central-1" }),
        repository: Type.String({
          pattern: "^[\\w.-]+/[\\w.-]+$",
          description: "GitHub repository (owner/name) whose workflows may log in",
        }),
        stacks: Type.Array(Type.String({ pattern: "^[a-z][a-z0-9-]*$" }), {
          minItems: 1,
          description: "names of the stacks in this account; each is also an environment of the repository",
        }),
      },
      strictObject,
    ),
    serviceLinkedRoles: Type.Array(Type.String({ pattern: "^[a-z0-9.-]+\\.amazonaws\\.com$" }), {
      default: [],
      description: "services whose service-linked roles the account lacks; the program creates them",
    }),
    quotas: Type.Record(Type.String(), Type.Number({ minimum: 1 }), {
      default: {},
      description: "quota increases to request: names from infra/limits/limits.ts with the requested values",
    }),
  },
  strictObject,
);
export type AccountConfig = Type.Static<typeof AccountConfig>;

const PREFIX = "rates-account:";

/**
 * Reads the configuration as Pulumi passes it.
 *
 * @throws RunError that lists all problems
 */
export function accountConfig(all: Readonly<Record<string, string>>): AccountConfig {
  const own = Object.entries(all)
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, text]) => [key.slice(PREFIX.length), parseValue(text)] as const);
  const config = Value.Default(AccountConfig, Object.fromEntries(own)) as AccountConfig;
  const problems: ConfigProblem[] = problemsOf(AccountConfig, config).map(({ field, value, message }) => ({
    key: field ?? "",
    ...(value === undefined ? {} : { value }),
    message,
  }));
  const partition = partitionProblem(String(config.account?.region));
  if (partition !== undefined)
    problems.push({ key: "account.region", value: config.account.region, message: partition });
  const adjustable = Object.entries<Limit>(LIMITS).flatMap(([name, { quota }]) => (quota ? [name] : []));
  for (const name of isObject(config.quotas) ? Object.keys(config.quotas) : [])
    if (!adjustable.includes(name))
      problems.push({
        key: `quotas.${name}`,
        message: `is not an adjustable limit of infra/limits/limits.ts.${suggestion(name, adjustable)}`,
      });
  if (problems.length > 0) throw new RunError(`The account's configuration is not valid:\n${listProblems(problems)}`);
  return config;
}
