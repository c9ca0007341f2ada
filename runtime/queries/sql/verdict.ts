/** A part of a statement that is refused, with its place. */
export interface SqlProblem {
  /** Where it is, from 1, counted in characters; absent when the text as a whole is refused. */
  at?: { line: number; column: number };
  /** The text there, cut. */
  value?: string;
  message: string;
}

/** What the check says of a statement. */
export type Verdict =
  /** Allowed: the statement alone, without semicolon and what follows it. It is what runs and what is explained. */
  { sql: string } | { refused: "InvalidSql" | "NotOneStatement"; problems: SqlProblem[]; furtherProblems: boolean };
