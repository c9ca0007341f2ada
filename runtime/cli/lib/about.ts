import type { JobDocument } from "./events.ts";

/** Describes a job in a few words. */
export const about = ({ task }: Pick<JobDocument, "task">): string =>
  task.query ?? task.statement ?? (task.target ? `load ${task.target}` : (task.sql ?? ""));
