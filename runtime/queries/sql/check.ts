import { RELATIONS, SAMPLING_METHODS } from "./allowList.ts";
import { COLUMN_COST, type Cost, type Cte, maxCost, NO_COST, Scope, sizeOf, sum } from "./cost.ts";
import { ExpressionCheck, quoteName } from "./expressions.ts";
import { SQL_LIMITS } from "./limits.ts";
import { REFUSED_NODES } from "./nodes.ts";
import {
  columnNamesOf,
  type Fields,
  groupingSetsOf,
  product,
  starOf,
  type TypedNode,
  texts,
  typeAndFields,
} from "./tree.ts";
import { type Context, type Finding, StopCheck } from "./walk.ts";

/** Cost of a query, and of the expressions that replace its columns when the planner merges it into another query. */
interface QueryCost {
  readonly total: Cost;
  /** Number of columns. */
  readonly columns: number;
  /** Maximum cost of the expression of one column. */
  readonly column: Cost;
}

/** Display name of a statement other than SELECT, for example EXPLAIN for ExplainStmt. */
const statementName = (type: string): string =>
  REFUSED_NODES[type] ??
  (type.endsWith("Stmt")
    ? type
        .slice(0, -"Stmt".length)
        .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
        .toUpperCase()
    : type);

/**
 * Checks the parse tree of one SELECT against the allow-lists and maximums, in linear time.
 * @param statement the tree from libpg-query: `{"SelectStmt": {…}}`
 * @returns the refused parts in the order of the text; empty if the statement is allowed
 */
export function checkStatement(statement: unknown): Finding[] {
  const check = new StatementCheck();
  try {
    check.checkStatement(statement as TypedNode);
  } catch (error) {
    if (!(error instanceof StopCheck)) throw error;
  }
  return check.findings.sort((a, b) => a.offset - b.offset);
}

class StatementCheck extends ExpressionCheck {
  #ctes = 0;

  checkStatement(statement: TypedNode): void {
    const [type, fields] = typeAndFields(statement);
    const context: Context = { scope: new Scope(), ctes: [], depth: 0, offset: 0 };
    if (type === "SelectStmt") this.enforceLimits(this.#checkSelect(fields, context).total, context);
    else this.refuse(0, `does not allow ${statementName(type)}. Send one SELECT; WITH, VALUES or TABLE may begin it.`);
    const columnNames = this.fieldCalls.length > 0 ? columnNamesOf(statement) : new Set<string>();
    for (const { name, offset } of this.fieldCalls) if (!columnNames.has(name)) this.refuseFieldCall(name, offset);
  }

  /** Checks a subquery inside an expression, whose columns are not merged into the outer query. */
  protected checkSubquery(fields: Fields, context: Context): Cost {
    const { total, column } = this.#checkSelect(fields, context);
    return { ...total, bytes: COLUMN_COST.bytes, size: sizeOf(column), tables: total.tables + 1, isVariable: true };
  }

  /** Checks a SELECT with all its clauses. */
  #checkSelect(fields: Fields, outer: Context): QueryCost {
    const { withClause, larg, rarg } = fields as { withClause?: Fields; larg?: Fields; rarg?: Fields };
    const inner = this.enter(outer, fields);
    const scope = new Scope(outer.scope);
    let context: Context = { ...inner, scope };
    if (withClause) context = { ...context, ctes: this.#checkWith(withClause, { ...inner, scope: outer.scope }) };
    const arms = [larg, rarg].flatMap((arm) =>
      arm ? [this.#checkSelect(arm, { ...context, scope: outer.scope })] : [],
    );
    const from = this.#checkFrom(fields.fromClause, context);
    const targets = this.#checkTargets(fields.targetList, context);
    const rows =
      ((fields.valuesLists ?? []) as unknown[]).length > 0 ? this.checkList(fields.valuesLists, context) : [];
    const rest = this.checkFields("SelectStmt", fields, context, SELECT_FIELDS);
    this.#checkGroupingSets(fields.groupClause, context);

    const columns = arms[0]
      ? Math.max(...arms.map((arm) => arm.columns))
      : rows.length > 0
        ? Math.max(
            ...(fields.valuesLists as TypedNode[]).map(
              (row) => (row.List?.items as unknown[] | undefined)?.length ?? 0,
            ),
          )
        : targets.columns;
    if (columns > SQL_LIMITS.columns) this.stopAtMaximum(context, `selects ${columns} columns`, SQL_LIMITS.columns);
    // The planner tries indexes for conditions that select rows, not for conditions in the selected values.
    const selected = { ...targets.total, conditions: 0, longestCondition: 0 };
    const total = sum([sum(armCosts(arms)), from, selected, ...rows, rest]);
    this.enforceLimits(total, context);
    const merged = [...arms.map((arm) => arm.column), targets.column, ...rows].reduce(maxCost, COLUMN_COST);
    return { total, columns, column: isMergeable(fields, scope) ? merged : computedColumn(merged) };
  }

  #checkTargets(list: unknown, context: Context): { total: Cost; columns: number; column: Cost } {
    const targets = (list ?? []) as TypedNode[];
    let total = NO_COST;
    let column = COLUMN_COST;
    let columns = 0;
    for (const target of targets) {
      const cost = this.checkNode(target, context);
      total = sum([total, cost]);
      const stars = starOf(target);
      columns += stars === undefined ? 1 : context.scope.starColumns(stars.qualifier);
      // A star's columns are replaced one by one.
      column = maxCost(column, stars === undefined ? cost : context.scope.column());
    }
    return { total, columns, column };
  }

  /** Checks a WITH clause. @returns the CTEs in scope after it */
  #checkWith(clause: Fields, outer: Context): readonly Cte[] {
    const context = this.enter(outer, clause);
    this.checkFields("WithClause", clause, context, ["ctes"]);
    const list = clause.ctes as { CommonTableExpr: Fields }[];
    this.#ctes += list.length;
    if (this.#ctes > SQL_LIMITS.ctes) this.stopAtMaximum(context, "has too many CTEs", SQL_LIMITS.ctes);
    const isRecursive = clause.recursive === true;
    // The innermost name comes first.
    let inScope: Cte[] = [...outer.ctes];
    const forward = isRecursive ? list.map((cte) => forwardCte(String(cte.CommonTableExpr.ctename))) : [];
    for (const [index, { CommonTableExpr: fields }] of list.entries()) {
      const name = String(fields.ctename);
      const self = isRecursive ? [recursiveCte(name, fields)] : [];
      const later = forward.slice(index + 1);
      const inner = this.enter({ ...context, ctes: [...self, ...later, ...inScope] }, fields);
      this.checkFields("CommonTableExpr", fields, inner, ["ctequery"]);
      const query = this.#checkQuery(fields.ctequery as TypedNode, inner);
      const materialized = fields.ctematerialized;
      const isInlined = materialized !== "CTEMaterializeAlways" && !self.some(({ isUsed }) => isUsed);
      const cte: Cte = {
        name,
        columns: query.columns + SEARCH_COLUMNS,
        column: isInlined ? query.column : computedColumn(query.column),
        query: query.total,
        isRepeated: isInlined && materialized === "CTEMaterializeNever",
        isUsed: false,
      };
      inScope = [cte, ...inScope];
    }
    return inScope;
  }

  #checkQuery(query: TypedNode, context: Context): QueryCost {
    const [type, fields] = typeAndFields(query);
    if (type === "SelectStmt") return this.#checkSelect(fields, context);
    this.refuseNode(type, context);
    return { total: NO_COST, columns: 0, column: COLUMN_COST };
  }

