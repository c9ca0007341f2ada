import { closest, distance } from "fastest-levenshtein";
import { BETWEEN_NAMES, COLLATIONS, HARMLESS_NAMES, OPERATORS, PADDED_TYPES, TYPES } from "./allowList.ts";
import { type Cost, NO_COST, NODE_BYTES, sizeOf, sum, times } from "./cost.ts";
import { CALLABLE_NAMES } from "./functionNames.ts";
import { FUNCTIONS, NEVER_FOLDED, PLATFORM_FUNCTIONS } from "./functions.ts";
import { callBytes, castBytes, JSON_FACTOR, literalBytes, NUMERIC_BYTES, pathBytes, QUOTING_FACTOR } from "./growth.ts";
import { SQL_LIMITS } from "./limits.ts";
import {
  arithmeticWork,
  constantSteps,
  handledBytes,
  isLongLogarithm,
  isLongPower,
  isQuadratic,
  POWER_STEPS,
  resultSize,
  uninterruptedSteps,
} from "./steps.ts";
import { type Fields, literalInteger, literalText, type TypedNode, texts, typeAndFields } from "./tree.ts";
import { type Context, NodeWalk } from "./walk.ts";

/** Checks names, constants, operators, casts and calls in expressions, and bounds their size and evaluation time. */
export abstract class ExpressionCheck extends NodeWalk {
  /** CASE and COALESCE nodes whose constant results are literals. */
  readonly #literals = new WeakSet<Fields>();

  /** Uses of `value.name` with the name of an allowed function; refused unless the statement has such a column. */
  protected readonly fieldCalls: { name: string; offset: number }[] = [];

