import { about } from "./about.ts";
import type { Client } from "./apiClient.ts";
import { attemptLogs } from "./attempts.ts";
import type { JobDocument } from "./events.ts";
import type { Fields } from "./jsonFields.ts";
import { waitingOf } from "./waiting.ts";

/** A job with the client of its API. */
export interface ListedJob {
  client: Client;
  job: JobDocument;
  /** Finds the AWS region of the logs. */
  region(): Promise<string | undefined>;
}

const of =
  (read: (job: JobDocument) => unknown) =>
  ({ job }: ListedJob) =>
    read(job);
const whole = (name: keyof JobDocument) => of((job) => job[name]);

/** Fields of a job that `--json FIELDS` selects. */
export const JOB_FIELDS: Fields<ListedJob> = {
  id: of((job) => job.requestId),
  state: of((job) => job.status),
  tenant: whole("tenant"),
  type: of((job) => job.task?.type),
  what: of((job) => (job.task === undefined ? job.error?.type : about(job))),
  waiting: async ({ client, job }) =>
    job.status === "PENDING" ? await waitingOf(client.forTenant(job.tenant), job.requestId) : undefined,
  runner: whole("runner"),
  priority: whole("priority"),
  labels: whole("labels"),
  createdAt: whole("createdAt"),
  startedAt: whole("startedAt"),
  finishedAt: whole("finishedAt"),
  rows: of((job) => job.stats?.rows ?? job.progress?.rows),
  bytes: of((job) => job.stats?.bytes ?? job.progress?.bytes),
  queueMs: of((job) => job.stats?.queueMs),
  executionMs: of((job) => job.stats?.executionMs),
  totalMs: of((job) => job.stats?.totalMs),
  errorType: of((job) => job.error?.type),
  error: whole("error"),
  result: whole("result"),
  task: whole("task"),
  progress: whole("progress"),
  stats: whole("stats"),
  attempts: whole("attempts"),
  logs: ({ client, job, region }) => attemptLogs(job.attempts ?? [], { isLocal: client.isLocal, region }),
  history: of((job) => job.statusHistory),
  rejectedId: whole("rejectedId"),
};
