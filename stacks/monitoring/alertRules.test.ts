import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { alarmsOf } from "../../infra/monitoring/alarms.ts";
import { alertRules, cloudWatchOnly } from "../../infra/monitoring/alertRules.ts";
import { grafanaDashboard } from "../../infra/monitoring/grafana.ts";
import { expressionQuery } from "../../infra/monitoring/queries.ts";
import { PLATFORM_METRICS, RUNNER_METRICS } from "../../runtime/monitoring/metrics.ts";
import { prometheusName } from "../../runtime/monitoring/prometheus.ts";
import { skip } from "../../runtime/testing/cluster.ts";
import { shippedStacks } from "../planning/shipped.ts";
import { monitoringTargetsOf } from "./monitoringTargets.ts";

/** Test of a rule, with a value per minute for each series (Prometheus documentation, unit testing for rules). */
interface Case {
  readonly name: string;
  readonly series: Readonly<Record<string, string>>;
  readonly minute: number;
  readonly alert: string;
  readonly fires: boolean;
}

/** Age of the counters, which rules on counters also need. */
const COUNTED = { rates_counted_age_seconds: "60x60" };
const CASES: readonly Case[] = [
  {
    ...{ name: "work that waits too long, for five minutes", alert: "GlueWaiting", minute: 20, fires: true },
    series: { 'rates_oldest_waiting_seconds{runner="glue"}': "5000x30" },
  },
  {
    ...{ name: "work that waits too long, for three minutes", alert: "GlueWaiting", minute: 20, fires: false },
    series: { 'rates_oldest_waiting_seconds{runner="glue"}': "0x17 5000x30" },
  },
  {
    ...{ name: "work of the other runner type that waits too long", alert: "GlueWaiting", minute: 20, fires: false },
    series: { 'rates_oldest_waiting_seconds{runner="ec2"}': "5000x30" },
  },
  {
    ...{ name: "refused starts in five of fifteen minutes", alert: "GlueRefused", minute: 20, fires: true },
    series: { ...COUNTED, 'rates_refused_total{runner="glue"}': "0x8 1 1 2 2 3 3 4 4 5 5 5x20" },
  },
  {
    ...{ name: "many refused starts in one minute", alert: "GlueRefused", minute: 20, fires: false },
    series: { ...COUNTED, 'rates_refused_total{runner="glue"}': "0x12 90x30" },
  },
  {
    ...{
      name: "the first failure of a type, reported by two processes",
      alert: "GlueFailing",
      minute: 12,
      fires: true,
    },
    series: {
      ...COUNTED,
      'rates_failed_by_platform_total{runner="glue",type="RunnerLost",instance="a"}': "_x11 1x30",
      'rates_failed_by_platform_total{runner="glue",type="RunnerLost",instance="b"}': "_x11 1x30",
    },
  },
  {
    ...{ name: "failures from before Prometheus started", alert: "GlueFailing", minute: 0, fires: false },
    series: { ...COUNTED, 'rates_failed_by_platform_total{runner="glue",type="RunnerLost"}': "7x30" },
  },
  {
    ...{ name: "counters that are no longer updated", alert: "FiguresMissing", minute: 20, fires: true },
    series: { rates_counted_age_seconds: "900x30" },
  },
  {
    ...{ name: "counters that are updated", alert: "FiguresMissing", minute: 20, fires: false },
    series: { rates_counted_age_seconds: "100x30" },
  },
  {
    ...{ name: "no process to scrape", alert: "ApiDown", minute: 20, fires: true },
    series: { 'up{job="rates"}': "0x30" },
  },
  { ...{ name: "no series of the platform", alert: "ApiDown", minute: 20, fires: true }, series: { other: "1x30" } },
  {
    ...{ name: "one process of two", alert: "ApiDown", minute: 20, fires: false },
    series: { 'up{job="rates",instance="a"}': "0x30", 'up{job="rates",instance="b"}': "1x30" },
  },
  {
    ...{ name: "failing requests", alert: "ApiFailing", minute: 20, fires: true },
    series: {
      'rates_http_request_seconds_count{status="200"}': "0+90x40",
      'rates_http_request_seconds_count{status="500"}': "0+10x40",
    },
  },
  {
    ...{ name: "requests without a failure", alert: "ApiFailing", minute: 20, fires: false },
    series: { 'rates_http_request_seconds_count{status="200"}': "0+90x40" },
  },
  {
    ...{ name: "a dead letter", alert: "DeadLetters", minute: 20, fires: true },
    series: { rates_dead_letters: "0x18 1x30" },
  },
];

