import type * as pulumi from "@pulumi/pulumi";
import { RUNNER_NAMES, RUNNERS } from "../../runtime/contract/states.ts";
import { PANELS, type Panel } from "../../runtime/monitoring/panels.ts";
import { dpusOf } from "../limits/capacity.ts";
import { diskLimit } from "./componentAlarms.ts";
import { type DimensionsOf, type Measure, measure } from "./metrics.ts";
import { type MonitoringTargets, slotsOf, subjects } from "./monitoringTargets.ts";
import { alarmStatus, type Graph, graph, grid, type Row, text, type UnplacedWidget, type Widget } from "./widgets.ts";

const HEIGHT = 6;
const GIB = 1_073_741_824;

/** Introduction to the dashboard for an operator on call. */
const GUIDE = `## How to read this
The sections follow a job from top to bottom: **1** its request is received, **2** the dispatcher creates the job, **3** it waits for a run, **4** it runs, **5** on the database, **6** its response is sent and read. **The first section with a problem is the bottleneck**; the sections below it only wait.
Each horizontal line is labelled; most are maximums. *Waiting above zero while Running is below its line*: runs do not start, see Refused starts. *Waiting above zero and Running at its line*: raise the number of runs, as far as connections (5) and quotas allow. *Times rise while nothing waits*: see the database. *Memory near its line*: raise the DPUs of a run, or use a larger instance type.
The description of each alarm has its meaning and the remedy.`;

/** A stage of a job's path: graphs in rows under a heading. */
interface Section {
  readonly heading: string;
  readonly rows: readonly (readonly GraphSpec[])[];
}

/** Returns the graphs of a stack in the order of a job's path, for CloudWatch and for Grafana (grafana.ts). */
export const sectionsOf = (targets: MonitoringTargets): Section[] => [
  { heading: "1 · Requests", rows: [requestGraphs(targets)] },
  { heading: "2 · Dispatcher", rows: [dispatcherGraphs(targets)] },
  { heading: "3 · Waiting jobs", rows: [waitingGraphs(targets)] },
  { heading: "4 · Runs", rows: [runGraphs(targets), outcomeGraphs(targets)] },
  { heading: "5 · Database", rows: [databaseGraphs(targets), diskGraphs(targets)] },
  { heading: "6 · Responses", rows: [responseGraphs(targets)] },
  { heading: "HTTP API", rows: [apiGraphs(targets)] },
  { heading: "Search", rows: [trackingGraphs(targets)] },
];

/**
 * Builds the dashboard body in the order of a job's path through the platform.
 *
 * @param alarms - ARNs of the alarms.
 */
export function dashboardOf(
  targets: MonitoringTargets,
  alarms: readonly pulumi.Input<string>[],
): { widgets: Widget[] } {
  const heading = (markdown: string): Row => ({ height: 1, widgets: [text(`### ${markdown}`)] });
  return {
    widgets: grid([
      { height: 5, widgets: [text(GUIDE)] },
      { height: 4, widgets: [alarmStatus("Alarms", alarms)] },
      ...sectionsOf(targets).flatMap((section): Row[] => [
        heading(section.heading),
        ...section.rows.map((row) => ({
          height: HEIGHT,
          widgets: row.map((widget) => graph({ ...widget, region: targets.region })),
        })),
      ]),
      heading("Cost of the account"),
      { height: HEIGHT, widgets: costWidgets(targets) },
    ]),
  };
}

type GraphSpec = Omit<Graph, "region">;
function requestGraphs(targets: MonitoringTargets): GraphSpec[] {
  const { requests, wakeups, deadLetters } = subjects(targets);
  return [
    {
      title: "Age of the oldest request, seconds",
      series: [
        { label: "requests", measure: measure("messageAge", "Maximum", requests) },
        { label: "wake-ups", measure: measure("messageAge", "Maximum", wakeups) },
      ],
    },
    {
      title: "Requests",
      series: [
        { label: "received", measure: measure("messagesSent", "Sum", requests) },
        { label: "handled", measure: measure("messagesDeleted", "Sum", requests) },
        { label: "waiting", measure: measure("messagesVisible", "Maximum", requests) },
        { label: "in flight", measure: measure("messagesInFlight", "Maximum", requests) },
      ],
    },
    {
      title: "Dead letters",
      series: [{ label: "messages", measure: measure("messagesVisible", "Maximum", deadLetters) }],
    },
  ];
}

function dispatcherGraphs(targets: MonitoringTargets): GraphSpec[] {
  const { dispatcher } = subjects(targets);
  const { reservedConcurrency } = targets.plan.dispatcher;
  return [
    {
      title: "Dispatcher: invocations, errors, throttles",
      series: [
        { label: "invocations", measure: measure("invocations", "Sum", dispatcher) },
        { label: "errors", measure: measure("invocationErrors", "Sum", dispatcher), right: true },
        { label: "throttles", measure: measure("invocationThrottles", "Sum", dispatcher), right: true },
      ],
    },
    {
      title: "Dispatcher: duration, milliseconds",
      series: [
        { label: "p50", measure: measure("invocationTime", "p50", dispatcher) },
        { label: "p95", measure: measure("invocationTime", "p95", dispatcher) },
        { label: "longest", measure: measure("invocationTime", "Maximum", dispatcher) },
      ],
      levels: [{ label: "timeout", value: targets.dispatcher.timeoutSeconds * 1_000 }],
    },
    {
      title: "Dispatcher: concurrent invocations",
      series: [{ label: "concurrent", measure: measure("invocationsAtOnce", "Maximum", dispatcher) }],
      levels: reservedConcurrency === undefined ? [] : [{ label: "reserved", value: reservedConcurrency }],
    },
  ];
}