  /** Bounds the uninterruptible steps of a function or operator, and counts the steps of evaluating its constants. */
  #checkSteps(name: string, values: readonly TypedNode[], args: readonly Cost[], cost: Cost, context: Context): Cost {
    const sizes = args.map(sizeOf);
    const constant = Math.max(0, ...args.map((arg) => (arg.isVariable ? 0 : sizeOf(arg))));
    if (uninterruptedSteps(name, sizes, constant) > SQL_LIMITS.steps)
      this.refuse(
        context.offset,
        isQuadratic(name)
          ? `allows "${name}" only with values of at most ${QUADRATIC_BYTES} bytes. Apply it to shorter values, or before aggregating.`
          : `allows "${name}" only with at most one long value, such as the result of an aggregate. Compare shorter values, or compare before aggregating.`,
      );
    if (isLongLogarithm(name, sizes))
      this.refuse(
        context.offset,
        "allows log(base, number) only with a base of few digits. Write the base as a short literal, such as 2.",
      );
    const isLong = isLongPower(name, values.at(-1));
    const work = (cost.work ?? 0) + handledBytes(sizes) + arithmeticWork(name, sizes, isLong);
    if (cost.isVariable) return { ...cost, work };
    const constants = args.map(({ bytes }) => bytes);
    const steps = constantSteps(name, constants, cost.bytes) + (isLong ? POWER_STEPS : 0);
    return { ...cost, work, steps: (cost.steps ?? 0) + steps };
  }

  /** Checks node types that need special rules. @returns undefined for all others */
  protected checkSpecial(type: string, fields: Fields, context: Context): Cost | undefined {
    switch (type) {
      case "SelectStmt":
        return this.checkSubquery(fields, context);
      case "ColumnRef":
        return this.#checkColumn(fields, context);
      case "A_Const":
        return this.#checkConstant(fields, context);
      case "A_Expr":
        return this.#checkExpression(fields, context);
      case "SortBy":
        if (fields.useOp) this.#checkOperator(fields.useOp, context);
        return undefined;
      case "SubLink":
        if (fields.operName) this.#checkOperator(fields.operName, context);
        return fields.subLinkType === "ARRAY_SUBLINK"
          ? { ...this.checkFields(type, fields, context), size: Number.POSITIVE_INFINITY }
          : undefined;
      case "JsonObjectAgg":
      case "JsonArrayAgg":
        return { ...this.checkFields(type, fields, context), size: Number.POSITIVE_INFINITY };
      case "FuncCall":
        return this.#checkCall(fields, context);
      case "TypeName":
        return this.#checkType(fields, context);
      case "TypeCast":
        return this.#checkCast(fields, context);
      case "BoolExpr":
        return this.#checkCondition(fields, context);
      case "RowExpr":
        return this.#checkRow(fields, context);
      case "A_ArrayExpr":
        return this.#checkGrowth(type, fields, context, (bytes) => bytes * QUOTING_FACTOR);
      case "JsonObjectConstructor":
      case "JsonArrayConstructor":
        return this.#checkGrowth(type, fields, context, (bytes) => bytes * JSON_FACTOR);
      case "JsonFuncExpr":
        return this.#checkGrowth(
          type,
          fields,
          context,
          (bytes) => NUMERIC_BYTES + pathBytes(bytes, literalText(fields.pathspec as TypedNode)),
        );
      case "CaseExpr":
      case "CaseWhen":
      case "CoalesceExpr":
        return this.#checkChoice(type, fields, context);
      case "CollateClause":
        this.#checkQualifiedName("collation", fields.collname, COLLATIONS, context);
        return undefined;
      case "A_Indirection":
        return this.#checkIndirection(fields, context);
      case "String":
        return NO_COST;
      default:
        return undefined;
    }
  }

  /**
   * Checks a node whose value can be larger than its parts.
   * @param grow maximum bytes of a constant value
   * @param growSize maximum bytes of a value that is computed per row
   */
  #checkGrowth(
    type: string,
    fields: Fields,
    context: Context,
    grow: (bytes: number) => number,
    growSize: (size: number) => number = grow,
  ): Cost {
    const cost = this.checkFields(type, fields, context);
    const size = growSize(sizeOf(cost));
    if (cost.isVariable) return { ...cost, size, work: (cost.work ?? 0) + handledBytes([sizeOf(cost)]) };
    const bytes = grow(cost.bytes);
    return { ...cost, bytes, size: bytes, steps: (cost.steps ?? 0) + constantSteps(type, [cost.bytes], bytes) };
  }

  /** Checks an operator and its operands. */
  #checkExpression(fields: Fields, context: Context): Cost {
    this.#checkOperator(fields.name, context);
    const name = texts(fields.name).at(-1) ?? "";
    const values = [fields.lexpr, fields.rexpr].filter(Boolean) as TypedNode[];
    // The planner turns `(a and b) = false` into a NOT.
    const inner: Context = { ...context, polarity: "both" };
    const operands = values.map((operand) => this.checkNode(operand, inner));
    const cost = sum(operands, this.checkFields("A_Expr", fields, context, ["lexpr", "rexpr"]));
    const bytes = name === "^" && !cost.isVariable ? cost.bytes + NUMERIC_BYTES : cost.bytes;
    const grown = isLongPower(name, values.at(-1)) ? NUMERIC_BYTES : 0;
    const size = cost.isVariable ? sizeOf(cost) + grown : bytes;
    return this.#checkSteps(name, values, operands, { ...cost, bytes, size }, context);
  }

  /** Checks AND, OR and NOT, and counts alternatives: the arguments of OR, and of AND below a negation. */
  #checkCondition(fields: Fields, context: Context): Cost {
    const { polarity = "plain" } = context;
    const flipped = { plain: "negated", negated: "plain", both: "both" } as const;
    const inner = fields.boolop === "NOT_EXPR" ? flipped[polarity] : polarity;
    const cost = this.checkFields("BoolExpr", fields, { ...context, polarity: inner });
    // In this polarity the node adds no alternatives: a negated OR is an AND of negations.
    const polarityAsAnd = fields.boolop === "OR_EXPR" ? "negated" : "plain";
    if (fields.boolop === "NOT_EXPR" || polarity === polarityAsAnd) return cost;
    const count = (fields.args as unknown[]).length;
    const longestCondition = Math.max(cost.longestCondition ?? 0, count);
    return { ...cost, conditions: (cost.conditions ?? 0) + count, longestCondition };
  }

  /** Checks a row. The planner uses its fields separately, also across subqueries, so each may be a constant. */
  #checkRow(fields: Fields, context: Context): Cost {
    const parts = this.checkList(fields.args, context);
    const cost = sum(parts, this.checkFields("RowExpr", fields, context, ["args"]));
    const isVariable = parts.every((part) => part.isVariable === true);
    const bytes = cost.bytes * QUOTING_FACTOR;
    const grown = { ...cost, bytes, size: Math.max(sizeOf(cost) * QUOTING_FACTOR, bytes), isVariable };
    return isVariable ? grown : { ...grown, steps: (cost.steps ?? 0) + constantSteps("row", [cost.bytes], bytes) };
  }

  /**
   * Checks CASE and COALESCE. The planner drops branches whose condition or value is false or null, even if they
   * contain a column (`code = null`). So a branch that may be constant may be the only one that remains.
   */
  #checkChoice(type: string, fields: Fields, context: Context): Cost {
    const rest = this.checkFields(type, fields, context, ["arg", "args", "defresult", "expr", "result"]);
    const conditions = ["arg", "expr"].flatMap((name) => (fields[name] ? [this.checkNode(fields[name], context)] : []));
    const values = this.checkList(fields.args, context);
    for (const name of ["result", "defresult"]) if (fields[name]) values.push(this.checkNode(fields[name], context));
    const isVariable = values.length > 0 && values.every((value) => value.isVariable === true);
    const nodes = [...((fields.args ?? []) as TypedNode[]), fields.result, fields.defresult].filter(
      Boolean,
    ) as TypedNode[];
    if (values.every((value, index) => value.isVariable || this.#isLiteral(nodes[index]))) this.#literals.add(fields);
    return { ...sum([...conditions, ...values], rest), isVariable };
  }

  /** Returns true if the value of a constant node is written in the SQL as a literal, and not computed from a literal. */
  #isLiteral(node: TypedNode | undefined): boolean {
    const [type, fields] = typeAndFields(node);
    return type === "A_Const" || this.#literals.has(fields);
  }

  #checkCast(fields: Fields, context: Context): Cost {
    const typeName = fields.typeName as Fields;
    const type = texts(typeName.names).at(-1) ?? "";
    const isArray = ((typeName.arrayBounds ?? []) as unknown[]).length > 0;
    const arg = fields.arg as TypedNode;
    const elements = (arg.A_ArrayExpr?.elements ?? [arg]) as TypedNode[];
    const isLiteral = () => elements.every((element) => this.#isLiteral(element));
    return this.#checkGrowth(
      "TypeCast",
      fields,
      context,
      (bytes) => castBytes(bytes, type, isArray, isLiteral()),
      // Values that are computed per row are assumed not to be short numbers with large exponents.
      (size) => castBytes(size, type, isArray, true),
    );
  }

  /** Checks a qualified name of pg_catalog against an allow-list. */
  #checkQualifiedName(kind: string, names: unknown, allowed: ReadonlySet<string>, context: Context): void {
    const parts = texts(names);
    const name = parts.at(-1) ?? "";
    const isBuiltIn = parts.length === 1 || (parts.length === 2 && parts[0] === "pg_catalog");
    if (!isBuiltIn || !allowed.has(name))
      this.refuse(context.offset, `does not allow the ${kind} ${quoteName(parts)}.`);
  }

  #checkOperator(names: unknown, context: Context): void {
    const parts = texts(names);
    if (parts.length === 1 && BETWEEN_NAMES.has(parts[0] ?? "")) return;
    this.#checkQualifiedName("operator", names, OPERATORS, context);
  }

  #checkConstant(fields: Fields, context: Context): Cost {
    this.checkFields("A_Const", fields, context);
    const text = (fields.sval as { sval?: string } | undefined)?.sval ?? "";
    const bytes = Buffer.byteLength(text);
    if (bytes > SQL_LIMITS.stringBytes)
      this.stopAtMaximum(context, `has a string constant of ${bytes} bytes`, SQL_LIMITS.stringBytes);
    const number = (fields.fval as { fval?: string } | undefined)?.fval ?? "";
    return { nodes: 1, bytes: Math.max(literalBytes(text) + literalBytes(number), 8), tables: 0 };
  }

  #checkColumn(fields: Fields, context: Context): Cost {
    const parts = (fields.fields as TypedNode[]).map((part) => part.String?.sval as string | undefined);
    const last = parts.at(-1);
    const qualifier = parts.at(-2);
    this.nodes += parts.length;
    const { scope } = context;
    const column = sum([scope.column(qualifier)], { nodes: 1, bytes: 0, tables: 0 });
    // A star stands for the columns of one item, or of all.
    if (last === undefined) return { ...times(column, scope.starColumns(qualifier)), bytes: column.bytes };
    if (qualifier !== undefined) this.#checkFieldName(last, context);
    // The name of a FROM item means its whole row; `item.function` calls a function with that row.
    const row = scope.item(qualifier !== undefined && FUNCTIONS.has(last) ? qualifier : last);
    if (!row) return column;
    const wholeRow = times(column, Math.max(1, row.columns));
    if (wholeRow.isVariable) return wholeRow;
    const bytes = wholeRow.bytes * QUOTING_FACTOR;
    return { ...wholeRow, bytes: FUNCTIONS.has(last) ? callBytes(last, [{ bytes, text: undefined }]) : bytes };
  }

  /** Refuses `value.name` if it can call a function, which Postgres searches for if there is no such column. */
  #checkFieldName(name: string, context: Context): void {
    if (!CALLABLE_NAMES.has(name) || HARMLESS_NAMES.has(name) || TYPES.has(name)) return;
    if (FUNCTIONS.has(name) && !isQuadratic(name)) this.fieldCalls.push({ name, offset: context.offset });
    else this.refuseFieldCall(name, context.offset);
  }

  protected refuseFieldCall(name: string, offset: number): void {
    this.refuse(
      offset,
      `does not allow .${quoteName([name])}, which can call a function of that name. Give the column another name with AS.`,
    );
  }

  #checkIndirection(fields: Fields, context: Context): Cost {
    let cost = this.checkFields("A_Indirection", fields, context);
    // The planner evaluates only the selected field of a row.
    if ((fields.arg as TypedNode).RowExpr) cost = { ...cost, isVariable: false };
    for (const part of fields.indirection as TypedNode[]) {
      const name = part.String?.sval;
      if (typeof name !== "string") continue;
      this.#checkFieldName(name, context);
      if (FUNCTIONS.has(name) && !cost.isVariable)
        cost = { ...cost, bytes: callBytes(name, [{ bytes: cost.bytes, text: undefined }]) };
    }
    return cost;
  }

  #checkCall(fields: Fields, context: Context): Cost {
    const parts = texts(fields.funcname);
    const name = parts.at(-1) ?? "";
    const schema = parts.length > 1 ? parts.slice(0, -1).join(".") : undefined;
    const schemaOfFunction = PLATFORM_FUNCTIONS.has(name) ? "public" : "pg_catalog";
    if (!FUNCTIONS.has(name) || (schema !== undefined && schema !== schemaOfFunction)) {
      this.refuse(
        context.offset,
        `does not allow the function ${quoteName(parts)}.${nameSuggestion(name, FUNCTIONS.keys())}`,
      );
      return NO_COST;
    }
    if (fields.over) context.scope.isBarrier = true;
    const args = this.checkList(fields.args, context);
    const others = this.checkFields("FuncCall", fields, context, ["args"]);
    const cost = sum(args, sum([others], { nodes: 0, bytes: NODE_BYTES, tables: 0 }));
    const limited = this.#limitedCall(name, fields, args, cost, context);
    const values = (fields.args ?? []) as TypedNode[];
    const grown = (bytesOf: (arg: Cost) => number) =>
      callBytes(
        name,
        args.map((arg, index) => ({ bytes: bytesOf(arg), text: literalText(values[index]) })),
      );
    const isLimited = FUNCTIONS.get(name) !== undefined;
    const isVariable = limited.isVariable === true || fields.over !== undefined || NEVER_FOLDED.has(name);
    const bytes =
      isVariable || isLimited
        ? limited.bytes
        : Math.max(
            limited.bytes,
            grown((arg) => arg.bytes),
          );
    const size = resultSize(name, isLimited ? sizeOf(limited) : Math.max(sizeOf(limited), grown(sizeOf)));
    return this.#checkSteps(name, values, args, { ...limited, bytes, size, isVariable }, context);
  }

  /** Bounds the result of a function if an argument, or the product of two, determines its size. */
  #limitedCall(name: string, fields: Fields, args: readonly Cost[], cost: Cost, context: Context): Cost {
    const values = (fields.args ?? []) as TypedNode[];
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
        this.refuse(
          context.offset,
          `allows ${name} only with a number of at most ${SQL_LIMITS.padding} as second argument, written as a literal.`,
        );
      const [first = NO_COST] = args;
      const added = (bytes: number) => (length ? (limit === "repeat" ? bytes : 4) * length : 0);
      return { ...cost, bytes: cost.bytes + added(first.bytes), size: sizeOf(cost) + added(sizeOf(first)) };
    }
    if (limit === "format") {
      const template = literalText(values[0]);
      const widths = template === undefined ? undefined : formatWidths(template);
      if (fields.func_variadic || widths === undefined || widths.some((width) => width > SQL_LIMITS.formatWidth))
        this.refuse(
          context.offset,
          `allows format only with a literal template whose fields are at most ${SQL_LIMITS.formatWidth} wide.`,
        );
      // A position (%1$s) can repeat an argument.
      const repeats = 1 + (template?.split("%").length ?? 0);
      const grow = (bytes: number) => bytes * repeats + repeats * SQL_LIMITS.formatWidth;
      return { ...cost, bytes: grow(cost.bytes), size: grow(sizeOf(cost)) };
    }
    return cost;
  }

  #checkType(fields: Fields, context: Context): Cost {
    this.checkFields("TypeName", fields, context, ["typmods", "arrayBounds"]);
    this.#checkQualifiedName("type", fields.names, TYPES, context);
    const name = texts(fields.names).at(-1) ?? "";
    for (const modifier of (fields.typmods ?? []) as TypedNode[]) {
      const value = literalInteger(modifier);
      if (value === undefined || (PADDED_TYPES.has(name) && value > SQL_LIMITS.padding))
        this.refuse(
          context.offset,
          `allows ${name} only with a length of at most ${SQL_LIMITS.padding}, written as a literal. Use text.`,
        );
    }
    return { nodes: 1, bytes: PADDED_TYPES.has(name) ? SQL_LIMITS.padding : 0, tables: 0 };
  }

  /** Checks a subquery inside an expression. */
  protected abstract checkSubquery(fields: Fields, context: Context): Cost;
}

