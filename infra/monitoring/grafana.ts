import type { Dashboard, Panel, RowPanel } from "@grafana/schema";
import { sectionsOf } from "./dashboard.ts";
import type { MonitoringTargets } from "./monitoringTargets.ts";
import { expressionQuery, queryOf } from "./queries.ts";
import type { Graph } from "./widgets.ts";

/** Schema version of the dashboard, which Grafana 10 and newer read. */
const SCHEMA_VERSION = 39;
const COLUMNS = 24;
const HEIGHT = 8;

/** Data source that the user selects at the top of the dashboard. */
const SOURCE = { type: "prometheus", uid: "$" + "{datasource}" };

/** Returns a stack's dashboard for Grafana: the graphs of CloudWatch's dashboard whose metrics Prometheus has. */
export function grafanaDashboard(stack: string, targets: MonitoringTargets): Dashboard {
  const panels: (Panel | RowPanel)[] = [];
  let id = 0;
  let y = 0;
  for (const { heading, rows } of sectionsOf(targets)) {
    const graphs = rows
      .map((row) => row.map((graph) => ({ graph, queries: panelQueries(graph, targets) })))
      .map((row) => row.filter(({ queries }) => queries.length > 0))
      .filter((row) => row.length > 0);
    if (graphs.length === 0) continue;
    panels.push({
      ...{ type: "row", id: ++id, title: heading, collapsed: false, panels: [] },
      gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 },
    });
    for (const row of graphs) {
      const w = Math.floor(COLUMNS / row.length);
      row.forEach(({ graph, queries }, index) => {
        panels.push(panelOf(++id, graph, queries, { x: index * w, y, w, h: HEIGHT }));
      });
      y += HEIGHT;
    }
  }
  return {
    title: `Rates ${stack}`,
    uid: `rates-${stack}`,
    tags: ["rates", stack],
    description: "Generated from the definition of the CloudWatch dashboard by npm run monitoring.",
    schemaVersion: SCHEMA_VERSION,
    timezone: "browser",
    editable: true,
    time: { from: "now-6h", to: "now" },
    refresh: "1m",
    templating: {
      list: [{ name: "datasource", label: "Prometheus", type: "datasource", query: "prometheus" }],
    },
    panels,
  };
}

/** A query of a panel. */
interface PanelQuery {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: typeof SOURCE;
}

function panelQueries({ series, levels = [] }: Omit<Graph, "region">, targets: MonitoringTargets): PanelQuery[] {
  const queriesById = Object.fromEntries(
    series.flatMap((line) =>
      "measure" in line && line.id !== undefined ? [[line.id, queryOf(line.measure, targets)] as const] : [],
    ),
  );
  const queries = series.flatMap((line): [label: string, query: string | undefined][] => {
    if ("expression" in line) return [[line.label, expressionQuery(line.expression, queriesById)]];
    return line.hidden ? [] : [[line.label, queryOf(line.measure, targets)]];
  });
  const known = queries.filter((query): query is [string, string] => query[1] !== undefined);
  if (known.length === 0) return [];
  const lines = [...known, ...levels.map(({ label, value }) => [label, `vector(${value})`] as const)];
  return lines.map(([legendFormat, expr], index) => ({
    ...{ refId: String.fromCharCode(65 + index), expr, legendFormat, datasource: SOURCE },
  }));
}

const panelOf = (
  id: number,
  { title }: Omit<Graph, "region">,
  queries: readonly PanelQuery[],
  gridPos: Panel["gridPos"] & object,
): Panel => ({
  ...{ id, title, gridPos, type: "timeseries", datasource: SOURCE },
  targets: queries.map((query) => ({ ...query })),
  fieldConfig: { defaults: { min: 0 }, overrides: [] },
  options: { legend: { showLegend: true, displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
});
