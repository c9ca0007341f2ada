import { closest, distance } from "fastest-levenshtein";
import {
  BETWEEN_NAMES,
  COLLATIONS,
  HARMLESS_NAMES,
  OPERATORS,
  PADDED_TYPES,
  RELATIONS,
  SAMPLING,
  TYPES,
} from "./allowList.ts";
import { COLUMN, type Cost, type Cte, larger, NOTHING, Scope, sizeOf, sum, times } from "./cost.ts";
import { CALLABLE_NAMES } from "./functionNames.ts";
import { FUNCTIONS, NEVER_FOLDED, PLATFORM_FUNCTIONS } from "./functions.ts";
import { callBytes, castBytes, JSON_TEXT, literalBytes, NUMERIC_BYTES, pathBytes, QUOTED } from "./growth.ts";
import { SQL_LIMITS } from "./limits.ts";
import { type Field, NODE_RULES, REFUSED_NODES } from "./nodes.ts";
import { constantSteps, isSquare, resultSize, uninterruptedSteps } from "./steps.ts";

/** A part of a statement that is refused. */
export interface Finding {
  /** Byte in the text. */
  offset: number;
  message: string;
}

/** A node of the parse tree: its fields. */
type Fields = Record<string, unknown>;
/** A node with its type: `{"ColumnRef": {…}}`; an empty object stands for a null. */
type Wrapped = Record<string, Fields>;

/** Context of an expression: the columns and relations that it can refer to. */
interface Context {
  readonly scope: Scope;
  readonly ctes: readonly Cte[];
  readonly depth: number;
  readonly offset: number;
}

/** Cost of a query, and the replacements of its result's columns when the planner merges it into another. */
interface QueryCost {
  readonly total: Cost;
  readonly columns: number;
  readonly column: Cost;
}

/** Display name of a statement other than SELECT: EXPLAIN for ExplainStmt. */
const statementName = (type: string): string =>
  REFUSED_NODES[type] ??
  (type.endsWith("Stmt")
    ? type
        .slice(0, -"Stmt".length)
        .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
        .toUpperCase()
    : type);

/** Ends a check whose statement exceeds a maximum: what remains is not looked at. */
class Stop extends Error {}

/**
 * Checks the parse tree of one SELECT against the allow-lists and maximums, in linear time.
 * @param statement the tree as libpg-query gives it: `{"SelectStmt": {…}}`
 * @returns what is refused, in the order of the text; nothing when the statement is allowed
 */
