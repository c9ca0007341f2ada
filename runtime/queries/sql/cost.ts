/** Upper bound of an expression's or a query's size in the planner. */
export interface Cost {
  /** Expression nodes. */
  readonly nodes: number;
  /** Bytes of the value, if it is built from constants. */
  readonly bytes: number;
  /** True if the planner does not know the value: it is a column, or is computed per row. */
  readonly isVariable?: boolean;
  /** Range-table entries. */
  readonly tables: number;
  /** Bytes of the value while the query runs: Infinity if an aggregate or a recursion builds it. @default `bytes` */
  readonly size?: number;
  /** Steps of evaluating the constants in it (steps.ts). */
  readonly steps?: number;
  /** Bytes that its functions and operators handle per row; an unbounded value counts as {@link MAX_BYTES}. */
  readonly work?: number;
  /** Number of alternatives in it (arguments of OR, and of a negated AND), and number in the longest OR. */
  readonly conditions?: number;
  readonly longestCondition?: number;
}

/** Maximum size of a value in Postgres (MaxAllocSize). */
export const MAX_BYTES = 1024 ** 3;

/** Returns the bytes of a value while the query runs. */
export const sizeOf = ({ size, bytes }: Cost): number => size ?? bytes;

/** Bytes that a column of a table counts as. */
const COLUMN_BYTES = 64;

/** Bytes that a node can add to those of its parts, for example the digits of a number. */
export const NODE_BYTES = 16;

export const NO_COST: Cost = { nodes: 0, bytes: 0, tables: 0 };

/** A column that the planner does not replace with an expression. */
export const COLUMN_COST: Cost = { nodes: 1, bytes: COLUMN_BYTES, tables: 0, isVariable: true };

/** Adds the costs of a node and its parts. */
export function sum(parts: Iterable<Cost>, base: Cost = NO_COST): Cost {
  let { nodes, bytes, tables, isVariable = false, steps = 0, work = 0, conditions = 0, longestCondition = 0 } = base;
  let size = sizeOf(base);
  for (const part of parts) {
    nodes += part.nodes;
    bytes += part.bytes;
    tables += part.tables;
    size += sizeOf(part);
    steps += part.steps ?? 0;
    work += part.work ?? 0;
    conditions += part.conditions ?? 0;
    longestCondition = Math.max(longestCondition, part.longestCondition ?? 0);
    isVariable ||= part.isVariable === true;
  }
  return { nodes, bytes, tables, isVariable, size, steps, work, conditions, longestCondition };
}

/** Returns the maximum of two alternatives, per field. If one may be constant, the result counts as constant. */
export const maxCost = (a: Cost, b: Cost): Cost => ({
  nodes: Math.max(a.nodes, b.nodes),
  bytes: Math.max(a.bytes, b.bytes),
  tables: Math.max(a.tables, b.tables),
  isVariable: a.isVariable === true && b.isVariable === true,
  size: Math.max(sizeOf(a), sizeOf(b)),
  steps: Math.max(a.steps ?? 0, b.steps ?? 0),
  work: Math.max(a.work ?? 0, b.work ?? 0),
  conditions: Math.max(a.conditions ?? 0, b.conditions ?? 0),
  longestCondition: Math.max(a.longestCondition ?? 0, b.longestCondition ?? 0),
});

/** Multiplies a cost. */
export const times = (cost: Cost, count: number): Cost => ({
  nodes: cost.nodes * count,
  bytes: cost.bytes * count,
  tables: cost.tables * count,
  isVariable: cost.isVariable === true,
  size: count === 0 ? 0 : sizeOf(cost) * count,
  steps: (cost.steps ?? 0) * count,
  work: (cost.work ?? 0) * count,
  conditions: (cost.conditions ?? 0) * count,
  longestCondition: cost.longestCondition ?? 0,
});

/** A FROM item that columns can refer to. */
export interface FromItem {
  /** Alias or name, if any. */
  readonly name: string | undefined;
  readonly columns: number;
  /** Cost of the expression that replaces a reference to one of its columns. */
  readonly column: Cost;
}

/** The FROM items that a column can refer to: those of its query, and of outer queries. */
export class Scope {
  readonly items: FromItem[] = [];
  readonly outer: Scope | undefined;
  /** True if a window function of this query keeps the planner from merging it into the outer query. */
  isBarrier = false;

  constructor(outer?: Scope) {
    this.outer = outer;
  }

  /** Returns the largest cost of a visible column's replacement: for the columns of the named item, or of all items. */
  column(name?: string): Cost {
    const named = name === undefined ? undefined : this.item(name);
    if (named) return maxCost(COLUMN_COST, named.column);
    let largest = COLUMN_COST;
    for (let scope: Scope | undefined = this; scope; scope = scope.outer)
      for (const item of scope.items) largest = maxCost(largest, item.column);
    return largest;
  }

  /** Returns the nearest item of that name. */
  item(name: string): FromItem | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.outer) {
      const found = scope.items.find((item) => item.name === name);
      if (found) return found;
    }
    return undefined;
  }

  /** Returns the number of columns of `name.*`, or of all items of this query. */
  starColumns(name?: string): number {
    const named = name === undefined ? undefined : this.item(name);
    return named ? named.columns : this.items.reduce((columns, item) => columns + item.columns, 0);
  }
}

/** A common table expression in scope. */
export interface Cte {
  readonly name: string;
  /** Not resolved yet: a later CTE of the same WITH RECURSIVE. */
  readonly isForward?: boolean;
  /** The CTE's own query, while that is checked. */
  readonly isSelf?: boolean;
  readonly columns: number;
  readonly column: Cost;
  /** Cost of its query. */
  readonly query: Cost;
  /** True if each reference repeats the query: the CTE is not materialized. */
  readonly isRepeated: boolean;
  isUsed: boolean;
}
