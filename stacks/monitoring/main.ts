import {
  chmodSync,
  chownSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { alertRules, cloudWatchOnly } from "../../infra/monitoring/alertRules.ts";
import { grafanaDashboard } from "../../infra/monitoring/grafana.ts";
import { ROOT } from "../../runtime/platform/root.ts";
import { stacksIn } from "../config/parse.ts";
import { plannedStack } from "../planning/shipped.ts";
import { monitoringTargetsOf } from "./monitoringTargets.ts";

const USAGE = `Usage: npm run monitoring -- --stack dev [--out DIR]

Writes a stack's Prometheus alert rules and Grafana dashboard, from the same definitions as its CloudWatch alarms and dashboard.

  --stack NAME   stack whose capacity determines the thresholds; its file is Pulumi.NAME.yaml
  --out DIR      output directory (default .local/monitoring)`;

/** Writes the rules and the dashboard. Returns the exit code: 0, or 2 for invalid options. */
function main(): number {
  let values: { stack?: string; out: string; help?: boolean };
  try {
    ({ values } = parseArgs({
      options: {
        stack: { type: "string" },
        out: { type: "string", default: ".local/monitoring" },
        help: { type: "boolean", short: "h" },
      },
    }));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const { stack } = values;
  const names = stacksIn(ROOT);
  if (stack === undefined || !names.includes(stack)) {
    console.error(`--stack ${stack ?? "is missing: it"} must be one of ${names.join(", ")}.\n\n${USAGE}`);
    return 2;
  }
  const planned = plannedStack(stack);
  const targets = monitoringTargetsOf(planned, planned.config.tenants);
  mkdirSync(values.out, { recursive: true });
  const write = (name: string, content: object) => {
    const path = join(values.out, name);
    const existing = statSync(path, { throwIfNoEntry: false });
    const file = existing ? realpathSync(path) : path;
    const temporary = `${file}.part`;
    // Replaced only when complete: Prometheus or Grafana may be reading it.
    try {
      writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`);
      if (existing) keepOwner(temporary, existing);
      renameSync(temporary, file);
    } finally {
      rmSync(temporary, { force: true });
    }
    console.log(path);
  };
  // The rules are JSON, which is valid YAML.
  write(`rates-${stack}.rules.yml`, alertRules(stack, targets));
  write(`rates-${stack}.grafana.json`, grafanaDashboard(stack, targets));
  console.log(`Available in CloudWatch only: ${cloudWatchOnly(targets).join(", ")}.`);
  return 0;
}

/**
 * Gives a file the owner and mode of the one that it replaces. If this process may not change the owner, the file keeps
 * the mode of a new file, because the mode of the replaced file could exclude that file's owner.
 */
function keepOwner(file: string, { uid, gid, mode }: Stats): void {
  try {
    chownSync(file, uid, gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPERM") return;
    throw error;
  }
  chmodSync(file, mode);
}

process.exitCode = main();