export function checkStatement(statement: unknown): Finding[] {
  const check = new Check();
  try {
    check.statement(statement as Wrapped);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
  return check.findings.sort((a, b) => a.offset - b.offset);
}

class Check {
  readonly findings: Finding[] = [];
  #nodes = 0;
  #ctes = 0;
  /** Uses of `value.name` where an allowed function has that name. */
  readonly #maybeCalls: { name: string; offset: number }[] = [];

  statement(statement: Wrapped): void {
    const [type, fields] = typed(statement);
    const context: Context = { scope: new Scope(), ctes: [], depth: 0, offset: 0 };
    if (type === "SelectStmt") this.#limit(this.#select(fields, context).total, context);
    else this.#refuse(0, `does not allow ${statementName(type)}. Send one SELECT; WITH, VALUES or TABLE may begin it.`);
    const columnNames = this.#maybeCalls.length > 0 ? columnNamesOf(statement) : new Set<string>();
    for (const { name, offset } of this.#maybeCalls) if (!columnNames.has(name)) this.#refuseFieldCall(name, offset);
  }

  #refuse(offset: number, message: string): void {
    this.findings.push({ offset, message });
    if (this.findings.length >= SQL_LIMITS.problems) throw new Stop();
  }

  #refuseNode(key: string, { offset }: Context): void {
    const name = REFUSED_NODES[key];
    this.#refuse(offset, name ? `does not allow ${name}.` : `does not allow ${key}.`);
  }

  #exceeds({ offset }: Context, what: string, maximum: number): never {
    this.findings.push({ offset, message: `${what}; the maximum is ${maximum}. Simplify or split the query.` });
    throw new Stop();
  }

  #limit({ nodes, tables, steps = 0 }: Cost, context: Context): void {
    if (tables > SQL_LIMITS.rangeTableEntries)
      this.#exceeds(
        context,
        "has too many tables, counting each use of a CTE, subquery or view",
        SQL_LIMITS.rangeTableEntries,
      );
    if (nodes > SQL_LIMITS.expandedNodes)
      this.#exceeds(
        context,
        "grows too large when subqueries and CTEs are expanded (in expressions)",
        SQL_LIMITS.expandedNodes,
      );
    if (steps > SQL_LIMITS.steps)
      this.#exceeds(context, "has constants that take too long to evaluate (in steps)", SQL_LIMITS.steps);
  }

  /** Bounds what a function or an operator does without looking at the time, and counts what it does with constants. */
  #timed(name: string, args: readonly Cost[], cost: Cost, context: Context): Cost {
    const sizes = args.map(sizeOf);
    if (uninterruptedSteps(name, sizes) > SQL_LIMITS.steps)
      this.#refuse(
        context.offset,
        `allows "${name}" with one long value at most, such as an aggregate's. Compare shorter values, or before they are collected.`,
      );
    if (cost.isVariable) return cost;
    const constants = args.map(({ bytes }) => bytes);
    return { ...cost, steps: (cost.steps ?? 0) + constantSteps(name, constants, cost.bytes) };
  }

  /** Enters a node: counts it, and knows its place in the text. */
  #enter(context: Context, fields: Fields): Context {
    this.#nodes += 1;
    const { location } = fields;
    const offset = typeof location === "number" && location >= 0 ? location : context.offset;
    const inner = { ...context, depth: context.depth + 1, offset };
    if (this.#nodes > SQL_LIMITS.nodes)
      this.#exceeds(inner, "has too many elements (names, constants, operators)", SQL_LIMITS.nodes);
    if (inner.depth > SQL_LIMITS.depth) this.#exceeds(inner, "is nested too deeply", SQL_LIMITS.depth);
    return inner;
  }

  /** Checks a node of any allowed type, and answers what it costs. */
  #node(node: unknown, context: Context): Cost {
    const [type, fields] = typed(node as Wrapped);
    return type === "" ? NOTHING : this.#fields(type, fields, context);
  }

  #list(nodes: unknown, context: Context): Cost[] {
    const list = (nodes ?? []) as unknown[];
    if (list.length > SQL_LIMITS.listItems)
      this.#exceeds(context, "has a list with too many elements", SQL_LIMITS.listItems);
    return list.map((node) => this.#node(node, context));
  }

  #fields(type: string, fields: Fields, outer: Context): Cost {
    const context = this.#enter(outer, fields);
    if (!Object.hasOwn(NODE_RULES, type)) {
      this.#refuseNode(type, context);
      return NOTHING;
    }
    const cost = this.#special(type, fields, context) ?? this.#plain(type, fields, context);
    if (cost.bytes > SQL_LIMITS.constantBytes)
      this.#exceeds(context, "can build a value that is too large (in bytes)", SQL_LIMITS.constantBytes);
    this.#limit(cost, context);
    return isTruth(type, fields) ? { ...cost, bytes: 1, size: 1 } : cost;
  }

  /** Checks the names of a node's fields, and those children that need nothing special. */
  #plain(type: string, fields: Fields, context: Context, handled: readonly string[] = []): Cost {
    const parts: Cost[] = [];
    const rule = NODE_RULES[type];
    for (const [name, value] of Object.entries(fields)) {
      if (name === "location") continue;
      const field = rule && Object.hasOwn(rule.fields, name) ? rule.fields[name] : undefined;
      if (field === undefined) this.#refuseNode(`${type}.${name}`, context);
      else if (!handled.includes(name)) parts.push(this.#field(`${type}.${name}`, field, value, context));
    }
    return sum(parts, { nodes: 1, bytes: 16, tables: 0 });
  }

  #field(name: string, field: Field, value: unknown, context: Context): Cost {
    if (field === "node") return this.#node(value, context);
    if (field === "nodes") return sum(this.#list(value, context));
    if (field === "names" || field === "value") return NOTHING;
    if (!("type" in field)) {
      if (!field.includes(String(value))) this.#refuseNode(name, context);
      return NOTHING;
    }
    return this.#fields(field.type, value as Fields, context);
  }

  /** Checks what a node's type alone does not decide; undefined where nothing is special about it. */
  #special(type: string, fields: Fields, context: Context): Cost | undefined {
    switch (type) {
      case "SelectStmt":
        return this.#subquery(fields, context);
      case "ColumnRef":
        return this.#column(fields, context);
      case "A_Const":
        return this.#constant(fields, context);
      case "A_Expr":
        return this.#expression(fields, context);
      case "SortBy":
        if (fields.useOp) this.#operator(fields.useOp, context);
        return undefined;
      case "SubLink":
        if (fields.operName) this.#operator(fields.operName, context);
        return fields.subLinkType === "ARRAY_SUBLINK"
          ? { ...this.#plain(type, fields, context), size: Number.POSITIVE_INFINITY }
          : undefined;
      case "JsonObjectAgg":
      case "JsonArrayAgg":
        return { ...this.#plain(type, fields, context), size: Number.POSITIVE_INFINITY };
      case "FuncCall":
        return this.#call(fields, context);
      case "TypeName":
        return this.#type(fields, context);
      case "TypeCast":
        return this.#cast(fields, context);
      case "RowExpr":
      case "A_ArrayExpr":
        return this.#grown(type, fields, context, (bytes) => bytes * QUOTED);
      case "JsonObjectConstructor":
      case "JsonArrayConstructor":
        return this.#grown(type, fields, context, (bytes) => bytes * JSON_TEXT);
      case "JsonFuncExpr":
        return this.#grown(
          type,
          fields,
          context,
          (bytes) => NUMERIC_BYTES + pathBytes(bytes, literalText(fields.pathspec as Wrapped)),
        );
      case "CaseExpr":
      case "CaseWhen":
      case "CoalesceExpr":
        return this.#choice(type, fields, context);
      case "CollateClause":
        this.#named("collation", fields.collname, COLLATIONS, context);
        return undefined;
      case "A_Indirection":
        return this.#indirection(fields, context);
      case "String":
        return NOTHING;
      default:
        return undefined;
    }
  }

  /**
   * A node whose value can be larger than its parts.
   * @param grow bytes of a constant
   * @param growSize bytes of a value of a row; by default the same
   */
  #grown(
    type: string,
    fields: Fields,
    context: Context,
    grow: (bytes: number) => number,
    growSize: (size: number) => number = grow,
  ): Cost {
    const cost = this.#plain(type, fields, context);
    const size = growSize(sizeOf(cost));
    if (cost.isVariable) return { ...cost, size };
    const bytes = grow(cost.bytes);
    return { ...cost, bytes, size: bytes, steps: (cost.steps ?? 0) + constantSteps(type, [cost.bytes], bytes) };
  }

  /** An operator with its operands. */
  #expression(fields: Fields, context: Context): Cost {
    this.#operator(fields.name, context);
    const name = texts(fields.name).at(-1) ?? "";
    const operands = [fields.lexpr, fields.rexpr].flatMap((operand) => (operand ? [this.#node(operand, context)] : []));
    const cost = sum(operands, this.#plain("A_Expr", fields, context, ["lexpr", "rexpr"]));
    const bytes = name === "^" && !cost.isVariable ? cost.bytes + NUMERIC_BYTES : cost.bytes;
    return this.#timed(name, operands, { ...cost, bytes, size: cost.isVariable ? sizeOf(cost) : bytes }, context);
  }

  /** CASE and COALESCE: the planner chooses between their parts as far as it knows the first condition, or value. */
  #choice(type: string, fields: Fields, context: Context): Cost {
    const handled = ["arg", "args", "defresult", "expr", "result"];
    const rest = this.#plain(type, fields, context, handled);
    const parts = ["arg", "expr"].flatMap((name) => (fields[name] ? [this.#node(fields[name], context)] : []));
    parts.push(...this.#list(fields.args, context));
    const isVariable = parts[0]?.isVariable === true;
    for (const name of ["result", "defresult"]) if (fields[name]) parts.push(this.#node(fields[name], context));
    return { ...sum(parts, rest), isVariable };
  }

  #cast(fields: Fields, context: Context): Cost {
    const typeName = fields.typeName as Fields;
    const type = texts(typeName.names).at(-1) ?? "";
    const isArray = ((typeName.arrayBounds ?? []) as unknown[]).length > 0;
    const arg = fields.arg as Wrapped;
    const elements = (arg.A_ArrayExpr?.elements ?? [arg]) as Wrapped[];
    const isLiteral = elements.every((element) => element.A_Const !== undefined);
    return this.#grown(
      "TypeCast",
      fields,
      context,
      (bytes) => castBytes(bytes, type, isArray, isLiteral),
      // What rows hold is not written to be as short as it can be.
      (size) => castBytes(size, type, isArray, true),
    );
  }

  /** A list of qualified names of which one kind is allowed, in pg_catalog. */
  #named(kind: string, names: unknown, allowed: ReadonlySet<string>, context: Context): void {
    const parts = texts(names);
    const name = parts.at(-1) ?? "";
    const isBuiltIn = parts.length === 1 || (parts.length === 2 && parts[0] === "pg_catalog");
    if (!isBuiltIn || !allowed.has(name)) this.#refuse(context.offset, `does not allow the ${kind} ${quoted(parts)}.`);
  }

  #operator(names: unknown, context: Context): void {
    const parts = texts(names);
    if (parts.length === 1 && BETWEEN_NAMES.has(parts[0] ?? "")) return;
    this.#named("operator", names, OPERATORS, context);
  }

  #constant(fields: Fields, context: Context): Cost {
    this.#plain("A_Const", fields, context);
    const text = (fields.sval as { sval?: string } | undefined)?.sval ?? "";
    const bytes = Buffer.byteLength(text);
    if (bytes > SQL_LIMITS.stringBytes)
      this.#exceeds(context, `has a string constant of ${bytes} bytes`, SQL_LIMITS.stringBytes);
    const number = (fields.fval as { fval?: string } | undefined)?.fval ?? "";
    return { nodes: 1, bytes: Math.max(literalBytes(text) + literalBytes(number), 8), tables: 0 };
  }

  #column(fields: Fields, context: Context): Cost {
    const parts = (fields.fields as Wrapped[]).map((part) => part.String?.sval as string | undefined);
    const last = parts.at(-1);
    const qualifier = parts.at(-2);
    this.#nodes += parts.length;
    const { scope } = context;
    const one = sum([scope.column(qualifier)], { nodes: 1, bytes: 0, tables: 0 });
    // A star is the columns of one item, or of all.
    if (last === undefined) return { ...times(one, scope.starColumns(qualifier)), bytes: one.bytes };
    if (qualifier !== undefined) this.#fieldName(last, context);
    // The name of a FROM item is its whole row, and `item.function` a call with that row.
    const row = scope.item(qualifier !== undefined && FUNCTIONS.has(last) ? qualifier : last);
    if (!row) return one;
    const whole = times(one, Math.max(1, row.columns));
    if (whole.isVariable) return whole;
    const bytes = whole.bytes * QUOTED;
    return { ...whole, bytes: FUNCTIONS.has(last) ? callBytes(last, [{ bytes, text: undefined }]) : bytes };
  }

  /** Refuses `value.name` where that can call a function: Postgres looks for one when it finds no such column. */
  #fieldName(name: string, context: Context): void {
    if (!CALLABLE_NAMES.has(name) || HARMLESS_NAMES.has(name) || TYPES.has(name)) return;
    if (FUNCTIONS.has(name) && !isSquare(name)) this.#maybeCalls.push({ name, offset: context.offset });
    else this.#refuseFieldCall(name, context.offset);
  }

  #refuseFieldCall(name: string, offset: number): void {
    this.#refuse(
      offset,
      `does not allow .${quoted([name])}, which can call a function of that name. Give the column another name with AS.`,
    );
  }

  #indirection(fields: Fields, context: Context): Cost {
    let cost = this.#plain("A_Indirection", fields, context);
    // The planner takes the field of a row without the others.
    if ((fields.arg as Wrapped).RowExpr) cost = { ...cost, isVariable: false };
    for (const part of fields.indirection as Wrapped[]) {
      const name = part.String?.sval;
      if (typeof name !== "string") continue;
      this.#fieldName(name, context);
      if (FUNCTIONS.has(name) && !cost.isVariable)
        cost = { ...cost, bytes: callBytes(name, [{ bytes: cost.bytes, text: undefined }]) };
    }
    return cost;
  }

  #call(fields: Fields, context: Context): Cost {
    const parts = texts(fields.funcname);
    const name = parts.at(-1) ?? "";
    const schema = parts.length > 1 ? parts.slice(0, -1).join(".") : undefined;
    const home = PLATFORM_FUNCTIONS.has(name) ? "public" : "pg_catalog";
    if (!FUNCTIONS.has(name) || (schema !== undefined && schema !== home)) {
      this.#refuse(context.offset, `does not allow the function ${quoted(parts)}.${hint(name, FUNCTIONS.keys())}`);
      return NOTHING;
    }
    if (fields.over) context.scope.isBarrier = true;
    const args = this.#list(fields.args, context);
    const others = this.#plain("FuncCall", fields, context, ["args"]);
    const cost = sum(args, sum([others], { nodes: 0, bytes: 16, tables: 0 }));
    const limited = this.#limitedCall(name, fields, args, cost, context);
    const values = (fields.args ?? []) as Wrapped[];
    const grown = (bytesOf: (arg: Cost) => number) =>
      callBytes(
        name,
        args.map((arg, index) => ({ bytes: bytesOf(arg), text: literalText(values[index]) })),
      );
    const isLimited = FUNCTIONS.get(name) !== undefined;
    const isVariable =
      limited.isVariable === true || args.length === 0 || fields.over !== undefined || NEVER_FOLDED.has(name);
    const bytes =
      isVariable || isLimited
        ? limited.bytes
        : Math.max(
            limited.bytes,
            grown((arg) => arg.bytes),
          );
    const size = resultSize(name, isLimited ? sizeOf(limited) : Math.max(sizeOf(limited), grown(sizeOf)));
    return this.#timed(name, args, { ...limited, bytes, size, isVariable }, context);
  }

  /** Bounds the result of a function whose size is an argument, or a product of two. */
  #limitedCall(name: string, fields: Fields, args: readonly Cost[], cost: Cost, context: Context): Cost {
    const values = (fields.args ?? []) as Wrapped[];
    const limit = FUNCTIONS.get(name);
    if (limit === "product") {
      const inserted = name === "array_to_string" ? 1 : 2;
      const grow = (bytesOf: (arg: Cost) => number) => {
        const [first = 1, ...others] = args.map(bytesOf);
        return Math.max(first, 1) * growthOf(values, [first, ...others], inserted, name === "replace");
      };
      const bytes = Math.max(
        cost.bytes,
        grow((arg) => arg.bytes),
      );
      return { ...cost, bytes, size: Math.max(sizeOf(cost), grow(sizeOf)) };
    }
    if (limit === "length" || limit === "repeat") {
      const length = literalInteger(values[1]);
      if (length === undefined || length > SQL_LIMITS.padding)
        this.#refuse(
          context.offset,
          `allows ${name} with a number of at most ${SQL_LIMITS.padding} as second argument, written as a literal.`,
        );
      const [first = NOTHING] = args;
      const added = (bytes: number) => (length ? (limit === "repeat" ? bytes : 4) * length : 0);
      return { ...cost, bytes: cost.bytes + added(first.bytes), size: sizeOf(cost) + added(sizeOf(first)) };
    }
    if (limit === "format") {
      const template = literalText(values[0]);
      const widths = template === undefined ? undefined : formatWidths(template);
      if (fields.func_variadic || widths === undefined || widths.some((width) => width > SQL_LIMITS.formatWidth))
        this.#refuse(
          context.offset,
          `allows format with a literal template whose fields are at most ${SQL_LIMITS.formatWidth} wide.`,
        );
      // A position (%1$s) can name one argument again and again.
      const repeats = 1 + (template?.split("%").length ?? 0);
      const grow = (bytes: number) => bytes * repeats + repeats * SQL_LIMITS.formatWidth;
      return { ...cost, bytes: grow(cost.bytes), size: grow(sizeOf(cost)) };
    }
    return cost;
  }

  #type(fields: Fields, context: Context): Cost {
    this.#plain("TypeName", fields, context, ["typmods", "arrayBounds"]);
    this.#named("type", fields.names, TYPES, context);
    const name = texts(fields.names).at(-1) ?? "";
    for (const modifier of (fields.typmods ?? []) as Wrapped[]) {
      const value = literalInteger(modifier);
      if (value === undefined || (PADDED_TYPES.has(name) && value > SQL_LIMITS.padding))
        this.#refuse(
          context.offset,
          `allows ${name} with a length of at most ${SQL_LIMITS.padding}, written as a literal. Use text.`,
        );
    }
    return { nodes: 1, bytes: PADDED_TYPES.has(name) ? SQL_LIMITS.padding : 0, tables: 0 };
  }

  /** A subquery inside an expression: its columns are not merged into the query around it. */
  #subquery(fields: Fields, context: Context): Cost {
    const { total, column } = this.#select(fields, context);
    return { ...total, bytes: COLUMN.bytes, size: sizeOf(column), tables: total.tables + 1, isVariable: true };
  }

  /** Checks a SELECT with all that belongs to it. */
  #select(fields: Fields, outer: Context): QueryCost {
    const { withClause, larg, rarg } = fields as { withClause?: Fields; larg?: Fields; rarg?: Fields };
    const around = this.#enter(outer, fields);
    const scope = new Scope(outer.scope);
    let context: Context = { ...around, scope };
    if (withClause) context = { ...context, ctes: this.#with(withClause, { ...around, scope: outer.scope }) };
    const arms = [larg, rarg].flatMap((arm) => (arm ? [this.#select(arm, { ...context, scope: outer.scope })] : []));
    const from = this.#from(fields.fromClause, context);
    const targets = this.#targets(fields.targetList, context);
    const rows = ((fields.valuesLists ?? []) as unknown[]).length > 0 ? this.#list(fields.valuesLists, context) : [];
    const rest = this.#plain("SelectStmt", fields, context, HANDLED);
    this.#groupingSets(fields.groupClause, context);

    const columns = arms[0]
      ? Math.max(...arms.map((arm) => arm.columns))
      : rows.length > 0
        ? Math.max(
            ...(fields.valuesLists as Wrapped[]).map((row) => (row.List?.items as unknown[] | undefined)?.length ?? 0),
          )
        : targets.columns;
    if (columns > SQL_LIMITS.columns) this.#exceeds(context, `selects ${columns} columns`, SQL_LIMITS.columns);
    const total = sum([...arms.map((arm) => arm.total), from, targets.total, ...rows, rest]);
    this.#limit(total, context);
    const merged = [...arms.map((arm) => arm.column), targets.column, ...rows].reduce(larger, COLUMN);
    return { total, columns, column: isMerged(fields, scope) ? merged : computed(merged) };
  }

  #targets(list: unknown, context: Context): { total: Cost; columns: number; column: Cost } {
    const targets = (list ?? []) as Wrapped[];
    let total = NOTHING;
    let column = COLUMN;
    let columns = 0;
    for (const target of targets) {
      const cost = this.#node(target, context);
      total = sum([total, cost]);
      const stars = starOf(target);
      columns += stars === undefined ? 1 : context.scope.starColumns(stars.qualifier);
      // A star's columns are replaced one by one.
      column = larger(column, stars === undefined ? cost : context.scope.column());
    }
    return { total, columns, column };
  }

  /** Checks a WITH clause, and answers the CTEs that are in scope behind it. */
  #with(clause: Fields, outer: Context): readonly Cte[] {
    const context = this.#enter(outer, clause);
    this.#plain("WithClause", clause, context, ["ctes"]);
    const list = clause.ctes as { CommonTableExpr: Fields }[];
    this.#ctes += list.length;
    if (this.#ctes > SQL_LIMITS.ctes) this.#exceeds(context, "has too many CTEs", SQL_LIMITS.ctes);
    const isRecursive = clause.recursive === true;
    // The innermost name comes first.
    let inScope: Cte[] = [...outer.ctes];
    const forward = isRecursive ? list.map((one) => unresolved(String(one.CommonTableExpr.ctename))) : [];
    for (const [index, { CommonTableExpr: fields }] of list.entries()) {
      const name = String(fields.ctename);
      const self = isRecursive ? [selfOf(name, fields)] : [];
      const later = forward.slice(index + 1);
      const inner = this.#enter({ ...context, ctes: [...self, ...later, ...inScope] }, fields);
      this.#plain("CommonTableExpr", fields, inner, ["ctequery"]);
      const query = this.#cteQuery(fields.ctequery as Wrapped, inner);
      const materialized = fields.ctematerialized;
      const isInlined = materialized !== "CTEMaterializeAlways" && !self.some((one) => one.isUsed);
      const cte: Cte = {
        name,
        columns: query.columns + SEARCH_COLUMNS,
        column: isInlined ? query.column : computed(query.column),
        query: query.total,
        repeats: isInlined && materialized === "CTEMaterializeNever",
        isUsed: false,
      };
      inScope = [cte, ...inScope];
    }
    return inScope;
  }

  #cteQuery(query: Wrapped, context: Context): QueryCost {
    const [type, fields] = typed(query);
    if (type === "SelectStmt") return this.#select(fields, context);
    this.#refuseNode(type, context);
    return { total: NOTHING, columns: 0, column: COLUMN };
  }

  /** Checks FROM items from left to right: LATERAL sees those to its left. */
  #from(items: unknown, context: Context): Cost {
    return sum(((items ?? []) as Wrapped[]).map((item) => this.#fromItem(item, context)));
  }

  #fromItem(item: Wrapped, outer: Context): Cost {
    const [type, fields] = typed(item);
    const context = this.#enter(outer, fields ?? {});
    const alias = (fields.alias as Fields | undefined)?.aliasname as string | undefined;
    switch (type) {
      case "RangeVar":
        return this.#relation(fields, alias, context);
      case "RangeSubselect": {
        this.#plain(type, fields, context, ["subquery"]);
        const scope = fields.lateral === true ? context.scope : context.scope.outer;
        const query = this.#cteQuery(fields.subquery as Wrapped, { ...context, scope: scope ?? new Scope() });
        context.scope.items.push({ name: alias, columns: query.columns, column: query.column });
        return sum([query.total], ENTRY);
      }
      case "RangeFunction": {
        const cost = this.#rangeFunction(fields, context);
        const defined = ((fields.coldeflist ?? []) as unknown[]).length;
        const columns = Math.max(defined, ((fields.functions ?? []) as unknown[]).length * FUNCTION_COLUMNS) + 1;
        context.scope.items.push({ name: alias, columns, column: larger(COLUMN, cost) });
        return sum([cost], ENTRY);
      }
      case "RangeTableSample": {
        const method = texts(fields.method);
        if (method.length !== 1 || !SAMPLING.has(method[0] ?? ""))
          this.#refuse(context.offset, `does not allow the sampling method ${quoted(method)}.`);
        const relation = this.#fromItem(fields.relation as Wrapped, context);
        return sum([relation, this.#plain(type, fields, context, ["relation"])]);
      }
      case "JoinExpr": {
        const before = context.scope.items.length;
        const sides = [fields.larg, fields.rarg].map((side) => this.#fromItem(side as Wrapped, context));
        const joined = context.scope.items.slice(before);
        const rest = this.#plain(type, fields, context, ["larg", "rarg"]);
        for (const name of [alias, (fields.join_using_alias as Fields | undefined)?.aliasname as string | undefined])
          if (name !== undefined)
            context.scope.items.push({
              name,
              columns: joined.reduce((columns, one) => columns + one.columns, 0),
              column: joined.map((one) => one.column).reduce(larger, COLUMN),
            });
        return sum([...sides, rest], ENTRY);
      }
      default:
        this.#refuseNode(type, context);
        return NOTHING;
    }
  }

  /** Each entry is a list: the function, and the definition of its columns or nothing. */
  #rangeFunction(fields: Fields, context: Context): Cost {
    const rest = this.#plain("RangeFunction", fields, context, ["functions"]);
    const functions = (fields.functions as { List: Fields }[]).map(({ List }) =>
      sum(
        (List.items as unknown[]).flatMap((part) =>
          Array.isArray(part) ? this.#list(part, context) : [this.#node(part, context)],
        ),
      ),
    );
    return sum([...functions, rest]);
  }

  #relation(fields: Fields, alias: string | undefined, context: Context): Cost {
    this.#plain("RangeVar", fields, context);
    const { catalogname, schemaname, relname } = fields as Record<string, string | undefined>;
    const name = relname ?? "";
    if (catalogname === undefined && schemaname === undefined) {
      const cte = context.ctes.find((one) => one.name === name);
      if (cte) return this.#useCte(cte, alias, context);
    }
    const relation = catalogname === undefined ? RELATIONS.get(schemaname ?? "public")?.get(name) : undefined;
    if (!relation) {
      const parts = [catalogname, schemaname, name].filter((part) => part !== undefined);
      const tables = [...(RELATIONS.get("public")?.keys() ?? [])].join(", ");
      this.#refuse(
        context.offset,
        `does not allow the relation ${quoted(parts)}. It can read ${tables}, CTEs, and tables of information_schema.`,
      );
      return NOTHING;
    }
    context.scope.items.push({ name: alias ?? name, columns: relation.columns, column: COLUMN });
    return { nodes: relation.columns, bytes: 0, tables: relation.tables };
  }

  #useCte(cte: Cte, alias: string | undefined, context: Context): Cost {
    if (cte.isForward)
      this.#refuse(context.offset, `uses the CTE ${quoted([cte.name])} before it is defined. Define it first.`);
    context.scope.items.push({ name: alias ?? cte.name, columns: cte.columns, column: cte.column });
    const isFirst = !cte.isUsed;
    cte.isUsed = true;
    return sum(isFirst || cte.repeats ? [cte.query] : [], ENTRY);
  }

  /** Bounds the number of grouping sets: those of the clause's elements are multiplied. */
  #groupingSets(clause: unknown, context: Context): void {
    const count = product(((clause ?? []) as Wrapped[]).map(groupingSetsOf));
    if (count > SQL_LIMITS.groupingSets) this.#exceeds(context, "has too many grouping sets", SQL_LIMITS.groupingSets);
  }
}

