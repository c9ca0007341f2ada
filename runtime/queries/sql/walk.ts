import { type Cost, type Cte, NO_COST, NODE_BYTES, type Scope, sizeOf, sum } from "./cost.ts";
import { SQL_LIMITS } from "./limits.ts";
import { type Field, NODE_RULES, REFUSED_NODES } from "./nodes.ts";
import { type Fields, isBoolean, type TypedNode, typeAndFields } from "./tree.ts";

/** A refused part of a statement. */
export interface Finding {
  /** Offset in the text, in bytes. */
  offset: number;
  message: string;
}

/** Context of an expression: its position, and the columns and relations that it can refer to. */
export interface Context {
  readonly scope: Scope;
  readonly ctes: readonly Cte[];
  readonly depth: number;
  readonly offset: number;
  /** Number of negations around a condition: even (the default), odd, or unknown. */
  readonly polarity?: "plain" | "negated" | "both";
}

/** Ends a check early: the statement exceeds a maximum, or has as many problems as a refusal lists. */
export class StopCheck extends Error {}

/** Visits the nodes of a parse tree: counts them, and refuses types, fields and sizes that are not allowed. */
export abstract class NodeWalk {
  readonly findings: Finding[] = [];
  protected nodes = 0;

  protected refuse(offset: number, message: string): void {
    this.findings.push({ offset, message });
    if (this.findings.length >= SQL_LIMITS.problems) throw new StopCheck();
  }

  protected refuseNode(key: string, { offset }: Context): void {
    const name = REFUSED_NODES[key];
    this.refuse(offset, name ? `does not allow ${name}.` : `does not allow ${key}.`);
  }

  protected stopAtMaximum({ offset }: Context, excess: string, maximum: number): never {
    this.findings.push({ offset, message: `${excess}; the maximum is ${maximum}. Simplify or split the query.` });
    throw new StopCheck();
  }

  protected enforceLimits(cost: Cost, context: Context): void {
    const { nodes, tables, steps = 0, work = 0, conditions = 0, longestCondition = 0 } = cost;
    if (tables > SQL_LIMITS.rangeTableEntries)
      this.stopAtMaximum(
        context,
        "has too many tables, counting each use of a CTE, subquery or view",
        SQL_LIMITS.rangeTableEntries,
      );
    if (nodes > SQL_LIMITS.expandedNodes)
      this.stopAtMaximum(
        context,
        "grows too large when subqueries and CTEs are expanded (in expressions)",
        SQL_LIMITS.expandedNodes,
      );
    if (steps > SQL_LIMITS.steps)
      this.stopAtMaximum(context, "has constants that take too long to evaluate (in steps)", SQL_LIMITS.steps);
    if (work > SQL_LIMITS.rowBytes)
      this.stopAtMaximum(
        context,
        "passes too many bytes per row through functions, for example of an aggregate's value",
        SQL_LIMITS.rowBytes,
      );
    if ((conditions - longestCondition) * conditions > SQL_LIMITS.conditionPairs)
      this.stopAtMaximum(
        context,
        "combines too many OR conditions instead of using IN (in pairs of conditions)",
        SQL_LIMITS.conditionPairs,
      );
  }

  /** Enters a node: counts it and determines its position in the text. */
  protected enter(context: Context, fields: Fields): Context {
    this.nodes += 1;
    const { location } = fields;
    const offset = typeof location === "number" && location >= 0 ? location : context.offset;
    const inner = { ...context, depth: context.depth + 1, offset };
    if (this.nodes > SQL_LIMITS.nodes)
      this.stopAtMaximum(inner, "has too many elements (names, constants, operators)", SQL_LIMITS.nodes);
    if (inner.depth > SQL_LIMITS.depth) this.stopAtMaximum(inner, "is nested too deeply", SQL_LIMITS.depth);
    return inner;
  }

  /** Checks a node of any allowed type. @returns its cost */
  protected checkNode(node: unknown, context: Context): Cost {
    const [type, fields] = typeAndFields(node as TypedNode);
    return type === "" ? NO_COST : this.#checkTyped(type, fields, context);
  }

  protected checkList(nodes: unknown, context: Context): Cost[] {
    const list = (nodes ?? []) as unknown[];
    if (list.length > SQL_LIMITS.listItems)
      this.stopAtMaximum(context, "has a list with too many elements", SQL_LIMITS.listItems);
    return list.map((node) => this.checkNode(node, context));
  }

  #checkTyped(type: string, fields: Fields, outer: Context): Cost {
    const context = this.enter(outer, fields);
    if (!Object.hasOwn(NODE_RULES, type)) {
      this.refuseNode(type, context);
      return NO_COST;
    }
    const cost = this.checkSpecial(type, fields, context) ?? this.checkFields(type, fields, context);
    if (cost.bytes > SQL_LIMITS.constantBytes)
      this.stopAtMaximum(context, "can build a value that is too large (in bytes)", SQL_LIMITS.constantBytes);
    const size = sizeOf(cost);
    if (Number.isFinite(size) && size > SQL_LIMITS.valueBytes)
      this.stopAtMaximum(context, "can build a value too large for a row (in bytes)", SQL_LIMITS.valueBytes);
    this.enforceLimits(cost, context);
    return isBoolean(type, fields) ? { ...cost, bytes: 1, size: 1 } : cost;
  }

  /** Checks the names of a node's fields, and the children that need no special rules. */
  protected checkFields(type: string, fields: Fields, context: Context, handledFields: readonly string[] = []): Cost {
    const parts: Cost[] = [];
    const rule = NODE_RULES[type];
    for (const [name, value] of Object.entries(fields)) {
      if (name === "location") continue;
      const field = rule && Object.hasOwn(rule.fields, name) ? rule.fields[name] : undefined;
      if (field === undefined) this.refuseNode(`${type}.${name}`, context);
      else if (!handledFields.includes(name)) parts.push(this.#checkField(`${type}.${name}`, field, value, context));
    }
    return sum(parts, { nodes: 1, bytes: NODE_BYTES, tables: 0 });
  }

  #checkField(name: string, field: Field, value: unknown, context: Context): Cost {
    if (field === "node") return this.checkNode(value, context);
    if (field === "nodes") return sum(this.checkList(value, context));
    if (field === "names" || field === "value") return NO_COST;
    if (!("type" in field)) {
      if (!field.includes(String(value))) this.refuseNode(name, context);
      return NO_COST;
    }
    return this.#checkTyped(field.type, value as Fields, context);
  }

  /** Checks node types that need special rules. @returns undefined for all others */
  protected abstract checkSpecial(type: string, fields: Fields, context: Context): Cost | undefined;
}
