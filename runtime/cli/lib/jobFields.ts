import type { Client } from "./apiClient.ts";
import { attemptLogs } from "./attempts.ts";
import { describeTask } from "./describeTask.ts";
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

const fromJob =
  (read: (job: JobDocument) => unknown) =>
  ({ job }: ListedJob) =>
    read(job);
const unchangedField = (name: keyof JobDocument) => fromJob((job) => job[name]);

/** Fields of a job that `--json FIELDS` selects. */
export const JOB_FIELDS: Fields<ListedJob> = {
  id: fromJob((job) => job.requestId),
  state: fromJob((job) => job.status),
  tenant: unchangedField("tenant"),
  type: fromJob((job) => job.task?.type),
  what: fromJob((job) => (job.task === undefined ? job.error?.type : describeTask(job))),
  waiting: async ({ client, job }) =>
    job.status === "PENDING" ? await waitingOf(client.forTenant(job.tenant), job.requestId) : undefined,
  runner: unchangedField("runner"),
  priority: unchangedField("priority"),
  labels: unchangedField("labels"),
  createdAt: unchangedField("createdAt"),
  startedAt: unchangedField("startedAt"),
  finishedAt: unchangedField("finishedAt"),
  rows: fromJob((job) => job.stats?.rows ?? job.progress?.rows),
  bytes: fromJob((job) => job.stats?.bytes ?? job.progress?.bytes),
  queueMs: fromJob((job) => job.stats?.queueMs),
  executionMs: fromJob((job) => job.stats?.executionMs),
  totalMs: fromJob((job) => job.stats?.totalMs),
  errorType: fromJob((job) => job.error?.type),
  error: unchangedField("error"),
  result: unchangedField("result"),
  task: unchangedField("task"),
  progress: unchangedField("progress"),
  stats: unchangedField("stats"),
  attempts: unchangedField("attempts"),
  logs: ({ client, job, region }) => attemptLogs(job.attempts ?? [], { isLocal: client.isLocal, region }),
  history: fromJob((job) => job.statusHistory),
  rejectedId: unchangedField("rejectedId"),
};
