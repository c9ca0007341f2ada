/** One thing that is wrong with a stack's configuration. */
export interface ConfigProblem {
  /** The path of the field, without the project's prefix, as `database.instanceClass`; `stack` for the stack's name. */
  key: string;
  /** What was found there; undefined for what is missing. */
  value?: unknown;
  /** The limit, by how much it is missed where that is a number, and what to change. */
  message: string;
}
