import { Budget } from "@pulumi/aws/budgets/budget.js";
import { Dashboard } from "@pulumi/aws/cloudwatch/dashboard.js";
import { MetricAlarm } from "@pulumi/aws/cloudwatch/metricAlarm.js";
import { Key } from "@pulumi/aws/kms/key.js";
import { Topic } from "@pulumi/aws/sns/topic.js";
import { TopicPolicy } from "@pulumi/aws/sns/topicPolicy.js";
import { TopicSubscription } from "@pulumi/aws/sns/topicSubscription.js";
import * as pulumi from "@pulumi/pulumi";
import { tlsOnly } from "../shared/tlsOnly.ts";
import type { Alarm } from "./alarm.ts";
import { alarmsOf } from "./alarms.ts";
import { dashboardOf } from "./dashboard.ts";
import { METRICS, type Measure } from "./metrics.ts";
import type { MonitoringTargets } from "./monitoringTargets.ts";

export type { MonitoringTargets } from "./monitoringTargets.ts";

/**
 * Arguments of a stack's monitoring.
 *
 * @example
 * ```ts
 * import { Monitoring, type MonitoringTargets } from "./monitoring.ts";
 *
 * export const createMonitoring = (targets: MonitoringTargets) =>
 *   new Monitoring("rates-dev-monitoring", { ...targets, email: "operators@example.com" });
 * ```
 */
export interface MonitoringArgs extends MonitoringTargets {
  /** Email address for alarms and budget notifications; its owner must confirm the subscription once. */
  readonly email: string;
}

/**
 * A dashboard that follows a job through the platform, alarms, and the account's budget. Alarms and budget notify one
 * topic.
 *
 * The budget covers the whole account. With a filter by the stack's tags, it would count nothing until the tags are
 * activated as cost allocation tags in the payer account.
 */