describe("Prometheus's rules and Grafana's dashboard of a stack", () => {
  const stacks = shippedStacks();
  const targetsOf = (name: string) => {
    const shipped = stacks.find(({ stack }) => stack === name);
    assert.ok(shipped);
    return monitoringTargetsOf(shipped, shipped.config.tenants);
  };
  const directory = mkdtempSync(join(tmpdir(), "rates-rules-"));
  after(() => rmSync(directory, { recursive: true }));
  const promtool = (context: Mocha.Context, ...args: string[]) => {
    const { status, stdout, stderr, error } = spawnSync("promtool", args, { encoding: "utf8" });
    if (error) skip(context, "promtool is not installed (Debian: prometheus)");
    return { status, text: stdout + stderr };
  };

  it("have one rule per alarm, except for alarms on metrics that only CloudWatch has", () => {
    for (const { stack } of stacks) {
      const targets = targetsOf(stack);
      const [group] = alertRules(stack, targets).groups;
      const alarms = alarmsOf(targets).map(({ key }) => key);
      const withoutRule = cloudWatchOnly(targets);
      assert.equal(group?.rules.length, alarms.length - withoutRule.length);
      const onOwnMetrics =
        /^(glue|ec2)-|^(dead-letters|figures-missing|locks|responses-unsent|tracking-behind|api-(slow|failing|down))$/;
      assert.deepEqual(
        withoutRule.filter((key) => onOwnMetrics.test(key)),
        [],
      );
    }
  });

  it("count dedicated master nodes, as the deployed alarm does", () => {
    const prod = stacks.find(({ stack }) => stack === "prod");
    assert.ok(prod?.config.tracking.store === "opensearch");
    const config = { ...prod.config, tracking: { ...prod.config.tracking, instanceCount: 12 } };
    assert.equal(monitoringTargetsOf({ ...prod, config }, []).tracking?.nodes, 15);
  });

  it("have rules that Prometheus accepts", function () {
    for (const { stack } of stacks) {
      const file = join(directory, `${stack}.yml`);
      writeFileSync(file, JSON.stringify(alertRules(stack, targetsOf(stack))));
      const { status, text } = promtool(this, "check", "rules", file);
      assert.equal(status, 0, text);
    }
  });

  it("fire, or do not fire, as each case expects in Prometheus's own engine", function () {
    this.timeout(30_000);
    writeFileSync(join(directory, "dev.yml"), JSON.stringify(alertRules("dev", targetsOf("dev"))));
    const [group] = alertRules("dev", targetsOf("dev")).groups;
    const tests = CASES.map(({ name, series, minute, alert, fires }) => {
      const rule = group?.rules.find((candidate) => candidate.alert === alert);
      assert.ok(rule, alert);
      return {
        name,
        interval: "1m",
        input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
        alert_rule_test: [
          {
            eval_time: `${minute}m`,
            alertname: alert,
            exp_alerts: fires ? [{ exp_labels: { stack: "dev" }, exp_annotations: rule.annotations }] : [],
          },
        ],
      };
    });
    const file = join(directory, "tests.yml");
    writeFileSync(file, JSON.stringify({ rule_files: ["dev.yml"], evaluation_interval: "1m", tests }));
    const { status, text } = promtool(this, "test", "rules", file);
    assert.equal(status, 0, text);
  });

  it("show every metric of the platform, in panels that do not overlap", () => {
    const dashboard = grafanaDashboard("prod", targetsOf("prod"));
    const panels = dashboard.panels ?? [];
    const text = JSON.stringify(panels);
    for (const [key, metric] of [...Object.entries(RUNNER_METRICS), ...Object.entries(PLATFORM_METRICS)])
      assert.ok(text.includes(prometheusName(key, metric)), key);
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const cells = panels.flatMap(({ gridPos }) => {
      assert.ok(gridPos && gridPos.x + gridPos.w <= 24);
      return Array.from(
        { length: gridPos.w * gridPos.h },
        (_, cell) => `${gridPos.x + (cell % gridPos.w)} ${gridPos.y + Math.floor(cell / gridPos.w)}`,
      );
    });
    assert.equal(new Set(cells).size, cells.length);
    for (const panel of panels)
      if (panel.type !== "row" && "targets" in panel)
        assert.equal(new Set(panel.targets?.map(({ refId }) => refId)).size, panel.targets?.length);
  });

  it("have only queries that Prometheus accepts", function () {
    const exprs = [
      ...JSON.stringify(grafanaDashboard("prod", targetsOf("prod"))).matchAll(/"expr":("(?:[^"\\]|\\.)*")/g),
    ];
    assert.ok(exprs.length > 20);
    const rules = exprs.map(([, expr = ""], index) => ({ record: `x:${index}`, expr: JSON.parse(expr) }));
    const file = join(directory, "panels.yml");
    writeFileSync(file, JSON.stringify({ groups: [{ name: "panels", rules }] }));
    const { status, text } = promtool(this, "check", "rules", file);
    assert.equal(status, 0, text);
  });

  it("leave out an expression when a metric is missing, unless FILL gives it a value", () => {
    assert.equal(expressionQuery("a + b", { a: "x" }), undefined);
    assert.equal(expressionQuery("100 * FILL(a, 0) / b", { b: "y" }), "100 * 0 / (y)");
    assert.equal(expressionQuery("FILL(a, 0)", { a: "x" }), "(x or vector(0))");
  });

  it("are written by npm run monitoring, which lists the stacks if the given one is unknown", () => {
    const program = fileURLToPath(new URL("main.ts", import.meta.url));
    const output = execFileSync(process.execPath, [program, "--stack", "dev", "--out", directory], {
      encoding: "utf8",
    });
    assert.match(output, /Available in CloudWatch only: .*database-cpu/);
    assert.deepEqual(
      JSON.parse(readFileSync(join(directory, "rates-dev.rules.yml"), "utf8")),
      JSON.parse(JSON.stringify(alertRules("dev", targetsOf("dev")))),
    );
    assert.equal(JSON.parse(readFileSync(join(directory, "rates-dev.grafana.json"), "utf8")).uid, "rates-dev");
    // With a limit on the size of files, as on a full disk, the earlier file is kept.
    const earlier = readFileSync(join(directory, "rates-dev.rules.yml"), "utf8");
    const command = [process.execPath, program, "--stack", "dev", "--out", directory];
    const full = spawnSync("sh", ["-c", 'ulimit -f 1 && exec "$@"', "sh", ...command], { encoding: "utf8" });
    assert.equal(full.status, 1, full.stdout);
    assert.match(full.stderr, /EFBIG/);
    assert.equal(readFileSync(join(directory, "rates-dev.rules.yml"), "utf8"), earlier);
    // A symlink is kept, and its target keeps its permissions.
    const rules = join(directory, "rates-dev.rules.yml");
    const target = join(directory, "target.yml");
    writeFileSync(target, "earlier");
    chmodSync(target, 0o640);
    rmSync(rules);
    symlinkSync(target, rules);
    execFileSync(process.execPath, command.slice(1));
    assert.equal(readFileSync(target, "utf8"), earlier);
    assert.ok(lstatSync(rules).isSymbolicLink());
    assert.equal(statSync(target).mode & 0o777, 0o640);
    const invalid = spawnSync(process.execPath, [program, "--stack", "x"], { encoding: "utf8" });
    assert.equal(invalid.status, 2);
    assert.match(invalid.stderr, /must be one of .*dev.*prod/);
  });
});
