import type { ResourceType } from "../types.ts";
import { arn, name, naming } from "./naming.ts";

/** Logs, alarms, dashboards and budgets. */
export const monitoringTypes: Readonly<Record<string, ResourceType>> = {
  "aws:cloudwatch/logGroup:LogGroup": {
    naming: naming("name", 512, "region", "ResourceAlreadyExistsException", /^[\w./#-]+$/),
    id: name,
    arn: arn("logs", "log-group:"),
    defaults: { retentionInDays: 0, skipDestroy: false },
  },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    naming: naming("name", 255, "nowhere", ""),
    id: name,
    arn: arn("cloudwatch", "alarm:"),
  },
  "aws:cloudwatch/dashboard:Dashboard": {
    naming: naming("dashboardName", 255, "nowhere", "", /^[\w-]+$/, false),
    id: name,
    outputs: ({ account, name }) => ({ dashboardArn: `arn:aws:cloudwatch::${account}:dashboard/${name}` }),
  },
  "aws:budgets/budget:Budget": {
    naming: naming("name", 100, "account", "DuplicateRecordException", /^[^:\\]+$/),
    id: ({ account, name }) => `${account}:${name}`,
    arn: ({ account, name }) => `arn:aws:budgets::${account}:budget/${name}`,
  },
};
