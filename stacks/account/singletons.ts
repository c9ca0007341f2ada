import { LogGroup } from "@pulumi/aws/cloudwatch/logGroup.js";
import { LogResourcePolicy } from "@pulumi/aws/cloudwatch/logResourcePolicy.js";
import { EncryptionByDefault } from "@pulumi/aws/ebs/encryptionByDefault.js";
import { ServiceLinkedRole } from "@pulumi/aws/iam/serviceLinkedRole.js";
import { AccountPublicAccessBlock } from "@pulumi/aws/s3/accountPublicAccessBlock.js";
import { ServiceQuota } from "@pulumi/aws/servicequotas/serviceQuota.js";
import * as pulumi from "@pulumi/pulumi";
import { LIMITS, type Limit } from "../../infra/limits/limits.ts";
import { TRACKING_LOGS } from "../../infra/tracking.ts";

/** Arguments of the resources that exist once per account and region. */
export interface AccountSingletonsArgs {
  readonly id: string;
  readonly region: string;
  readonly serviceLinkedRoles: readonly string[];
  /** Requested values by the quota's name in infra/limits/limits.ts. */
  readonly quotas: Readonly<Record<string, number>>;
}

/** Retention in days of the log groups of Glue, which all its jobs in the account share. */
const GLUE_LOG_DAYS = 30;

/** Service-linked roles, shared log groups, secure defaults, quota requests. */
export class AccountSingletons extends pulumi.ComponentResource {
  constructor(name: string, args: AccountSingletonsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:account:AccountSingletons", name, {}, opts);
    const child = { parent: this };
    for (const service of args.serviceLinkedRoles)
      new ServiceLinkedRole(
        `${name}-${service.split(".")[0]}`,
        { awsServiceName: service },
        { ...child, retainOnDelete: true },
      );
    for (const stream of ["output", "error"])
      new LogGroup(
        `${name}-glue-${stream}`,
        { name: `/aws-glue/python-jobs/${stream}`, retentionInDays: GLUE_LOG_DAYS },
        child,
      );
    // OpenSearch writes logs only if a resource policy of the account allows it; an account can have ten such policies.
    new LogResourcePolicy(
      `${name}-search`,
      {
        policyName: "rates-opensearch",
        policyDocument: JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Allow",
              Principal: { Service: "es.amazonaws.com" },
              Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
              Resource: `arn:aws:logs:${args.region}:${args.id}:log-group:${TRACKING_LOGS}*`,
              Condition: { StringEquals: { "aws:SourceAccount": args.id } },
            },
          ],
        }),
      },
      child,
    );
    new AccountPublicAccessBlock(
      name,
      { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
      child,
    );
    new EncryptionByDefault(name, { enabled: true }, child);
    // A quota request does not wait for approval, and destroy lowers no quota. Capacity is planned from granted values.
    const limits: Readonly<Record<string, Limit>> = LIMITS;
    for (const [limit, value] of Object.entries(args.quotas)) {
      const quota = limits[limit]?.quota;
      if (quota)
        new ServiceQuota(
          `${name}-${limit}`,
          { serviceCode: quota.service, quotaCode: quota.code, value },
          { ...child, retainOnDelete: true },
        );
    }
    this.registerOutputs({});
  }
}
