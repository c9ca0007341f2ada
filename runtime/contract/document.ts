import Type, { type Static } from "typebox";
import { ERRORS } from "./errors.ts";
import { INPUT } from "./inputLimits.ts";
import { RequestId, type Task, Tenant } from "./request.ts";
import { RUNNERS, STATES } from "./states.ts";

/**
 * Schemas of the documents of jobs and rejected requests (db/views), and of the response. The API's description, the
 * command line and the dashboard derive their types from them.
 */

type FieldName<T> = T extends T ? keyof T : never;
type FieldOf<T, Name extends PropertyKey> = T extends Readonly<Record<Name, infer Value>> ? Value : never;
/** A task in a document: the fields of any task, and the number of items in place of an inline payload. */
type DocumentTask = { type: Task["type"]; source?: Record<string, unknown> } & {
  [Name in Exclude<FieldName<Task>, "type" | "source">]?: FieldOf<Task, Name>;
};

/** Format of a result. */
type Format = NonNullable<DocumentTask["format"]>;

/** Entry of an error's details: a bad row, a field, or the number and location of further entries. */
export interface ErrorDetail {
  /** Line of the file, or number of the inline item, from 1. */
  line?: number;
  /** Column of a bad row; null if the whole row is bad. */
  column?: string | null;
  /** Value as the caller sent it, shortened. */
  value?: string | null;
  /** Reason that a row is bad. */
  reason?: string;
  /** Path of a request's field, such as `task.params.day`. */
  field?: string;
  /** Rule that the field breaks. */
  message?: string;
  /** Number of further details that are not listed. */
  more?: number;
  /** File with all bad rows, and its size. */
  report?: { location: string; bytes: number };
  /** Set if reading the batch stopped early: the maximum, its configuration key, and the rows read. */
  stopped?: { setting: string; maximum: number; rows: number };
}

/** Schema of a job's id, tenant and state. */
export const Status = Type.Object({
  requestId: RequestId,
  tenant: Tenant,
  status: Type.Enum([...STATES]),
});

const time = (description?: string) => Type.String({ format: "date-time", ...(description ? { description } : {}) });
const Labels = Type.Record(Type.String(), Type.String());
const Count = Type.Integer({ minimum: 0 });

const ErrorBody = Type.Object({
  category: Type.Enum(["User", "System", "Other"]),
  type: Type.Enum(Object.keys(ERRORS)),
  message: Type.String(),
  retryable: Type.Boolean(),
  details: Type.Array(Type.Unsafe<ErrorDetail>(Type.Unknown()), {
    description: "the problems; of a batch, perhaps only the first ones of its bad rows",
  }),
});
const Stats = Type.Object({
  queueMs: Count,
  executionMs: Count,
  totalMs: Count,
  rows: Count,
  bytes: Count,
  peakMemoryBytes: Type.Optional(Type.Union([Count, Type.Null()])),
  attempts: Count,
});
const Result = Type.Object({
  inline: Type.Optional(Type.Unknown({ description: "small result; in the response only" })),
  location: Type.Optional(Type.String({ description: "location of a large result: s3://…" })),
  format: Type.Unsafe<Format>(Type.String()),
  compression: Type.Optional(Type.String()),
  rows: Count,
  bytes: Type.Optional(Count),
  sha256: Type.Optional(Type.String()),
});

const Traceparent = Type.String({
  pattern: "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
  description: "trace context of the request (W3C Trace Context)",
});

/** Document of a job. */
export const JobDocument = Type.Object({
  ...Status.properties,
  requestHash: Type.String(),
  responseId: Type.String(),
  task: Type.Unsafe<DocumentTask>(
    Type.Object(
      { type: Type.Enum(["read", "update"]) },
      {
        additionalProperties: true,
        description: "the submitted task; an inline payload is replaced by its number of items",
      },
    ),
  ),
  priority: Type.Integer({ minimum: 0, maximum: 9 }),
  reply: Type.Optional(
    Type.Enum(["queue", "none"], { description: "whether the response is sent to the response queue" }),
  ),
  labels: Labels,
  runner: Type.Enum([...RUNNERS]),
  timeoutSeconds: Type.Integer({ minimum: 1 }),
  createdAt: time(),
  startedAt: Type.Optional(time()),
  finishedAt: Type.Optional(time()),
  leaseUntil: Type.Optional(time("deadline for the run's next heartbeat")),
  cancelRequestedAt: Type.Optional(time()),
  cancelReason: Type.Optional(
    Type.String({ maxLength: INPUT.cancelReason, description: "reason given for the cancel" }),
  ),
  progress: Type.Object({ rows: Count, bytes: Count, estimatedRows: Type.Optional(Type.Number()) }),
  statusHistory: Type.Array(Type.Object({ status: Type.Enum([...STATES]), at: time() })),
  attempts: Type.Array(
    Type.Object({
      runner: Type.Enum([...RUNNERS]),
      runId: Type.String(),
      startedAt: time(),
      endedAt: Type.Optional(time()),
      outcome: Type.Optional(Type.String()),
      logLocation: Type.Optional(Type.String()),
      peakMemoryBytes: Type.Optional(Count),
      memoryBytes: Type.Optional(Type.Integer({ minimum: 0, description: "memory of the run" })),
    }),
  ),
  stats: Type.Optional(Stats),
  error: Type.Optional(ErrorBody),
  result: Type.Optional(Result),
  traceparent: Type.Optional(Traceparent),
  response: Type.Optional(Type.Object({ sentAt: Type.Optional(time()), messageId: Type.Optional(Type.String()) })),
});

/** A job's document. */
export type JobDocument = Static<typeof JobDocument>;

/** Document of a rejected request, which created no job. */
export const RejectedDocument = Type.Object({
  rejectedId: Type.String({ description: "responseId of its response" }),
  requestId: Type.String(),
  tenant: Type.String(),
  status: Type.Literal("REJECTED"),
  source: Type.Enum(["queue", "http"], { description: "channel of the request" }),
  copies: Type.Integer({ minimum: 1, description: "number of times the same request arrived" }),
  createdAt: time("first arrival"),
  lastSeenAt: time("last arrival"),
  finishedAt: time(),
  error: ErrorBody,
  body: Type.String({ description: "the beginning of the request as JSON, with secrets removed from URLs" }),
  labels: Labels,
});
export type RejectedDocument = Static<typeof RejectedDocument>;

/** A response, as it is sent to the tenant's queue: of a job, or of a request that created none. */
export const JobResponse = Type.Object({
  traceparent: Type.Optional(Traceparent),
  responseId: Type.String(),
  requestId: RequestId,
  status: Type.Enum(["SUCCEEDED", "FAILED", "CANCELLED"]),
  result: Type.Optional(Result),
  error: Type.Optional(ErrorBody),
  stats: Stats,
  labels: Labels,
});
