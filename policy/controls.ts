import type { Severity } from "@pulumi/policy";

/**
 * Severity in AWS Security Hub of each control that a rule implements (Security Hub User Guide, Control
 * reference).
 */
export const CONTROL_SEVERITY = {
  "CloudWatch.16": "medium",
  "EC2.3": "medium",
  "EC2.8": "high",
  "EC2.18": "high",
  "EC2.25": "high",
  "ECR.1": "high",
  "ECR.2": "medium",
  "ECS.2": "high",
  "ECS.5": "high",
  "ECS.8": "high",
  "ELB.1": "medium",
  "ELB.4": "medium",
  "ELB.5": "medium",
  "ELB.6": "medium",
  "IAM.1": "high",
  "IAM.21": "low",
  "KMS.4": "medium",
  "Lambda.1": "critical",
  "Opensearch.1": "medium",
  "Opensearch.2": "critical",
  "Opensearch.3": "medium",
  "Opensearch.8": "medium",
  "RDS.2": "critical",
  "RDS.3": "medium",
  "RDS.5": "medium",
  "RDS.8": "low",
  "RDS.10": "medium",
  "RDS.11": "medium",
  "RDS.38": "medium",
  "S3.2": "critical",
  "S3.5": "medium",
  "S3.8": "high",
  "S3.13": "low",
  "SNS.1": "medium",
  "SQS.1": "medium",
  "SQS.3": "critical",
  "SecretsManager.1": "medium",
} as const satisfies Record<string, Severity>;

/** Id of a control, for example RDS.2. */
export type Control = keyof typeof CONTROL_SEVERITY;
