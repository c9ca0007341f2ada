import Type from "typebox";
import { control, resourceRule } from "../rule.ts";
import { LOG_GROUP } from "../types.ts";
import { UNRESOLVED } from "../value.ts";

export const logsKept = resourceRule({
  name: "log-retention",
  description: "Logs are kept for a minimum number of days, and expire.",
  framework: control("CloudWatch.16"),
  remediation: "Set retentionInDays.",
  types: [LOG_GROUP],
  settings: { days: Type.Integer({ minimum: 1, default: 7, description: "minimum retention of logs" }) },
  check(group, report, { days }) {
    const retention = group.at("retentionInDays").number(0);
    if (retention === 0) report(group, "retentionInDays is not set, so logs are kept and charged forever: set it.");
    else if (retention !== UNRESOLVED && retention < days)
      report(
        group,
        `retentionInDays is ${retention}, ${days - retention} less than the minimum of ${days} days: raise it.`,
      );
  },
});

export const LOG_RULES = [logsKept];