  /** Checks FROM items from left to right, since LATERAL can refer to the items to its left. */
  #checkFrom(items: unknown, context: Context): Cost {
    return sum(((items ?? []) as TypedNode[]).map((item) => this.#checkFromItem(item, context)));
  }

  #checkFromItem(item: TypedNode, outer: Context): Cost {
    const [type, fields] = typeAndFields(item);
    const context = this.enter(outer, fields);
    const alias = (fields.alias as Fields | undefined)?.aliasname as string | undefined;
    switch (type) {
      case "RangeVar":
        return this.#checkRelation(fields, alias, context);
      case "RangeSubselect": {
        this.checkFields(type, fields, context, ["subquery"]);
        const scope = fields.lateral === true ? context.scope : context.scope.outer;
        const query = this.#checkQuery(fields.subquery as TypedNode, { ...context, scope: scope ?? new Scope() });
        context.scope.items.push({ name: alias, columns: query.columns, column: query.column });
        return sum([query.total], RANGE_TABLE_ENTRY);
      }
      case "RangeFunction": {
        const cost = this.#checkRangeFunction(fields, context);
        const defined = ((fields.coldeflist ?? []) as unknown[]).length;
        const columns = Math.max(defined, ((fields.functions ?? []) as unknown[]).length * FUNCTION_COLUMNS) + 1;
        context.scope.items.push({ name: alias, columns, column: maxCost(COLUMN_COST, cost) });
        return sum([cost], RANGE_TABLE_ENTRY);
      }
      case "RangeTableSample": {
        const method = texts(fields.method);
        if (method.length !== 1 || !SAMPLING_METHODS.has(method[0] ?? ""))
          this.refuse(context.offset, `does not allow the sampling method ${quoteName(method)}.`);
        const relation = this.#checkFromItem(fields.relation as TypedNode, context);
        return sum([relation, this.checkFields(type, fields, context, ["relation"])]);
      }
      case "JoinExpr": {
        const before = context.scope.items.length;
        const sides = [fields.larg, fields.rarg].map((side) => this.#checkFromItem(side as TypedNode, context));
        const joined = context.scope.items.slice(before);
        const rest = this.checkFields(type, fields, context, ["larg", "rarg"]);
        for (const name of [alias, (fields.join_using_alias as Fields | undefined)?.aliasname as string | undefined])
          if (name !== undefined)
            context.scope.items.push({
              name,
              columns: joined.reduce((columns, item) => columns + item.columns, 0),
              column: joined.map((item) => item.column).reduce(maxCost, COLUMN_COST),
            });
        return sum([...sides, rest], RANGE_TABLE_ENTRY);
      }
      default:
        this.refuseNode(type, context);
        return NO_COST;
    }
  }

  /** Checks functions in FROM. Each entry is a list of the function and, if given, the definition of its columns. */
  #checkRangeFunction(fields: Fields, context: Context): Cost {
    const rest = this.checkFields("RangeFunction", fields, context, ["functions"]);
    const functions = (fields.functions as { List: Fields }[]).map(({ List }) =>
      sum(
        (List.items as unknown[]).flatMap((part) =>
          Array.isArray(part) ? this.checkList(part, context) : [this.checkNode(part, context)],
        ),
      ),
    );
    return sum([...functions, rest]);
  }

