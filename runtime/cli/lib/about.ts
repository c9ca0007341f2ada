import type { JobDocument } from "./events.ts";

/** What a job does, in a few words. */
export const about = ({ task }: Pick<JobDocument, "task">): string =>
  task.query ?? task.statement ?? (task.target ? `load ${task.target}` : (task.sql ?? ""));
