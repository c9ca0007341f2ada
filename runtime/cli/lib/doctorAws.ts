import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ServiceQuotasClient,
} from "@aws-sdk/client-service-quotas";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { LIMITS, type Limit } from "../../../infra/limits/limits.ts";
import type { StackConfig } from "../../../stacks/config/schema.ts";
import { ec2Limits } from "../../../stacks/planning/usage.ts";
import { reasonOf } from "../../contract/reason.ts";
import { type Check, failed, passed, skipped } from "./doctor.ts";

const LOG_IN_REMEDY =
  "Log in to the stack's account (aws sso login --profile NAME, then AWS_PROFILE=NAME), and run this again.";
/** Service Quotas allows few requests per second; three retries outlast its throttle. */
const MAX_ATTEMPTS = 4;

type Quota = Exclude<keyof StackConfig["quotas"], "share">;

/** Returns the AWS limits of a stack's quota. */
const limitsOf = (quota: Quota, config: StackConfig): readonly (keyof typeof LIMITS)[] =>
  quota === "ec2Vcpus" ? ec2Limits(config) : [quota];

/**
 * Checks the AWS credentials of this machine, and the account's quotas against those that the stack is planned with.
 */
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
    const none = error instanceof Error && error.name === "CredentialsProviderError";
    return [
      none
        ? skipped("AWS account", "no AWS credentials found", LOG_IN_REMEDY)
        : failed("AWS account", `AWS refuses the credentials: ${reasonOf(error)}`, LOG_IN_REMEDY),
      skipped("quotas", "no valid credentials", LOG_IN_REMEDY),
    ];
  }
}

/** Compares the quotas that the stack uses with Service Quotas; those that cannot be read are reported as skipped. */
async function quotaChecks(stack: string, config: StackConfig, client: ServiceQuotasClient): Promise<Check[]> {
  const { share: _, ...quotas } = config.quotas;
  const checks: Check[] = [];
  const counts = (Object.entries(quotas) as [Quota, number][]).flatMap(([name, counted]) =>
    limitsOf(name, config).map((limit, _, { length }) => ({ name, counted, limit, isOneOfSeveral: length > 1 })),
  );
  for (const { name, counted, limit, isOneOfSeveral } of counts) {
    const { quota, unit }: Limit = LIMITS[limit];
    if (!quota) continue;
    const check = isOneOfSeveral ? `quotas.${name} (${quota.code})` : `quotas.${name}`;
    try {
      const granted = await grantedOf({ ServiceCode: quota.service, QuotaCode: quota.code }, client);
      if (granted === undefined) throw new Error("Service Quotas returned no value");
      checks.push(
        quotaCheck({ check, stack, counted, granted, unit, code: quota.code, region: config.account.region }),
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

/** Returns the quota of the account: the granted value, or AWS's default (a second call) if it was never changed. */
async function grantedOf(
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

interface QuotaRequest {
  check: string;
  stack: string;
  counted: number;
  granted: number;
  unit: string;
  code: string;
  region: string;
}

export function quotaCheck({ check, stack, counted, granted, unit, code, region }: QuotaRequest): Check {
  const figures = `${granted} ${unit}`;
  if (granted < counted)
    return failed(
      check,
      `the account has ${figures}, and Pulumi.${stack}.yaml assumes ${counted}`,
      `Write ${granted} there, or have ${code} raised in ${region} (stacks/account/ asks for it).`,
    );
  return passed(check, granted === counted ? figures : `${figures}; the stack assumes ${counted}`);
}
