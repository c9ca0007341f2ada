import { INPUT } from "../../contract/inputLimits.ts";

/** Maximums of caller-supplied SQL. They bound the memory and time of parsing and planning one statement. */
export const SQL_LIMITS = {
  /** UTF-8 bytes of the text. */
  bytes: INPUT.sqlBytes,
  /**
   * Consecutive operator characters, anywhere. The lexer rescans the rest of them at each comment or operator,
   * so 32 kB of them take a second.
   */
  operatorRun: 500,
  /** Nodes of the parse tree, as written. */
  nodes: 10_000,
  /** Levels of the parse tree: a chain of n operators, or of n UNIONs, is n levels deep. */
  depth: 250,
  /** Common table expressions, in all WITH clauses together. */
  ctes: 64,
  /** Tables, subqueries, functions and VALUES in FROM clauses, after CTEs and subqueries are expanded. */
  rangeTableEntries: 100,
  /** Expression nodes after the planner has expanded CTEs and subqueries into the queries that use them. */
  expandedNodes: 50_000,
  /** Bytes that a constant expression can grow to when the planner evaluates it. */
  constantBytes: 1_048_576,
  /**
   * Steps of a few nanoseconds (steps.ts) without an interrupt check: in one function call, or in the planner's
   * evaluation of all constant expressions.
   */
  steps: 100_000_000,
  /** Bytes of a value that functions build from a row's columns. */
  valueBytes: 64 * 1024 * 1024,
  /**
   * Bytes that functions and operators handle per row; an aggregate's value counts as 1 GB. The limit is needed because
   * each call copies its argument without checking for interrupts, and keeps the copy until the row is finished.
   */
  rowBytes: 16 * 1024 ** 3,
  /**
   * Number of all arguments of OR, multiplied by the number that are not in the longest OR: the planner tries an index
   * for each pair, which takes 10 µs without checking for interrupts.
   */
  conditionPairs: 150_000,
  /** Columns of a SELECT (Postgres's own MaxTupleAttributeNumber). */
  columns: 1_664,
  /** Elements of a list in an expression, for example of IN, ARRAY[…] or VALUES. */
  listItems: 2_000,
  /** UTF-8 bytes of a string constant. */
  stringBytes: 8 * 1024,
  /** Grouping sets of a GROUP BY, after CUBE, ROLLUP and products are expanded. */
  groupingSets: 512,
  /** Length that char(n), bit(n), lpad and rpad may produce, and repetitions of repeat. */
  padding: 1_000,
  /** Width of a field in format(). */
  formatWidth: 100,
  /** Problems that a refusal lists. */
  problems: 20,
} as const;
