import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ServiceQuotasClient,
} from "@aws-sdk/client-service-quotas";
import { GetCallerIdentityCommand, STSClient, STSServiceException } from "@aws-sdk/client-sts";
import { LIMITS, type Limit } from "../../../infra/limits/limits.ts";
import type { StackConfig } from "../../../stacks/config/schema.ts";
import { ec2Limits } from "../../../stacks/planning/usage.ts";
import { reasonOf } from "../../contract/reason.ts";
import { type Check, failed, passed, skipped } from "./doctor.ts";

const LOG_IN_REMEDY =
  "Log in to the stack's account (aws sso login --profile NAME, then AWS_PROFILE=NAME), and run this again.";
/** Service Quotas allows few requests per second; three retries outlast its throttling. */
const MAX_ATTEMPTS = 4;

type Quota = Exclude<keyof StackConfig["quotas"], "share">;

/** Returns the AWS limits that a quota of the stack's configuration stands for. */
const limitsOf = (quota: Quota, config: StackConfig): readonly (keyof typeof LIMITS)[] =>
  quota === "ec2Vcpus" ? ec2Limits(config) : [quota];

/** Checks the AWS credentials of this machine, and compares the account's quotas with the stack's configuration. */
export async function awsChecks(stack: string, config: StackConfig): Promise<Check[]> {
  const { id, region } = config.account;
  const client = { region, maxAttempts: MAX_ATTEMPTS };
  let account: string | undefined;
  try {
    const identity = await new STSClient(client).send(new GetCallerIdentityCommand({}));
    account = identity.Account;
    if (account !== id)
      return [
        failed(
          "AWS account",
          `${identity.Arn} belongs to account ${account}, but stack ${stack} to ${id}`,
          LOG_IN_REMEDY,
        ),
        skipped("quotas", "these credentials belong to another account", LOG_IN_REMEDY),
      ];
    return [
      passed("AWS account", `${identity.Arn}`),
      ...(await quotaChecks(stack, config, new ServiceQuotasClient(client))),
    ];
  } catch (error) {
    const check = failedIdentityCheck(error, region);
    return [check, skipped("quotas", "the AWS account was not verified", check.remedy)];
  }
}

/** Returns the check of the AWS account when GetCallerIdentity failed. */
function failedIdentityCheck(error: unknown, region: string): Required<Check> {
  const name = "AWS account";
  const reason = reasonOf(error);
  if (error instanceof Error && error.name === "CredentialsProviderError")
    return skipped(name, `no usable AWS credentials: ${reason}`, LOG_IN_REMEDY);
  if (error instanceof STSServiceException && error.$fault === "client")
    return failed(name, `AWS refuses the credentials: ${reason}`, LOG_IN_REMEDY);
  return failed(
    name,
    `the AWS credentials could not be verified: ${reason}`,
    `Check that this machine can connect to AWS (sts.${region}.amazonaws.com), and run this again.`,
  );
}

/** Compares the configured quotas with those in Service Quotas. Quotas that cannot be read are reported as skipped. */
async function quotaChecks(stack: string, config: StackConfig, client: ServiceQuotasClient): Promise<Check[]> {
  const { share: _, ...quotas } = config.quotas;
  const checks: Check[] = [];
  const comparisons = (Object.entries(quotas) as [Quota, number][]).flatMap(([name, assumed]) =>
    limitsOf(name, config).map((limit, _, { length }) => ({ name, assumed, limit, isOneOfSeveral: length > 1 })),
  );
  for (const { name, assumed, limit, isOneOfSeveral } of comparisons) {
    const { quota, unit }: Limit = LIMITS[limit];
    if (!quota) continue;
    const check = isOneOfSeveral ? `quotas.${name} (${quota.code})` : `quotas.${name}`;
    try {
      const granted = await grantedQuota({ ServiceCode: quota.service, QuotaCode: quota.code }, client);
      if (granted === undefined) throw new Error("Service Quotas returned no value");
      checks.push(
        quotaCheck({ check, stack, assumed, granted, unit, code: quota.code, region: config.account.region }),
      );
    } catch (error) {
      checks.push(
        skipped(
          check,
          `Service Quotas does not return ${quota.code}: ${reasonOf(error)}`,
          "Let these credentials call servicequotas:GetServiceQuota and GetAWSDefaultServiceQuota, or check the quota in the console under Service Quotas.",
        ),
      );
    }
  }
  return checks;
}

/** Returns the account's quota: the granted value or, for a quota that was never changed, AWS's default. */
async function grantedQuota(
  quota: { ServiceCode: string; QuotaCode: string },
  client: ServiceQuotasClient,
): Promise<number | undefined> {
  try {
    return (await client.send(new GetServiceQuotaCommand(quota))).Quota?.Value;
  } catch (error) {
    if ((error as Error).name !== "NoSuchResourceException") throw error;
    return (await client.send(new GetAWSDefaultServiceQuotaCommand(quota))).Quota?.Value;
  }
}

interface QuotaComparison {
  check: string;
  stack: string;
  assumed: number;
  granted: number;
  unit: string;
  code: string;
  region: string;
}

/** Checks that the account has at least the quota that the stack assumes. */
export function quotaCheck({ check, stack, assumed, granted, unit, code, region }: QuotaComparison): Check {
  const grantedText = `${granted} ${unit}`;
  if (granted < assumed)
    return failed(
      check,
      `the account has ${grantedText}, and Pulumi.${stack}.yaml assumes ${assumed}`,
      `Write ${granted} there, or have quota ${code} raised in ${region} (stacks/account/ requests it).`,
    );
  return passed(check, granted === assumed ? grantedText : `${grantedText}; the stack assumes ${assumed}`);
}
