import { LogGroup } from "@pulumi/aws/cloudwatch/logGroup.js";
import type * as pulumi from "@pulumi/pulumi";

/** Days that CloudWatch can keep logs (CloudWatch Logs API Reference, PutRetentionPolicy). */
const DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_096, 1_827, 2_192, 2_557, 2_922, 3_288, 3_653,
] as const;

/** The number of days that CloudWatch knows and that is no less than those wanted. */
export const supportedRetention = (wanted: number): number => DAYS.find((days) => days >= wanted) ?? 3_653;

/** How long a log group keeps its lines, and what it is called where a service or a policy goes by that. */
export interface LogGroupArgs {
  /** At least so many days. */
  readonly retentionDays: number;
  /** Its whole name. */
  readonly at?: string;
  /** What its name begins with. */
  readonly under?: string;
  /** Whether it outlives the stack. */
  readonly keep?: boolean;
}

/** A log group made before who writes to it, which would make one that keeps logs for ever. */
export const logGroup = (
  name: string,
  { retentionDays, at, under, keep = false }: LogGroupArgs,
  opts: pulumi.CustomResourceOptions,
): LogGroup =>
  new LogGroup(
    name,
    {
      retentionInDays: supportedRetention(retentionDays),
      skipDestroy: keep,
      ...(at === undefined ? {} : { name: at }),
      ...(under === undefined ? {} : { namePrefix: under }),
    },
    opts,
  );
