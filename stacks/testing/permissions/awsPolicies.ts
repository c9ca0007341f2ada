import type { Policy, PolicyStatement } from "./policy.ts";

const managed = (name: string, statements: PolicyStatement[]): [string, Policy] => [
  `arn:aws:iam::aws:policy/${name}`,
  { name, document: { Version: "2012-10-17", Statement: statements } },
];

/** AWS managed policies that the programs attach, by ARN (AWS Managed Policy Reference Guide). */
export const AWS_POLICIES: ReadonlyMap<string, Policy> = new Map([
  managed("service-role/AmazonRDSEnhancedMonitoringRole", [
    {
      Effect: "Allow",
      Action: ["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
      Resource: ["arn:aws:logs:*:*:log-group:RDS*"],
    },
    {
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams", "logs:GetLogEvents"],
      Resource: ["arn:aws:logs:*:*:log-group:RDS*:log-stream:*"],
    },
  ]),
]);

/** An administrator's policy, as an attacker would attach it. */
export const ADMINISTRATOR: Policy = {
  name: "AdministratorAccess",
  document: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] },
};

/**
 * Returns the policy of an AWS managed key. Every user of the service in the account may use the key through the service
 * (AWS KMS Developer Guide, viewing the key policy of an AWS managed key).
 */
export const awsManagedKey = (account: string, viaService: string): Policy => ({
  name: `${viaService} (AWS managed key)`,
  document: {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: [
          "kms:Encrypt",
          "kms:Decrypt",
          "kms:ReEncrypt*",
          "kms:GenerateDataKey*",
          "kms:CreateGrant",
          "kms:DescribeKey",
        ],
        Resource: "*",
        Condition: { StringEquals: { "kms:CallerAccount": account, "kms:ViaService": viaService } },
      },
      {
        Effect: "Allow",
        Principal: { AWS: `arn:aws:iam::${account}:root` },
        Action: ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
        Resource: "*",
      },
    ],
  },
});
