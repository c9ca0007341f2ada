import type { JobDocument } from "./events.ts";

/** Describes a job's task by its query, statement, target or SQL. */
export const describeTask = ({ task }: Pick<JobDocument, "task">): string =>
  task.query ?? task.statement ?? (task.target ? `load ${task.target}` : (task.sql ?? ""));