export class Monitoring extends pulumi.ComponentResource {
  /** SNS topic of all notifications. */
  readonly topic: Topic;
  /** CloudWatch dashboard. */
  readonly dashboard: Dashboard;
  /** Alarms by key. */
  readonly alarms: Readonly<Record<string, MetricAlarm>>;
  /** URL of the dashboard. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Monitoring", name, {}, opts);
    const child = { parent: this };
    const { topic, policy } = this.#createTopic(name, args);
    this.topic = topic;

    this.alarms = Object.fromEntries(
      alarmsOf(args).map((alarm) => [alarm.key, metricAlarm(name, alarm, topic, { ...child, dependsOn: policy })]),
    );
    this.dashboard = new Dashboard(
      name,
      {
        // CloudWatch identifies a dashboard only by its name, which therefore contains the stack's name.
        dashboardName: name,
        dashboardBody: pulumi.jsonStringify(
          dashboardOf(
            args,
            Object.values(this.alarms).map(({ arn }) => arn),
          ),
        ),
      },
      child,
    );
    this.url = pulumi.interpolate`https://${args.region}.console.aws.amazon.com/cloudwatch/home?region=${args.region}#dashboards/dashboard/${this.dashboard.dashboardName}`;

    const notification = (notificationType: string, threshold: number) => ({
      notificationType,
      threshold,
      thresholdType: "PERCENTAGE",
      comparisonOperator: "GREATER_THAN",
      subscriberSnsTopicArns: [topic.arn],
    });
    new Budget(
      name,
      {
        budgetType: "COST",
        limitAmount: String(args.monthlyUsd),
        limitUnit: "USD",
        timeUnit: "MONTHLY",
        notifications: [notification("ACTUAL", 80), notification("ACTUAL", 100), notification("FORECASTED", 100)],
      },
      { ...child, dependsOn: policy },
    );
    this.registerOutputs({ url: this.url });
  }

  #createTopic(name: string, { accountId, region, email }: MonitoringArgs): { topic: Topic; policy: TopicPolicy } {
    const child = { parent: this };
    const sameAccount = { StringEquals: { "aws:SourceAccount": accountId } };
    /** Services that publish to the topic, with the ARN pattern of their sources. */
    const publishers = {
      "cloudwatch.amazonaws.com": `arn:aws:cloudwatch:${region}:${accountId}:alarm:*`,
      "budgets.amazonaws.com": `arn:aws:budgets::${accountId}:*`,
    };
    const key = new Key(
      name,
      {
        // AWS's managed key for topics has a fixed policy that excludes alarms and budgets.
        description: "Alarm notifications",
        enableKeyRotation: true,
        deletionWindowInDays: 7,
        policy: JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${accountId}:root` }, Action: "kms:*", Resource: "*" },
            {
              Effect: "Allow",
              Principal: { Service: Object.keys(publishers) },
              Action: ["kms:Decrypt", "kms:GenerateDataKey*"],
              Resource: "*",
              Condition: sameAccount,
            },
          ],
        }),
      },
      child,
    );
    const topic = new Topic(name, { kmsMasterKeyId: key.arn }, child);
    const policy = new TopicPolicy(
      name,
      {
        arn: topic.arn,
        policy: pulumi.jsonStringify({
          Version: "2012-10-17",
          Statement: [
            ...Object.entries(publishers).map(([Service, source]) => ({
              Effect: "Allow",
              Principal: { Service },
              Action: "sns:Publish",
              Resource: topic.arn,
              Condition: { ...sameAccount, ArnLike: { "aws:SourceArn": source } },
            })),
            tlsOnly("sns:Publish", topic.arn),
          ],
        }),
      },
      child,
    );
    new TopicSubscription(name, { topic: topic.arn, protocol: "email", endpoint: email }, child);
    return { topic, policy };
  }
}

const COMPARISONS = {
  ">": "GreaterThanThreshold",
  ">=": "GreaterThanOrEqualToThreshold",
  "<": "LessThanThreshold",
} as const;

/** Period of every alarm's metrics. */
const PERIOD_SECONDS = 60;

function metricAlarm(name: string, alarm: Alarm, topic: Topic, opts: pulumi.CustomResourceOptions): MetricAlarm {
  const { key, summary, action, metric, comparison, threshold, minutes, missingData } = alarm;
  const [datapointsToAlarm, evaluationPeriods] = minutes;
  const common = {
    alarmDescription: `${summary} ${action}`,
    comparisonOperator: COMPARISONS[comparison],
    threshold,
    evaluationPeriods,
    datapointsToAlarm,
    treatMissingData: missingData,
    alarmActions: [topic.arn],
    okActions: [topic.arn],
  };
  if ("expression" in metric)
    return new MetricAlarm(
      `${name}-${key}`,
      {
        ...common,
        metricQueries: [
          { id: "watched", expression: metric.expression, label: key, returnData: true },
          ...Object.entries(metric.metrics).map(([id, query]) => {
            const { statistic, extendedStatistic, ...metric } = metricOf(query);
            return { id, metric: { ...metric, stat: statistic ?? extendedStatistic ?? "" } };
          }),
        ],
      },
      opts,
    );
  // With few samples, for example three requests, the 95th percentile is the slowest sample.
  const lowSamples = metric.stat.startsWith("p") ? { evaluateLowSampleCountPercentiles: "ignore" } : {};
  return new MetricAlarm(`${name}-${key}`, { ...common, ...lowSamples, ...metricOf(metric) }, opts);
}

/** Converts a measure to the properties of an alarm; percentiles have a property of their own. */
function metricOf({ metric, dimensions, stat }: Measure) {
  const { namespace, metric: metricName } = METRICS[metric];
  const statistic: { statistic?: string; extendedStatistic?: string } = stat.startsWith("p")
    ? { extendedStatistic: stat }
    : { statistic: stat };
  return { namespace, metricName, dimensions: { ...dimensions }, period: PERIOD_SECONDS, ...statistic };
}
