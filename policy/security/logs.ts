import Type from "typebox";
import { control, resourceRule } from "../rule.ts";
import { LOG_GROUP } from "../types.ts";
import { UNRESOLVED } from "../value.ts";

export const logsKept = resourceRule({
  name: "log-retention",
  description: "Logs are kept for a minimum of days, and not without end.",
  framework: control("CloudWatch.16"),
  remediation: "Set retentionInDays.",
  types: [LOG_GROUP],
  settings: { days: Type.Integer({ minimum: 1, default: 7, description: "that logs are kept at least" }) },
  check(group, report, { days }) {
    const kept = group.at("retentionInDays").number(0);
    if (kept === 0) report(group, "retentionInDays is not set, so logs are kept and charged without end: set it.");
    else if (kept !== UNRESOLVED && kept < days)
      report(group, `retentionInDays is ${kept}, ${days - kept} less than ${days}: raise it.`);
  },
});

export const LOG_RULES = [logsKept];