/** Fields of SelectStmt that #select checks itself. */
const HANDLED = ["withClause", "larg", "rarg", "fromClause", "targetList", "valuesLists"];

const ENTRY: Cost = { nodes: 1, bytes: 0, tables: 1 };

/** Columns that SEARCH and CYCLE add. */
const SEARCH_COLUMNS = 3;
/** Columns of an allowed set-returning function without a column definition list, at most. */
const FUNCTION_COLUMNS = 2;

/** The type and fields of a node; an empty type for none. */
function typed(node: Wrapped | undefined): [string, Fields] {
  const [entry] = Object.entries(node ?? {});
  return entry ?? ["", {}];
}

const texts = (names: unknown): string[] => ((names ?? []) as Wrapped[]).map((name) => String(name.String?.sval ?? ""));

/** Names that a statement itself gives to columns: by AS, in an alias, or by a function called without one. */
function columnNamesOf(tree: unknown, found = new Set<string>()): Set<string> {
  if (tree === null || typeof tree !== "object") return found;
  for (const [key, value] of Object.entries(tree as Fields)) {
    if (key === "ResTarget" && typeof (value as Fields).name === "string") found.add((value as Fields).name as string);
    else if (key === "FuncCall") found.add(texts((value as Fields).funcname).at(-1) ?? "");
    else if (key === "colnames" || key === "aliascolnames") for (const name of texts(value)) found.add(name);
    columnNamesOf(value, found);
  }
  return found;
}

