import Type, { type TSchema } from "typebox";
import { ERRORS } from "../contract/errors.ts";
import { RequestId, Tenant } from "../contract/request.ts";
import { RUNNERS, STATES } from "../contract/states.ts";

/** Schemas shared by several operations. Documents have the form of the view jobs.documents. */

/** Id of the job that the example submission creates. */
export const EXAMPLE_ID = "average-2021-01";
export const JobId = Type.Object({ id: { ...RequestId, examples: [EXAMPLE_ID] } });
/** Query of operations on one job; an admin may name another tenant. */
export const TenantQuery = Type.Object(
  { tenant: Type.Optional(Tenant) },
  { additionalProperties: false, description: "another tenant than the token's; admins only" },
);
export const Status = Type.Object({
  requestId: RequestId,
  tenant: Tenant,
  status: Type.Enum([...STATES]),
});
export const STATUS_EXAMPLE = { requestId: "prices-2026-01", tenant: "default", status: "PENDING" };

const time = (description?: string): TSchema =>
  Type.String({ format: "date-time", ...(description ? { description } : {}) });
const Labels = Type.Record(Type.String(), Type.String());
const Count = Type.Integer({ minimum: 0 });

const ErrorBody = Type.Object({
  category: Type.Enum(["User", "System", "Other"]),
  type: Type.Enum(Object.keys(ERRORS)),
  message: Type.String(),
  retryable: Type.Boolean(),
  details: Type.Array(Type.Unknown(), { description: "the problems, or the first bad rows of a batch" }),
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
  inline: Type.Optional(Type.Unknown({ description: "small result; only in the response" })),
  location: Type.Optional(Type.String({ description: "location of a large result: s3://…" })),
  format: Type.String(),
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
  task: Type.Object(
    { type: Type.Enum(["read", "update"]) },
    {
      additionalProperties: true,
      description: "the submitted task; an inline payload is replaced by its number of items",
    },
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

/** Document of a rejected request, which created no job. */
export const RejectedDocument = Type.Object({
  rejectedId: Type.String({ description: "responseId of its answer" }),
  requestId: Type.String(),
  tenant: Type.String(),
  status: Type.Literal("REJECTED"),
  source: Type.Enum(["queue", "http"], { description: "channel of the request" }),
  copies: Type.Integer({ minimum: 1, description: "number of times the same request arrived" }),
  createdAt: time("when it first arrived"),
  lastSeenAt: time("when it last arrived"),
  finishedAt: time(),
  error: ErrorBody,
  body: Type.String({ description: "the beginning of the request as JSON, with secrets removed from URLs" }),
  labels: Labels,
});

/** A job's response, as it is sent to the tenant's queue. */
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