  #checkRelation(fields: Fields, alias: string | undefined, context: Context): Cost {
    this.checkFields("RangeVar", fields, context);
    const { catalogname, schemaname, relname } = fields as Record<string, string | undefined>;
    const name = relname ?? "";
    if (catalogname === undefined && schemaname === undefined) {
      const cte = context.ctes.find((candidate) => candidate.name === name);
      if (cte) return this.#useCte(cte, alias, context);
    }
    const relation = catalogname === undefined ? RELATIONS.get(schemaname ?? "public")?.get(name) : undefined;
    if (!relation) {
      const parts = [catalogname, schemaname, name].filter((part) => part !== undefined);
      const tables = [...(RELATIONS.get("public")?.keys() ?? [])].join(", ");
      this.refuse(
        context.offset,
        `does not allow the relation ${quoteName(parts)}. It can read ${tables}, CTEs, and tables of information_schema.`,
      );
      return NO_COST;
    }
    context.scope.items.push({ name: alias ?? name, columns: relation.columns, column: COLUMN_COST });
    return { nodes: relation.columns, bytes: 0, tables: relation.tables };
  }

  #useCte(cte: Cte, alias: string | undefined, context: Context): Cost {
    if (cte.isForward)
      this.refuse(context.offset, `uses the CTE ${quoteName([cte.name])} before it is defined. Define it first.`);
    context.scope.items.push({ name: alias ?? cte.name, columns: cte.columns, column: cte.column });
    const isFirst = !cte.isUsed;
    cte.isUsed = true;
    return sum(isFirst || cte.isRepeated ? [cte.query] : [], RANGE_TABLE_ENTRY);
  }

  /** Bounds the number of grouping sets: the product of the number of sets of each element of the clause. */
  #checkGroupingSets(clause: unknown, context: Context): void {
    const count = product(((clause ?? []) as TypedNode[]).map(groupingSetsOf));
    if (count > SQL_LIMITS.groupingSets)
      this.stopAtMaximum(context, "has too many grouping sets", SQL_LIMITS.groupingSets);
  }
}

/** Fields of SelectStmt that #checkSelect checks itself. */
const SELECT_FIELDS = ["withClause", "larg", "rarg", "fromClause", "targetList", "valuesLists"];

const RANGE_TABLE_ENTRY: Cost = { nodes: 1, bytes: 0, tables: 1 };

/** Columns that SEARCH and CYCLE add. */
const SEARCH_COLUMNS = 3;
/** Maximum columns of an allowed set-returning function without a column definition list. */
const FUNCTION_COLUMNS = 2;

/**
 * Returns true if the planner can merge a subquery into the outer query (is_simple_subquery, is_simple_union_all).
 */
function isMergeable(fields: Fields, scope: Scope): boolean {
  const barriers = ["distinctClause", "groupClause", "havingClause", "sortClause", "limitCount", "limitOffset"];
  if (fields.op !== undefined && fields.op !== "SETOP_NONE" && fields.all !== true) return false;
  return !scope.isBarrier && !barriers.some((name) => fields[name] !== undefined);
}

const forwardCte = (name: string): Cte => ({
  name,
  isForward: true,
  columns: 0,
  column: COLUMN_COST,
  query: NO_COST,
  isRepeated: false,
  isUsed: false,
});

/** Returns the entry of a recursive CTE inside its own query. */
function recursiveCte(name: string, fields: Fields): Cte {
  const columns = ((fields.aliascolnames ?? []) as unknown[]).length;
  // Each iteration can make values longer.
  const column = { ...COLUMN_COST, size: Number.POSITIVE_INFINITY };
  return { ...forwardCte(name), isForward: false, isSelf: true, columns: columns + SEARCH_COLUMNS, column };
}

/** Returns the costs of a set operation's sides, whose conditions are planned one after the other. */
const armCosts = (arms: readonly QueryCost[]): Cost[] => {
  const conditions = Math.max(0, ...arms.map(({ total }) => total.conditions ?? 0));
  return arms.map(({ total }, index) => ({ ...total, conditions: index === 0 ? conditions : 0 }));
};

/** Returns the cost of a column that is computed before the outer query uses it. */
const computedColumn = (column: Cost): Cost => ({ ...COLUMN_COST, size: sizeOf(column) });
