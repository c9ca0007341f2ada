/**
 * Field of a node: a child node, a list of them, a child of one known type, names, or a plain value. A list of strings
 * contains the values that a plain field may have.
 */
export type Field = "node" | "nodes" | "names" | "value" | { readonly type: string } | readonly string[];

/** A node type that caller-supplied SQL may contain. */
export interface NodeRule {
  /** Reason why it is allowed. */
  readonly reason: string;
  readonly fields: Readonly<Record<string, Field>>;
}

const VALUE = "value";
const NODE = "node";
const NODES = "nodes";
const type = (name: string): Field => ({ type: name });

/**
 * The node types and fields of libpg-query's parse tree (Postgres 18, `protobuf/pg_query.proto`) that are allowed. The
 * check refuses every other type, and every other field except `location`. `location` and list positions are offsets in
 * the text.
 */
export const NODE_RULES: Readonly<Record<string, NodeRule>> = {
  SelectStmt: {
    reason:
      "SELECT, VALUES, TABLE and set operations only read. intoClause and lockingClause are left out: both write.",
    fields: {
      distinctClause: NODES,
      targetList: NODES,
      fromClause: NODES,
      whereClause: NODE,
      groupClause: NODES,
      groupDistinct: VALUE,
      havingClause: NODE,
      windowClause: NODES,
      valuesLists: NODES,
      sortClause: NODES,
      limitOffset: NODE,
      limitCount: NODE,
      limitOption: VALUE,
      withClause: type("WithClause"),
      op: ["SETOP_NONE", "SETOP_UNION", "SETOP_INTERSECT", "SETOP_EXCEPT"],
      all: VALUE,
      larg: type("SelectStmt"),
      rarg: type("SelectStmt"),
    },
  },
  ResTarget: { reason: "column of a result", fields: { name: VALUE, val: NODE } },
  ColumnRef: { reason: "column; the check refuses names that would call a function", fields: { fields: NODES } },
  A_Star: { reason: "all columns", fields: {} },
  A_Const: {
    reason: "constant of bounded length",
    fields: { ival: VALUE, fval: VALUE, boolval: VALUE, sval: VALUE, bsval: VALUE, isnull: VALUE },
  },
  A_Expr: {
    reason: "operator of the allow-list, IN, LIKE, BETWEEN, NULLIF, IS DISTINCT FROM",
    fields: {
      kind: [
        "AEXPR_OP",
        "AEXPR_OP_ANY",
        "AEXPR_OP_ALL",
        "AEXPR_DISTINCT",
        "AEXPR_NOT_DISTINCT",
        "AEXPR_NULLIF",
        "AEXPR_IN",
        "AEXPR_LIKE",
        "AEXPR_ILIKE",
        "AEXPR_SIMILAR",
        "AEXPR_BETWEEN",
        "AEXPR_NOT_BETWEEN",
        "AEXPR_BETWEEN_SYM",
        "AEXPR_NOT_BETWEEN_SYM",
      ],
      name: "names",
      lexpr: NODE,
      rexpr: NODE,
      rexpr_list_start: VALUE,
      rexpr_list_end: VALUE,
    },
  },
  BoolExpr: { reason: "AND, OR, NOT", fields: { boolop: VALUE, args: NODES } },
  NullTest: { reason: "IS NULL", fields: { arg: NODE, nulltesttype: VALUE, argisrow: VALUE } },
  BooleanTest: { reason: "IS TRUE", fields: { arg: NODE, booltesttype: VALUE } },
  CaseExpr: { reason: "CASE", fields: { arg: NODE, args: NODES, defresult: NODE } },
  CaseWhen: { reason: "CASE", fields: { expr: NODE, result: NODE } },
  CoalesceExpr: { reason: "COALESCE", fields: { args: NODES } },
  MinMaxExpr: { reason: "GREATEST, LEAST", fields: { op: VALUE, args: NODES } },
  RowExpr: { reason: "row values", fields: { args: NODES, row_format: VALUE } },
  A_ArrayExpr: {
    reason: "ARRAY[…] of bounded length",
    fields: { elements: NODES, list_start: VALUE, list_end: VALUE },
  },
  A_Indirection: { reason: "subscripts and fields of a value", fields: { arg: NODE, indirection: NODES } },
  A_Indices: { reason: "subscripts and slices", fields: { is_slice: VALUE, lidx: NODE, uidx: NODE } },
  TypeCast: { reason: "cast to a type of the allow-list", fields: { arg: NODE, typeName: type("TypeName") } },
  TypeName: {
    reason: "type of the allow-list; setof and %TYPE are left out because they have no use in a read",
    fields: { names: "names", typmods: NODES, typemod: VALUE, arrayBounds: NODES },
  },
  CollateClause: { reason: "collation of the allow-list", fields: { arg: NODE, collname: "names" } },
  SQLValueFunction: {
    reason:
      "the transaction's time. current_user, current_schema and similar functions are left out: they describe the platform, not the data",
    fields: {
      op: [
        "SVFOP_CURRENT_DATE",
        "SVFOP_CURRENT_TIME",
        "SVFOP_CURRENT_TIME_N",
        "SVFOP_CURRENT_TIMESTAMP",
        "SVFOP_CURRENT_TIMESTAMP_N",
        "SVFOP_LOCALTIME",
        "SVFOP_LOCALTIME_N",
        "SVFOP_LOCALTIMESTAMP",
        "SVFOP_LOCALTIMESTAMP_N",
      ],
      typmod: VALUE,
    },
  },
  FuncCall: {
    reason: "function of the allow-list",
    fields: {
      funcname: "names",
      args: NODES,
      agg_order: NODES,
      agg_filter: NODE,
      over: type("WindowDef"),
      agg_within_group: VALUE,
      agg_star: VALUE,
      agg_distinct: VALUE,
      func_variadic: VALUE,
      funcformat: VALUE,
    },
  },
  NamedArgExpr: { reason: "make_interval(days => 3)", fields: { name: VALUE, arg: NODE, argnumber: VALUE } },
  GroupingFunc: { reason: "GROUPING()", fields: { args: NODES } },
  GroupingSet: { reason: "ROLLUP, CUBE, GROUPING SETS of bounded number", fields: { kind: VALUE, content: NODES } },
  SortBy: {
    reason: "ORDER BY; USING takes an operator of the allow-list",
    fields: { node: NODE, sortby_dir: VALUE, sortby_nulls: VALUE, useOp: "names" },
  },
  WindowDef: {
    reason: "OVER and WINDOW",
    fields: {
      name: VALUE,
      refname: VALUE,
      partitionClause: NODES,
      orderClause: NODES,
      frameOptions: VALUE,
      startOffset: NODE,
      endOffset: NODE,
    },
  },
  SubLink: {
    reason: "EXISTS, IN, scalar and ARRAY subqueries",
    fields: {
      subLinkType: ["EXISTS_SUBLINK", "ALL_SUBLINK", "ANY_SUBLINK", "EXPR_SUBLINK", "ARRAY_SUBLINK"],
      testexpr: NODE,
      operName: "names",
      subselect: NODE,
    },
  },
  RangeVar: {
    reason: "relation of the allow-list, or a CTE in scope",
    fields: {
      catalogname: VALUE,
      schemaname: VALUE,
      relname: VALUE,
      inh: VALUE,
      relpersistence: VALUE,
      alias: type("Alias"),
    },
  },
  RangeSubselect: {
    reason: "subquery in FROM",
    fields: { lateral: VALUE, subquery: NODE, alias: type("Alias") },
  },
  RangeFunction: {
    reason: "function of the allow-list in FROM",
    fields: {
      lateral: VALUE,
      ordinality: VALUE,
      is_rowsfrom: VALUE,
      functions: NODES,
      alias: type("Alias"),
      coldeflist: NODES,
    },
  },
  RangeTableSample: {
    reason: "TABLESAMPLE with bernoulli or system: reads less of a table",
    fields: { relation: NODE, method: "names", args: NODES, repeatable: NODE },
  },
  JoinExpr: {
    reason: "JOIN",
    fields: {
      jointype: ["JOIN_INNER", "JOIN_LEFT", "JOIN_FULL", "JOIN_RIGHT"],
      isNatural: VALUE,
      larg: NODE,
      rarg: NODE,
      usingClause: NODES,
      join_using_alias: type("Alias"),
      quals: NODE,
      alias: type("Alias"),
      rtindex: VALUE,
    },
  },
  Alias: { reason: "alias of a FROM item", fields: { aliasname: VALUE, colnames: NODES } },
  ColumnDef: {
    reason: "column of a record function: json_to_recordset(…) as t(a int)",
    fields: { colname: VALUE, typeName: type("TypeName"), is_local: VALUE },
  },
  WithClause: { reason: "WITH", fields: { ctes: NODES, recursive: VALUE } },
  CommonTableExpr: {
    reason: "CTE that is a SELECT; the check refuses INSERT, UPDATE, DELETE and MERGE as node types",
    fields: {
      ctename: VALUE,
      aliascolnames: NODES,
      ctematerialized: VALUE,
      ctequery: NODE,
      search_clause: type("CTESearchClause"),
      cycle_clause: type("CTECycleClause"),
    },
  },
  CTESearchClause: {
    reason: "SEARCH of a recursive CTE",
    fields: { search_col_list: NODES, search_breadth_first: VALUE, search_seq_column: VALUE },
  },
  CTECycleClause: {
    reason: "CYCLE of a recursive CTE",
    fields: {
      cycle_col_list: NODES,
      cycle_mark_column: VALUE,
      cycle_mark_value: NODE,
      cycle_mark_default: NODE,
      cycle_path_column: VALUE,
    },
  },
  List: { reason: "list of expressions", fields: { items: NODES } },
  String: { reason: "a name", fields: { sval: VALUE } },
  Integer: { reason: "array bounds, which Postgres ignores", fields: { ival: VALUE } },

  JsonObjectConstructor: {
    reason: "JSON_OBJECT",
    fields: { exprs: NODES, output: type("JsonOutput"), absent_on_null: VALUE, unique: VALUE },
  },
  JsonArrayConstructor: {
    reason: "JSON_ARRAY",
    fields: { exprs: NODES, output: type("JsonOutput"), absent_on_null: VALUE },
  },
  JsonObjectAgg: {
    reason: "JSON_OBJECTAGG",
    fields: {
      constructor: type("JsonAggConstructor"),
      arg: type("JsonKeyValue"),
      absent_on_null: VALUE,
      unique: VALUE,
    },
  },
  JsonArrayAgg: {
    reason: "JSON_ARRAYAGG",
    fields: { constructor: type("JsonAggConstructor"), arg: type("JsonValueExpr"), absent_on_null: VALUE },
  },
  JsonAggConstructor: {
    reason: "JSON aggregates",
    fields: { output: type("JsonOutput"), agg_filter: NODE, agg_order: NODES, over: type("WindowDef") },
  },
  JsonKeyValue: { reason: "member of a JSON object", fields: { key: NODE, value: type("JsonValueExpr") } },
  JsonValueExpr: { reason: "JSON value", fields: { raw_expr: NODE, format: VALUE } },
  JsonOutput: {
    reason: "RETURNING a type of the allow-list",
    fields: { typeName: type("TypeName"), returning: VALUE },
  },
  JsonIsPredicate: {
    reason: "IS JSON",
    fields: { expr: NODE, format: VALUE, item_type: VALUE, unique_keys: VALUE },
  },
  JsonFuncExpr: {
    reason: "JSON_VALUE, JSON_QUERY, JSON_EXISTS",
    fields: {
      op: ["JSON_VALUE_OP", "JSON_QUERY_OP", "JSON_EXISTS_OP"],
      context_item: type("JsonValueExpr"),
      pathspec: NODE,
      passing: NODES,
      output: type("JsonOutput"),
      on_empty: type("JsonBehavior"),
      on_error: type("JsonBehavior"),
      wrapper: VALUE,
      quotes: VALUE,
    },
  },
  JsonArgument: { reason: "PASSING of a JSON path", fields: { val: type("JsonValueExpr"), name: VALUE } },
  JsonBehavior: { reason: "ON EMPTY, ON ERROR", fields: { btype: VALUE, expr: NODE, coerce: VALUE } },
};