/** A name in an error: cut, since the caller chose it. */
const quoted = (parts: readonly string[]): string => `"${parts.join(".").slice(0, 100)}"`;

/** The nearest allowed name, where one is near. */
function hint(name: string, allowed: Iterable<string>): string {
  const near = closest(name, [...allowed]);
  return near !== name && distance(name, near) <= 2 ? ` Did you mean "${near}"?` : "";
}

/** An integer literal; a negative one counts as its amount. */
function literalInteger(node: Wrapped | undefined): number | undefined {
  const constant = node?.A_Const;
  if (!constant || constant.ival === undefined) return undefined;
  return (constant.ival as { ival?: number }).ival ?? 0;
}

function literalText(node: Wrapped | undefined): string | undefined {
  const constant = node?.A_Const;
  return constant?.sval === undefined ? undefined : ((constant.sval as { sval?: string }).sval ?? "");
}

/** Maximum growth factor of a function that inserts a text at each match or element. */
function growthOf(values: readonly Wrapped[], args: readonly number[], inserted: number, isReplace: boolean): number {
  const text = literalText(values[inserted]);
  if (text === undefined) return Math.max(1, args[inserted] ?? 1);
  const matched = isReplace ? Buffer.byteLength(literalText(values[1]) ?? "") : 1;
  return Math.max(1, Buffer.byteLength(text) / Math.max(1, matched));
}

