import { MAPPINGS } from "../opensearch/indices.ts";
import type { DocumentMetricSpec, Field } from "./documentMetrics.ts";

/** A saved object, as OpenSearch Dashboards imports it (its saved objects API, formats of version 2). */
export interface SavedObject {
  readonly id: string;
  readonly type: "index-pattern" | "visualization" | "dashboard";
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly { readonly name: string; readonly type: SavedObject["type"]; readonly id: string }[];
  readonly migrationVersion: Readonly<Record<string, string>>;
}

/** Versions of the objects' formats. A later version of Dashboards migrates the objects. */
const FORMAT_VERSIONS = { "index-pattern": "7.6.0", visualization: "7.10.0", dashboard: "7.9.3" } as const;
const object = (
  type: SavedObject["type"],
  id: string,
  attributes: SavedObject["attributes"],
  references: SavedObject["references"] = [],
): SavedObject => ({ id, type, attributes, references, migrationVersion: { [type]: FORMAT_VERSIONS[type] } });

/** An aggregation of a visualization: a metric, or a split by time or value. */
interface Aggregation {
  readonly type: string;
  readonly schema: "metric" | "segment" | "group" | "bucket";
  readonly params: Readonly<Record<string, unknown>>;
}

/** A visualization of documents. */
export interface VisualizationSpec {
  readonly key: string;
  readonly title: string;
  readonly description: string;
  readonly kind: "line" | "histogram" | "metric" | "horizontal_bar" | "table";
  readonly where?: DocumentMetricSpec["where"];
  readonly aggregations: readonly Aggregation[];
}

/** Returns the aggregation of a metric. */
export function metricOf(value: DocumentMetricSpec["value"], customLabel: string): Aggregation {
  if (value === "count") return { type: "count", schema: "metric", params: { customLabel } };
  if ("max" in value) return { type: "max", schema: "metric", params: { field: value.max, customLabel } };
  const params = { field: value.of, percents: [value.percentile], customLabel };
  return { type: "percentiles", schema: "metric", params };
}
/** Returns the aggregation over time. */
export const overTime = (field: DocumentMetricSpec["at"]): Aggregation => ({
  type: "date_histogram",
  schema: "segment",
  params: { field, interval: "auto", min_doc_count: 0, drop_partials: false, extended_bounds: {}, customLabel: "time" },
});
/**
 * Returns the aggregation per value of a field.
 *
 * @param size - Maximum number of values.
 * @param orderBy - `1`: the values with the highest first metric. `_key`: the first values in their own order.
 */
export const perValue = (
  field: Field,
  schema: Aggregation["schema"],
  size: number,
  customLabel: string,
  orderBy: "1" | "_key" = "1",
): Aggregation => ({
  type: "terms",
  schema,
  params: {
    field,
    size,
    orderBy,
    order: orderBy === "1" ? "desc" : "asc",
    otherBucket: false,
    missingBucket: false,
    customLabel,
  },
});

/** Returns a filter in the language of the search bar (DQL): `status: ("FAILED") and …`. */
export const queryOf = (where: DocumentMetricSpec["where"] = {}): string =>
  Object.entries(where)
    .map(([field, values]) => `${field}: (${values.map((value) => `"${value}"`).join(" or ")})`)
    .join(" and ");

const INDEX = "kibanaSavedObjectMeta.searchSourceJSON.index";

/** Returns the index pattern of a prefix, with number formats. */
export function indexPattern(prefix: string): SavedObject {
  const patternTypes = { keyword: "string", text: "string", date: "date", long: "number" } as const;
  const fields = Object.entries(MAPPINGS.properties)
    .filter(([, { type }]) => type in patternTypes)
    .map(([name, { type }]) => ({
      name,
      type: patternTypes[type as keyof typeof patternTypes],
      esTypes: [type],
      searchable: true,
      aggregatable: type !== "text",
      readFromDocValues: type !== "text",
      scripted: false,
      count: 0,
    }));
  const milliseconds = {
    id: "duration",
    params: { inputFormat: "milliseconds", outputFormat: "asSeconds", outputPrecision: 2 },
  };
  return object("index-pattern", `${prefix}-pattern`, {
    title: `${prefix}-*`,
    timeFieldName: "createdAt",
    fields: JSON.stringify(fields),
    fieldFormatMap: JSON.stringify({
      queueMs: milliseconds,
      executionMs: milliseconds,
      totalMs: milliseconds,
      peakMemoryBytes: { id: "bytes" },
    }),
  });
}

