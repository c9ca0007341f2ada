/** A part of a statement that is refused, with its place. */
export interface SqlProblem {
  /** Position from 1 in characters; absent if the text as a whole is refused. */
  at?: { line: number; column: number };
  /** The text there, cut. */
  value?: string;
  message: string;
}

/** Result of checking a statement. */
export type Verdict =
  /** Allowed: the statement alone, without semicolon and what follows it. It is what runs and what is explained. */
  { sql: string } | { refused: "InvalidSql" | "NotOneStatement"; problems: SqlProblem[]; furtherProblems: boolean };

/** Message of a statement that the grammar, or its worker, cannot hold. */
export const TOO_COMPLEX = "is too complex to be checked. Simplify or split the query.";
