import { RunError } from "@pulumi/pulumi/errors.js";
import type { CapacityPlan } from "../infra/limits/capacity.ts";
import { listProblems, ownKeys, parseValue, planStack } from "./config/parse.ts";
import type { ConfigCheck, ConfigProblem } from "./config/problem.ts";
import { StackConfig } from "./config/schema.ts";

/** A stack with a valid configuration that fits its account. */
export interface ValidatedStack {
  readonly name: string;
  readonly config: StackConfig;
  readonly plan: CapacityPlan;
  /**
   * Role to assume.
   *
   * @default none: the ambient credentials are used
   */
  readonly roleArn?: string;
}

/**
 * Configuration key that disables default providers, so that no resource bypasses the provider that checks the account.
 */
const DISABLED_PROVIDERS_KEY = "pulumi:disable-default-providers";
/**
 * Environment variable with the role to assume. It is not part of the configuration, since deployments and previews
 * assume different roles.
 */
const ROLE_VARIABLE = "RATES_ROLE_ARN";

/**
 * Reads a stack's configuration as a Pulumi program receives it: every key with its prefix, every value as text,
 * which is JSON for objects and lists.
 *
 * @throws RunError that lists all problems of configuration and environment
 */
export function loadStack(
  name: string,
  allConfig: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>>,
): ValidatedStack {
  const { own, problems } = ownKeys(
    Object.fromEntries(Object.entries(allConfig).map(([key, text]) => [key, parseValue(text)] as const)),
  );
  // Values of unknown keys may be secrets and are not shown.
  const values = Object.entries(own).map(
    ([key, value]) => [key, key in StackConfig.properties ? value : REDACTED] as const,
  );
  const roleArn = env[ROLE_VARIABLE] || undefined;
  const planned = planStack(Object.fromEntries(values), name, roleArn ? roleChecks(roleArn) : []);
  const { config, plan } = planned;
  const allProblems = [...problems, ...defaultProviderProblems(allConfig), ...(planned.problems ?? [])];
  if (!config || allProblems.length > 0)
    throw new RunError(`Pulumi.${name}.yaml cannot be deployed:\n${listProblems(allProblems)}\nNothing was changed.`);
  return { name, config, plan, ...(roleArn ? { roleArn } : {}) };
}

const REDACTED = "(not shown)";

function defaultProviderProblems(allConfig: Readonly<Record<string, string>>): ConfigProblem[] {
  const disabled = allConfig[DISABLED_PROVIDERS_KEY];
  if (disabled !== undefined && Array.isArray(parseValue(disabled)) && disabled.includes('"aws"')) return [];
  return [
    {
      key: DISABLED_PROVIDERS_KEY,
      ...(disabled === undefined ? {} : { value: disabled }),
      message: 'must be ["aws"], so that no resource bypasses the provider that checks the account.',
    },
  ];
}

function roleChecks(roleArn: string): ConfigCheck[] {
  const id = /^arn:aws:iam::([0-9]{12}):role\/.+$/.exec(roleArn)?.[1];
  const problem = (message: string): ConfigProblem[] => [{ key: ROLE_VARIABLE, value: roleArn, message }];
  if (id === undefined) {
    const problems = problem("is not a role ARN: use arn:aws:iam::<account>:role/<name>, or unset it.");
    return [{ reads: [], problemsOf: () => problems }];
  }
  return [
    {
      reads: ["account.id"],
      problemsOf: ({ account }) =>
        id === account.id
          ? []
          : problem(
              `is a role of account ${id}, but the stack's account.id is ${account.id}: use a role of the stack's account.`,
            ),
    },
  ];
}