/** Returns the series of one metric for each runner type. */
const perRunner = (targets: MonitoringTargets, measureOf: (dimensions: DimensionsOf<"runner">) => Measure) =>
  RUNNERS.map((runner) => ({
    label: RUNNER_NAMES[runner].service,
    measure: measureOf(subjects(targets).runner(runner)),
  }));

/** Converts a panel to one graph with its metrics for each runner type. */
const panelGraph = (targets: MonitoringTargets, { title, metrics, stat }: Panel): GraphSpec => ({
  title,
  series: RUNNERS.flatMap((runner) =>
    metrics.map(({ metric, label }) => ({
      label: label === undefined ? RUNNER_NAMES[runner].service : `${RUNNER_NAMES[runner].service} ${label}`,
      measure: measure(metric, stat, subjects(targets).runner(runner)),
    })),
  ),
});

function waitingGraphs(targets: MonitoringTargets): GraphSpec[] {
  return [
    ...RUNNERS.map((runner): GraphSpec => {
      const dimensions = subjects(targets).runner(runner);
      return {
        title: `${RUNNER_NAMES[runner].service}: waiting, running and maximum`,
        series: [
          { label: "waiting", measure: measure("waiting", "Maximum", dimensions) },
          { label: "running", measure: measure("running", "Maximum", dimensions) },
        ],
        levels: [{ label: "maximum", value: slotsOf(targets, runner) }],
      };
    }),
    {
      title: "Longest wait, seconds",
      series: perRunner(targets, (dimensions) => measure("oldestWaiting", "Maximum", dimensions)),
      levels: [{ label: "alarm", value: targets.jobSeconds }],
    },
    { title: "Refused starts", series: perRunner(targets, (dimensions) => measure("refused", "Sum", dimensions)) },
  ];
}

function runGraphs(targets: MonitoringTargets): GraphSpec[] {
  const { plan, runMemory } = targets;
  const { dpuPerRun, largerDpu } = plan.glue;
  return [
    panelGraph(targets, PANELS.queueTime),
    panelGraph(targets, PANELS.runTime),
    {
      title: "Glue DPUs in use",
      series: [
        {
          label: "runs",
          id: "runs",
          hidden: true,
          measure: measure("running", "Maximum", subjects(targets).runner("glue")),
        },
        // The metric does not distinguish a larger run, which uses more DPUs.
        { label: largerDpu === undefined ? "DPUs" : "DPUs, at least", expression: `runs * ${dpuPerRun}` },
      ],
      levels: [{ label: "maximum", value: dpusOf(plan.glue) }],
    },
    {
      ...panelGraph(targets, PANELS.peakMemory),
      levels: RUNNERS.map((runner) => ({
        label: `memory of a ${RUNNER_NAMES[runner].service} run`,
        value: runMemory[runner],
      })),
    },
  ];
}

function outcomeGraphs(targets: MonitoringTargets): GraphSpec[] {
  const { succeeded, failedByRequest, failedByPlatform, lostOrOutOfMemory } = PANELS;
  return [succeeded, failedByRequest, failedByPlatform, lostOrOutOfMemory].map((panel) => panelGraph(targets, panel));
}

function databaseGraphs(targets: MonitoringTargets): GraphSpec[] {
  const { database, platform } = subjects(targets);
  const { usable, total } = targets.plan.database;
  return [
    {
      title: "Connections",
      series: [{ label: "open", measure: measure("connections", "Maximum", database) }],
      levels: [
        { label: "usable", value: usable },
        { label: "planned maximum of all components", value: total },
      ],
    },
    {
      title: "CPU, percent",
      series: [{ label: "in use", measure: measure("databaseCpu", "Average", database) }],
      levels: [{ label: "maximum", value: 100 }],
    },
    {
      title: "Sessions waiting for a lock",
      series: [
        { label: "sessions", measure: measure("lockWaits", "Maximum", platform) },
        { label: "longest, seconds", measure: measure("oldestLockWait", "Maximum", platform), right: true },
      ],
    },
    {
      title: "Free memory, bytes",
      series: [{ label: "free", measure: measure("databaseMemory", "Minimum", database) }],
    },
  ];
}