/** Returns a visualization over the index pattern of a prefix. */
export function visualization(prefix: string, spec: VisualizationSpec): SavedObject {
  const { key, title, description, kind, where, aggregations } = spec;
  const visState = {
    title,
    type: kind,
    aggs: aggregations.map((aggregation, index) => ({ id: String(index + 1), enabled: true, ...aggregation })),
    params: paramsOf(kind),
  };
  return object(
    "visualization",
    `${prefix}-${key}`,
    {
      title,
      description,
      version: 1,
      uiStateJSON: "{}",
      visState: JSON.stringify(visState),
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({
          query: { query: queryOf(where), language: "kuery" },
          filter: [],
          indexRefName: INDEX,
        }),
      },
    },
    [{ name: INDEX, type: "index-pattern", id: `${prefix}-pattern` }],
  );
}

/** Returns the chart options of a kind. */
function paramsOf(kind: VisualizationSpec["kind"]): object {
  if (kind === "metric")
    return {
      type: "metric",
      addTooltip: true,
      metric: { metricColorMode: "None", style: { fontSize: 32 }, labels: { show: true }, colorsRange: [] },
    };
  if (kind === "table") return { perPage: 10, showTotal: false, totalFunc: "sum" };
  const isVertical = kind !== "horizontal_bar";
  return {
    type: kind,
    addTooltip: true,
    addLegend: isVertical,
    legendPosition: "bottom",
    grid: { categoryLines: false, valueAxis: "ValueAxis-1" },
    categoryAxes: [
      {
        id: "CategoryAxis-1",
        type: "category",
        position: isVertical ? "bottom" : "left",
        show: true,
        labels: { show: true },
      },
    ],
    valueAxes: [
      {
        id: "ValueAxis-1",
        name: "Axis-1",
        type: "value",
        position: isVertical ? "left" : "bottom",
        show: true,
        scale: { type: "linear", mode: "normal", defaultYExtents: false },
        labels: { show: true },
        title: { text: "" },
      },
    ],
    seriesParams: [
      {
        show: true,
        type: kind === "line" ? "line" : "histogram",
        mode: kind === "histogram" ? "stacked" : "normal",
        data: { id: "1", label: "" },
        valueAxis: "ValueAxis-1",
        interpolate: "linear",
        drawLinesBetweenPoints: true,
        showCircles: true,
      },
    ],
  };
}

/** Width of a dashboard in columns. */
export const COLUMNS = 48;

/** Returns a dashboard with rows of visualizations, which have equal widths within a row. */
export function dashboard(
  prefix: string,
  title: string,
  description: string,
  rows: readonly { readonly height: number; readonly keys: readonly string[] }[],
): SavedObject {
  let y = 0;
  const placed = rows.flatMap(({ height, keys }) => {
    const width = Math.floor(COLUMNS / keys.length);
    const row = keys.map((key, index) => ({ key, x: index * width, y, w: width, h: height }));
    y += height;
    return row;
  });
  return object(
    "dashboard",
    `${prefix}-dashboard`,
    {
      title,
      description,
      version: 1,
      timeRestore: true,
      timeFrom: "now-24h",
      timeTo: "now",
      refreshInterval: { pause: false, value: 30_000 },
      hits: 0,
      optionsJSON: JSON.stringify({ useMargins: true, hidePanelTitles: false }),
      panelsJSON: JSON.stringify(
        placed.map(({ x, y, w, h }, index) => ({
          version: "2.0.0",
          panelIndex: String(index + 1),
          gridData: { x, y, w, h, i: String(index + 1) },
          embeddableConfig: {},
          panelRefName: `panel_${index}`,
        })),
      ),
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({ query: { query: "", language: "kuery" }, filter: [] }),
      },
    },
    placed.map(({ key }, index) => ({ name: `panel_${index}`, type: "visualization", id: `${prefix}-${key}` })),
  );
}