/** Maximum bytes of the argument of a function with quadratic run time. */
const QUADRATIC_BYTES = Math.floor(Math.sqrt(SQL_LIMITS.steps)).toLocaleString("en");

/** Formats a caller's name for an error, cut to 100 characters. */
export const quoteName = (parts: readonly string[]): string => `"${parts.join(".").slice(0, 100)}"`;

/** Suggests an allowed name with a small edit distance. */
function nameSuggestion(name: string, allowed: Iterable<string>): string {
  const nearest = closest(name, [...allowed]);
  return nearest !== name && distance(name, nearest) <= 2 ? ` Did you mean "${nearest}"?` : "";
}

/** Maximum growth factor of a function that inserts a text at each match or element. */
function growthOf(values: readonly TypedNode[], args: readonly number[], inserted: number, isReplace: boolean): number {
  const text = literalText(values[inserted]);
  if (text === undefined) return Math.max(1, args[inserted] ?? 1);
  const matched = isReplace ? Buffer.byteLength(literalText(values[1]) ?? "") : 1;
  return Math.max(1, Buffer.byteLength(text) / Math.max(1, matched));
}

/** Returns the widths and positions in a template of format(); undefined if a width is an argument (`%*s`). */
function formatWidths(template: string): number[] | undefined {
  const widths: number[] = [];
  for (const [index, field] of template.replaceAll("%%", "").split("%").entries()) {
    if (index === 0) continue;
    const [specification = ""] = /^[\d$-]*/.exec(field) ?? [];
    if (field[specification.length] === "*") return undefined;
    for (const [digits] of specification.matchAll(/\d+/g)) widths.push(Number(digits));
  }
  return widths;
}
