import { LIMITS, PULUMI_SUFFIX } from "../../infra/limits/limits.ts";
import type { ConfigCheck, ConfigProblem } from "../config/problem.ts";
import type { StackConfig } from "../config/schema.ts";

/** Measured maximum use of a limit by a stack without tenants, with the longest names. */
export const WITHOUT_TENANTS = {
  /** Characters of the largest role's policies: the dispatcher's, with OpenSearch. */
  policies: 5_400,
  /** Bytes of the EC2 runner's user data, without jobs.urlHosts. */
  userData: 6_400,
} as const;

/** Use of a limit per tenant. */
interface TenantLimit {
  readonly what: string;
  readonly limit: number;
  readonly unit: string;
  readonly source: string;
  readonly fixed: number;
  readonly each: (tenant: string) => number;
}

/** Name of the tenant's response queue, before Pulumi's suffix (infra/queues.ts). */
const queueOf = (stack: string, tenant: string) => `rates-${stack}-queues-responses-${tenant}`;

/**
 * Every tenant has a queue, whose ARN is in the policies of all senders of responses, and whose URL is in the settings
 * in an EC2 runner's user data. (Lambda's 4 KB of environment are not affected: the dispatcher's settings are a file.)
 * The policies reach their limit first.
 */
function limitsOf({ account: { region, id }, jobs: { urlHosts } }: StackConfig, stack: string): TenantLimit[] {
  const name = (tenant: string) => queueOf(stack, tenant).length + PULUMI_SUFFIX;
  return [
    {
      what: "the dispatcher's policy",
      limit: LIMITS.rolePolicies.value,
      unit: "characters",
      source: "IAM",
      fixed: WITHOUT_TENANTS.policies,
      each: (tenant) => `"arn:aws:sqs:${region}:${id}:",`.length + name(tenant),
    },
    {
      what: "the EC2 runner's user data",
      limit: LIMITS.ec2UserData.value,
      unit: "bytes",
      source: "EC2",
      fixed: WITHOUT_TENANTS.userData + JSON.stringify(urlHosts).length,
      each: (tenant) => `"${tenant}":"https://sqs.${region}.amazonaws.com/${id}/",`.length + name(tenant),
    },
  ];
}

/** Returns how many of the configured tenants, in their order, fit into a stack. */
export const tenantsWithin = (config: StackConfig, stack: string): number =>
  Math.min(...limitsOf(config, stack).map((tenantLimit) => headroomOf(tenantLimit, config.tenants)));

function headroomOf({ limit, fixed, each }: TenantLimit, tenants: readonly string[]): number {
  let used = fixed;
  const over = tenants.findIndex((tenant) => {
    used += each(tenant);
    return used > limit;
  });
  return over === -1 ? tenants.length : over;
}

/** Rejects tenants, tenant names and callers beyond the services' limits. */
export const tenantCheck: ConfigCheck = {
  reads: ["tenants", "callers.*.principal", "account.region", "account.id", "jobs.urlHosts"],
  problemsOf: checkTenants,
};

function checkTenants(config: StackConfig, stack: string): ConfigProblem[] {
  const { tenants, callers } = config;
  const problems: ConfigProblem[] = [];
  for (const [index, tenant] of tenants.entries()) {
    const over = queueOf(stack, tenant).length + PULUMI_SUFFIX - LIMITS.sqsName.value;
    if (over > 0)
      problems.push({
        key: `tenants.${index}`,
        value: tenant,
        message: `makes the name of its queue ${LIMITS.sqsName.value + over} characters long with the stack's '${stack}'; SQS's maximum is ${LIMITS.sqsName.value}: shorten one of the two by ${over}.`,
      });
  }
  for (const tenantLimit of limitsOf(config, stack)) {
    const { what, limit, unit, source, fixed, each } = tenantLimit;
    const size = tenants.reduce((sum, tenant) => sum + each(tenant), fixed);
    if (size <= limit) continue;
    const maxTenants = headroomOf(tenantLimit, tenants);
    problems.push({
      key: "tenants",
      value: tenants.length,
      message: `make ${what} ${size} ${unit} long, ${size - limit} more than ${source} takes (${limit}): ${maxTenants} of them fit. Leave out ${tenants.length - maxTenants}, which then share one queue, give them shorter names, or use another stack for them.`,
    });
  }
  const principals = new Set(callers.map(({ principal }) => principal)).size;
  const maxPrincipals = LIMITS.sqsPrincipals.value;
  if (principals > maxPrincipals)
    problems.push({
      key: "callers",
      value: principals,
      message: `are ${principals - maxPrincipals} principals more than the ${maxPrincipals} that a queue's policy allows: name an account (arn:aws:iam::<id>:root) instead of its roles.`,
    });
  return problems;
}