/** Display names of refused nodes and fields whose name in the parse tree is unclear. */
export const REFUSED_NODES: Readonly<Record<string, string>> = {
  ParamRef: "a parameter ($1). Write the value into the SQL, or use a named query",
  InsertStmt: "INSERT",
  UpdateStmt: "UPDATE",
  DeleteStmt: "DELETE",
  MergeStmt: "MERGE",
  VariableShowStmt: "SHOW",
  VariableSetStmt: "SET or RESET",
  ExplainStmt: "EXPLAIN. POST /explain (rates submit --explain) returns the plan of a SELECT",
  TransactionStmt: "a transaction of its own (BEGIN, COMMIT)",
  CreateTableAsStmt: "CREATE TABLE AS",
  CreateStmt: "CREATE TABLE",
  XmlExpr: "an XML function",
  XmlSerialize: "XMLSERIALIZE",
  JsonTable: "JSON_TABLE. Use jsonb_to_recordset or jsonb_array_elements",
  JsonArrayQueryConstructor: "JSON_ARRAY of a query. Use json_agg",
  JsonParseExpr: "JSON(). Cast to json or jsonb",
  JsonScalarExpr: "JSON_SCALAR. Use to_json",
  JsonSerializeExpr: "JSON_SERIALIZE. Cast to text",
  RangeTableFunc: "XMLTABLE",
  CurrentOfExpr: "CURRENT OF",
  SetToDefault: "DEFAULT",
  "SelectStmt.intoClause": "INTO: a read cannot create a table",
  "SelectStmt.lockingClause": "FOR UPDATE or FOR SHARE: a read locks no rows",
  "TypeName.setof": "SETOF",
  "TypeName.pct_type": "%TYPE",
  "SQLValueFunction.op": "a function that describes the session",
};
