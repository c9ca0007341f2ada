import { LogGroup } from "@pulumi/aws/cloudwatch/logGroup.js";
import type * as pulumi from "@pulumi/pulumi";

/** Retentions in days that CloudWatch supports (CloudWatch Logs API Reference, PutRetentionPolicy). */
const DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_096, 1_827, 2_192, 2_557, 2_922, 3_288, 3_653,
] as const;

/** Rounds a retention up to the next one that CloudWatch supports. */
export const supportedRetention = (minimum: number): number => DAYS.find((days) => days >= minimum) ?? 3_653;

/** Retention of a log group, and its name if a service or a policy depends on it. */
export interface LogGroupArgs {
  /** Minimum retention in days. */
  readonly retentionDays: number;
  /** Full name of the group. */
  readonly fullName?: string;
  /** Prefix of the name. */
  readonly namePrefix?: string;
  /** Keeps the group when the stack is destroyed. */
  readonly keep?: boolean;
}

/** Creates a log group before its writer, which would create one without an expiry. */
export const logGroup = (
  name: string,
  { retentionDays, fullName, namePrefix, keep = false }: LogGroupArgs,
  opts: pulumi.CustomResourceOptions,
): LogGroup =>
  new LogGroup(
    name,
    {
      retentionInDays: supportedRetention(retentionDays),
      skipDestroy: keep,
      ...(fullName === undefined ? {} : { name: fullName }),
      ...(namePrefix === undefined ? {} : { namePrefix }),
    },
    opts,
  );
