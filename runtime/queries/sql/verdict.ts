/** A refused part of a statement, with its position. */
export interface SqlProblem {
  /** Position from 1 in characters; absent if the text as a whole is refused. */
  position?: { line: number; column: number };
  /** Beginning of the text at the position. */
  value?: string;
  message: string;
}

/** Result of checking a statement. */
export type Verdict =
  /** Allowed: the statement without its semicolon and the text after it, to run and to explain. */
  { sql: string } | { refused: "InvalidSql" | "NotOneStatement"; problems: SqlProblem[]; furtherProblems: boolean };

/** Message for a statement that exhausts the grammar or its worker. */
export const TOO_COMPLEX = "is too complex to be checked. Simplify or split the query.";
