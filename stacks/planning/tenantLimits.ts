import { LIMITS, PULUMI_SUFFIX } from "../../infra/limits/limits.ts";
import type { ConfigCheck, ConfigProblem } from "../config/problem.ts";
import type { StackConfig } from "../config/schema.ts";

/** Upper bounds of the use of the limits by a stack without tenants, with the longest names. */
export const USE_WITHOUT_TENANTS = {
  /** Characters of the largest role's policies: the dispatcher's, with OpenSearch. */
  policies: 5_400,
  /** Bytes of the EC2 runner's user data, not counting longSettings. */
  userData: 6_700,
} as const;

/** An AWS limit whose use grows with every tenant. */
interface TenantLimit {
  /** Resource that is limited, for messages. */
  readonly resource: string;
  readonly limit: number;
  readonly unit: string;
  /** Service that sets the limit. */
  readonly service: string;
  /** Use without tenants. */
  readonly fixed: number;
  /** Returns the use that a tenant adds. */
  readonly useOf: (tenant: string) => number;
}

/** Returns the settings without a short maximum length that are in an EC2 runner's user data, by key. */
const longSettings = ({ api: { signIn, domainName }, jobs, traces }: StackConfig) => ({
  "jobs.urlHosts": jobs.urlHosts,
  "jobs.sharedUploads": jobs.sharedUploads,
  "api.signIn.oidc": signIn.oidc && { ...signIn.oidc, publicUrl: `https://${domainName}` },
  traces,
});

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? "");

/** Returns the name of the tenant's response queue, without Pulumi's suffix (infra/queues.ts). */
const queueOf = (stack: string, tenant: string) => `rates-${stack}-queues-responses-${tenant}`;

/**
 * Lists the limits on tenants. Every tenant has a queue. Its ARN is in the policies of all roles that send responses,
 * and its URL is in the settings in an EC2 runner's user data. Unless longSettings are long, the policies reach their
 * limit first. Lambda's limit of 4 KB for environment variables does not apply: the dispatcher's settings are a file.
 */
function limitsOf(config: StackConfig, stack: string): TenantLimit[] {
  const { region, id } = config.account;
  const name = (tenant: string) => queueOf(stack, tenant).length + PULUMI_SUFFIX;
  return [
    {
      resource: "the dispatcher's policy",
      limit: LIMITS.rolePolicies.value,
      unit: "characters",
      service: "IAM",
      fixed: USE_WITHOUT_TENANTS.policies,
      useOf: (tenant) => `"arn:aws:sqs:${region}:${id}:",`.length + name(tenant),
    },
    {
      resource: "the EC2 runner's user data",
      limit: LIMITS.ec2UserData.value,
      unit: "bytes",
      service: "EC2",
      fixed: USE_WITHOUT_TENANTS.userData + bytesOf(longSettings(config)),
      useOf: (tenant) => `"${tenant}":"https://sqs.${region}.amazonaws.com/${id}/",`.length + name(tenant),
    },
  ];
}

/** Returns the number of configured tenants, counted from the first, that fit into a stack. */
export const maxTenantCount = (config: StackConfig, stack: string): number =>
  Math.min(...limitsOf(config, stack).map((tenantLimit) => countWithin(tenantLimit, config.tenants)));

function countWithin({ limit, fixed, useOf }: TenantLimit, tenants: readonly string[]): number {
  let used = fixed;
  const firstExcess = tenants.findIndex((tenant) => {
    used += useOf(tenant);
    return used > limit;
  });
  return firstExcess === -1 ? tenants.length : firstExcess;
}

/** Rejects tenants, tenant names, callers and long settings that exceed AWS's limits. */
export const tenantCheck: ConfigCheck = {
  reads: [
    "tenants",
    "callers.*.principal",
    "account.region",
    "account.id",
    "jobs.urlHosts",
    "jobs.sharedUploads",
    "api.signIn.oidc",
    "api.domainName",
    "traces",
  ],
  problemsOf: checkTenants,
};

function checkTenants(config: StackConfig, stack: string): ConfigProblem[] {
  const { tenants, callers } = config;
  const problems: ConfigProblem[] = [];
  for (const [index, tenant] of tenants.entries()) {
    const excess = queueOf(stack, tenant).length + PULUMI_SUFFIX - LIMITS.sqsName.value;
    if (excess > 0)
      problems.push({
        key: `tenants.${index}`,
        value: tenant,
        message: `makes the name of its queue in stack '${stack}' ${LIMITS.sqsName.value + excess} characters long, and SQS's maximum is ${LIMITS.sqsName.value}: shorten the tenant's or the stack's name by ${excess}.`,
      });
  }
  for (const tenantLimit of limitsOf(config, stack)) {
    const { resource, limit, unit, service, fixed, useOf } = tenantLimit;
    const size = tenants.reduce((sum, tenant) => sum + useOf(tenant), fixed);
    if (size <= limit) continue;
    if (fixed > limit) {
      const [longest] = Object.entries(longSettings(config)).sort(([, a], [, b]) => bytesOf(b) - bytesOf(a));
      problems.push({
        key: longest?.[0] ?? "",
        message: `makes ${resource} ${fixed} ${unit} long even without tenants, ${fixed - limit} more than ${service} allows (${limit}): shorten it.`,
      });
      continue;
    }
    const maxTenants = countWithin(tenantLimit, tenants);
    problems.push({
      key: "tenants",
      value: tenants.length,
      message: `make ${resource} ${size} ${unit} long, ${size - limit} more than ${service} allows (${limit}): ${maxTenants} of them fit. Remove ${tenants.length - maxTenants} (they then use the shared response queue), shorten the tenants' names, or move some tenants to another stack.`,
    });
  }
  const principals = new Set(callers.map(({ principal }) => principal)).size;
  const maxPrincipals = LIMITS.sqsPrincipals.value;
  if (principals > maxPrincipals)
    problems.push({
      key: "callers",
      value: principals,
      message: `are ${principals - maxPrincipals} more than the ${maxPrincipals} principals that a queue's policy allows: name an account (arn:aws:iam::<id>:root) instead of its roles.`,
    });
  return problems;
}