/** Returns true if a node's value is always a boolean. */
function isTruth(type: string, { kind, name }: Fields): boolean {
  if (type !== "A_Expr") return TRUTHS.has(type);
  return kind !== "AEXPR_NULLIF" && (kind !== "AEXPR_OP" || COMPARISONS.has(texts(name).at(-1) ?? ""));
}
const TRUTHS = new Set(["BoolExpr", "NullTest", "BooleanTest", "JsonIsPredicate"]);
const COMPARISONS = new Set(["=", "<>", "<", ">", "<=", ">="]);

/** The widths in a template of format(); undefined when one of them is an argument (`%*s`). */
function formatWidths(template: string): number[] | undefined {
  const widths: number[] = [];
  for (const [index, field] of template.replaceAll("%%", "").split("%").entries()) {
    if (index === 0) continue;
    const specification = field.slice(0, 24);
    if (/^[\d$-]*\*/.test(specification)) return undefined;
    for (const [digits] of specification.match(/^[\d$-]*/)?.[0].matchAll(/\d+/g) ?? []) widths.push(Number(digits));
  }
  return widths;
}

/** The qualifier of `select t.*`; undefined when the target is not a star. */
function starOf(target: Wrapped): { qualifier: string | undefined } | undefined {
  const value = target.ResTarget?.val as Wrapped | undefined;
  const fields = value?.ColumnRef?.fields as Wrapped[] | undefined;
  if (!fields?.at(-1)?.A_Star) return undefined;
  return { qualifier: fields.at(-2)?.String?.sval as string | undefined };
}