function diskGraphs(targets: MonitoringTargets): GraphSpec[] {
  const { database } = subjects(targets);
  return [
    {
      title: "Free storage, bytes",
      series: [{ label: "free", measure: measure("databaseStorage", "Minimum", database) }],
      levels: [{ label: "total", value: targets.database.storageGb * GIB }],
    },
    {
      title: "Disk operations per second",
      series: [
        { label: "reads", measure: measure("diskReads", "Average", database) },
        { label: "writes", measure: measure("diskWrites", "Average", database) },
      ],
      levels: [{ label: "maximum of the sum", value: diskLimit(targets) }],
    },
    {
      title: "Operations waiting for the disk",
      series: [{ label: "waiting", measure: measure("diskQueue", "Average", database) }],
    },
    {
      title: "Disk latency, seconds",
      series: [
        { label: "read", measure: measure("diskReadTime", "Average", database) },
        { label: "write, including the standby", measure: measure("diskWriteTime", "Average", database) },
      ],
    },
  ];
}

function responseGraphs(targets: MonitoringTargets): GraphSpec[] {
  const { responses, platform } = subjects(targets);
  const perQueue = (metric: "messageAge" | "messagesVisible") =>
    responses.map(({ label, dimensions }) => ({ label, measure: measure(metric, "Maximum", dimensions) }));
  return [
    { title: "Age of the oldest unread response, seconds", series: perQueue("messageAge") },
    { title: "Unread responses", series: perQueue("messagesVisible") },
    {
      title: "Responses whose sending is not recorded",
      series: [
        { label: "responses", measure: measure("unsentResponses", "Maximum", platform) },
        { label: "oldest, seconds", measure: measure("oldestUnsent", "Maximum", platform), right: true },
      ],
    },
  ];
}

function apiGraphs(monitored: MonitoringTargets): GraphSpec[] {
  const { balancer, targets, api } = subjects(monitored);
  const { maxTasks, minTasks } = monitored.plan.api;
  return [
    {
      title: "HTTP requests and failures",
      series: [
        { label: "requests", measure: measure("apiRequests", "Sum", balancer) },
        { label: "5xx of the API", measure: measure("apiFailures", "Sum", balancer), right: true },
        { label: "5xx of the balancer", measure: measure("balancerFailures", "Sum", balancer), right: true },
      ],
    },
    {
      title: "Response time, seconds",
      series: ["p50", "p95", "p99"].map((stat) => ({ label: stat, measure: measure("apiTime", stat, balancer) })),
    },
    {
      title: "Tasks",
      series: [
        { label: "healthy", measure: measure("healthyTasks", "Minimum", targets) },
        { label: "unhealthy", measure: measure("unhealthyTasks", "Maximum", targets) },
      ],
      levels: [
        { label: "maximum", value: maxTasks },
        { label: "minimum", value: minTasks },
      ],
    },
    {
      title: "Tasks: CPU and memory, percent",
      series: [
        { label: "CPU", measure: measure("apiCpu", "Average", api) },
        { label: "memory", measure: measure("apiMemory", "Maximum", api) },
      ],
    },
  ];
}

function trackingGraphs(targets: MonitoringTargets): GraphSpec[] {
  const { platform, domain } = subjects(targets);
  const unsynced: GraphSpec = {
    title: "Outdated documents",
    series: [
      { label: "documents", measure: measure("documentsBehind", "Maximum", platform) },
      { label: "longest, seconds", measure: measure("oldestBehind", "Maximum", platform), right: true },
    ],
  };
  if (!targets.tracking) return [unsynced];
  const openSearch = domain(targets.tracking.domainName);
  return [
    unsynced,
    {
      title: "OpenSearch: health",
      series: [
        { label: "red", measure: measure("searchRed", "Maximum", openSearch) },
        { label: "yellow", measure: measure("searchYellow", "Maximum", openSearch) },
        { label: "writes blocked", measure: measure("searchBlocked", "Maximum", openSearch) },
        { label: "nodes", measure: measure("searchNodes", "Minimum", openSearch), right: true },
      ],
    },
    {
      title: "OpenSearch: memory and CPU, percent",
      series: [
        { label: "heap", measure: measure("searchMemory", "Maximum", openSearch) },
        { label: "CPU", measure: measure("searchCpu", "Maximum", openSearch) },
      ],
      levels: [{ label: "maximum", value: 100 }],
    },
    {
      title: "OpenSearch: free storage of a node (MB), search (ms)",
      series: [
        { label: "storage", measure: measure("searchStorage", "Minimum", openSearch) },
        { label: "search", measure: measure("searchTime", "p95", openSearch), right: true },
      ],
      levels: [{ label: "storage of a node", value: targets.tracking.storageGb * 1_024 }],
    },
  ];
}

/** AWS publishes charges in one region only. */
const BILLING_REGION = "us-east-1";

function costWidgets(targets: MonitoringTargets): UnplacedWidget[] {
  return [
    graph({
      title: "Charges this month, US dollars",
      series: [{ label: "so far", measure: measure("charges", "Maximum", subjects(targets).account) }],
      levels: [{ label: "budget", value: targets.monthlyUsd }],
      region: BILLING_REGION,
    }),
    text(
      `The budget is **$${targets.monthlyUsd}** per month for the whole account. AWS sends a notification at 80 % and at 100 %, and when the forecast exceeds it. The graph is empty unless the account receives billing alerts (Billing preferences); the budget does not need them.`,
    ),
  ];
}
