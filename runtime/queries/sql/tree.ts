/** Fields of a node of the parse tree. */
export type Fields = Record<string, unknown>;
/** A node with its type: `{"ColumnRef": {…}}`; an empty object is a null. */
export type TypedNode = Record<string, Fields>;

/** Returns the type and fields of a node. The type is empty if there is no node. */
export function typeAndFields(node: TypedNode | undefined): [string, Fields] {
  const [entry] = Object.entries(node ?? {});
  return entry ?? ["", {}];
}

/** Reads a list of String nodes. */
export const texts = (names: unknown): string[] =>
  ((names ?? []) as TypedNode[]).map((name) => String(name.String?.sval ?? ""));

/** Reads the absolute value of an integer literal: a negative length must not lower the cost of a statement. */
export function literalInteger(node: TypedNode | undefined): number | undefined {
  const constant = node?.A_Const;
  if (!constant || constant.ival === undefined) return undefined;
  return Math.abs((constant.ival as { ival?: number }).ival ?? 0);
}

/** Reads the absolute value of a literal number. */
export function literalNumber(node: TypedNode | undefined): number | undefined {
  const fraction = (node?.A_Const?.fval as { fval?: string } | undefined)?.fval;
  return fraction === undefined ? literalInteger(node) : Math.abs(Number(fraction));
}

export function literalText(node: TypedNode | undefined): string | undefined {
  const constant = node?.A_Const;
  return constant?.sval === undefined ? undefined : ((constant.sval as { sval?: string }).sval ?? "");
}

/** Lists the column names that a statement defines: by AS, in an alias, or by a function call without an alias. */
export function columnNamesOf(tree: unknown, names = new Set<string>()): Set<string> {
  if (tree === null || typeof tree !== "object") return names;
  for (const [key, value] of Object.entries(tree as Fields)) {
    if (key === "ResTarget" && typeof (value as Fields).name === "string") names.add((value as Fields).name as string);
    else if (key === "FuncCall") names.add(texts((value as Fields).funcname).at(-1) ?? "");
    else if (key === "colnames" || key === "aliascolnames") for (const name of texts(value)) names.add(name);
    columnNamesOf(value, names);
  }
  return names;
}

/** Returns the qualifier of `select t.*`, or undefined if the target is not a star. */
export function starOf(target: TypedNode): { qualifier: string | undefined } | undefined {
  const value = target.ResTarget?.val as TypedNode | undefined;
  const fields = value?.ColumnRef?.fields as TypedNode[] | undefined;
  if (!fields?.at(-1)?.A_Star) return undefined;
  return { qualifier: fields.at(-2)?.String?.sval as string | undefined };
}

/** Returns true if a node's value is always a boolean. */
export function isBoolean(type: string, { kind, name }: Fields): boolean {
  if (type !== "A_Expr") return BOOLEAN_NODES.has(type);
  return kind !== "AEXPR_NULLIF" && (kind !== "AEXPR_OP" || COMPARISONS.has(texts(name).at(-1) ?? ""));
}
const BOOLEAN_NODES = new Set(["BoolExpr", "NullTest", "BooleanTest", "JsonIsPredicate"]);
const COMPARISONS = new Set(["=", "<>", "<", ">", "<=", ">="]);

export const product = (numbers: readonly number[]): number => numbers.reduce((result, number) => result * number, 1);

/** Returns the number of grouping sets of a GROUP BY element. */
export function groupingSetsOf(element: TypedNode): number {
  const set = element.GroupingSet;
  if (!set) return 1;
  const content = (set.content ?? []) as TypedNode[];
  switch (set.kind) {
    case "GROUPING_SET_ROLLUP":
      return content.length + 1;
    case "GROUPING_SET_CUBE":
      return 2 ** content.length;
    case "GROUPING_SET_SETS":
      return content.reduce((count, member) => count + groupingSetsOf(member), 0);
    default:
      return 1;
  }
}