/**
 * Returns true if the planner can merge a subquery into the query around it (is_simple_subquery, is_simple_union_all).
 */
function isMerged(fields: Fields, scope: Scope): boolean {
  const barriers = ["distinctClause", "groupClause", "havingClause", "sortClause", "limitCount", "limitOffset"];
  if (fields.op !== undefined && fields.op !== "SETOP_NONE" && fields.all !== true) return false;
  return !scope.isBarrier && !barriers.some((name) => fields[name] !== undefined);
}

const unresolved = (name: string): Cte => ({
  name,
  isForward: true,
  columns: 0,
  column: COLUMN,
  query: NOTHING,
  repeats: false,
  isUsed: false,
});

/** A recursive CTE inside its own query. */
function selfOf(name: string, fields: Fields): Cte {
  const named = ((fields.aliascolnames ?? []) as unknown[]).length;
  // Each of its rounds can make values longer.
  const column = { ...COLUMN, size: Number.POSITIVE_INFINITY };
  return { ...unresolved(name), isForward: false, isSelf: true, columns: named + SEARCH_COLUMNS, column };
}

const product = (numbers: readonly number[]): number => numbers.reduce((result, number) => result * number, 1);

/** A column that is computed before the query around it uses it. */
const computed = (column: Cost): Cost => ({ ...COLUMN, size: sizeOf(column) });

/** Number of grouping sets of a GROUP BY element. */
function groupingSetsOf(element: Wrapped): number {
  const set = element.GroupingSet;
  if (!set) return 1;
  const content = (set.content ?? []) as Wrapped[];
  switch (set.kind) {
    case "GROUPING_SET_ROLLUP":
      return content.length + 1;
    case "GROUPING_SET_CUBE":
      return 2 ** content.length;
    case "GROUPING_SET_SETS":
      return content.reduce((count, one) => count + groupingSetsOf(one), 0);
    default:
      return 1;
  }
}
