import type * as pulumi from "@pulumi/pulumi";
import { METRICS, type Measure, SUBJECTS } from "./metrics.ts";

/**
 * A widget of a CloudWatch dashboard (Amazon CloudWatch API Reference, Dashboard Body Structure and Syntax). The grid
 * has 24 columns; rows are laid out from top to bottom, so that nothing overlaps.
 */
export interface Widget {
  readonly type: "metric" | "text" | "alarm";
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** A widget without a position. */
export interface UnplacedWidget {
  readonly type: Widget["type"];
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Widgets of the same width, side by side. */
export interface Row {
  readonly height: number;
  readonly widgets: readonly UnplacedWidget[];
}

export const COLUMNS = 24;

/** Places rows below one another. */
export function grid(rows: readonly Row[]): Widget[] {
  let y = 0;
  return rows.flatMap(({ height, widgets }) => {
    const width = Math.floor(COLUMNS / widgets.length);
    const row = widgets.map(({ type, properties }, index) => ({
      type,
      x: index * width,
      y,
      width,
      height,
      properties,
    }));
    y += height;
    return row;
  });
}

export const text = (markdown: string): UnplacedWidget => ({ type: "text", properties: { markdown } });

/** One line of a graph: a metric with a label, or an expression over others by their ids. */
export type Series =
  | {
      readonly label: string;
      readonly measure: Measure;
      readonly right?: true;
      readonly id?: string;
      readonly hidden?: true;
    }
  | { readonly label: string; readonly expression: string; readonly right?: true };

/** A horizontal line at a maximum or a threshold. */
export interface Level {
  readonly label: string;
  readonly value: number;
}

/** Content of a graph. */
export interface Graph {
  readonly title: string;
  readonly series: readonly Series[];
  readonly levels?: readonly Level[];
  readonly region: string;
}

/** Returns a graph with a value per minute and axes that begin at zero. */
export const graph = ({ title, series, levels = [], region }: Graph): UnplacedWidget => ({
  type: "metric",
  properties: {
    title,
    region,
    view: "timeSeries",
    stacked: false,
    period: 60,
    yAxis: { left: { min: 0, showUnits: false }, right: { min: 0, showUnits: false } },
    metrics: series.map(line),
    ...(levels.length > 0 ? { annotations: { horizontal: levels } } : {}),
  },
});

/** Returns a widget with the status of alarms, by their ARNs. */
export const alarmStatus = (title: string, alarms: readonly pulumi.Input<string>[]): UnplacedWidget => ({
  type: "alarm",
  properties: { title, alarms },
});

function line(series: Series): unknown[] {
  const { label, right } = series;
  const axis = right ? { yAxis: "right" } : {};
  if ("expression" in series) return [{ expression: series.expression, label, ...axis }];
  const { measure, id, hidden } = series;
  const { namespace, metric, subject } = METRICS[measure.metric];
  const dimensions: Record<string, pulumi.Input<string>> = measure.dimensions;
  const options = { label, stat: measure.stat, ...axis, ...(id ? { id } : {}), ...(hidden ? { visible: false } : {}) };
  return [namespace, metric, ...SUBJECTS[subject].flatMap((name) => [name, dimensions[name]]), options];
}
