import { createHash } from "node:crypto";
import type { JobDocument } from "../../contract/document.ts";
import { traceContext } from "../../contract/traceparent.ts";
import type { RunTimes } from "../../store/traces.ts";

type AttributeValue = { stringValue: string } | { intValue: string };

/**
 * A span in the JSON encoding of OTLP (opentelemetry-proto, trace.proto): ids are hexadecimal, 64-bit integers are
 * text.
 */
export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  flags: number;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  status: { code?: number; message?: string };
}

/** A span's or resource's attribute in OTLP. */
export interface Attribute {
  key: string;
  value: AttributeValue;
}

/** Numbers of OTLP's enumerations SpanKind and StatusCode. */
const KIND = { internal: 1, producer: 4, consumer: 5 } as const;
const STATUS_ERROR = 2;
/** Bits of a span's flags (OTLP, SpanFlags): sampled; `isRemote` is meaningful; the parent is in another process. */
const FLAGS = { sampled: 0x1, hasIsRemote: 0x100, isRemote: 0x200 } as const;

/** Bytes of a span's id. */
const SPAN_ID_BYTES = 8;

/**
 * Creates the spans of an ended job from its history. `job` is a child of the caller's span. Its children are `waiting`
 * and `running` per attempt, and `responding`; `waiting` has the child `starting` if a run was launched for the attempt.
 * Ids are hashes of the job and the span's name and attempt, so a repeated export has the same ids. No attribute
 * contains SQL, parameters or labels.
 *
 * @param runs - Times of the runs by their id
 * @param queue - Name of the response queue
 */
export function spansOf(job: JobDocument, runs: Readonly<Record<string, RunTimes>>, queue: string): Span[] {
  const context = traceContext(job.traceparent);
  const { finishedAt } = job;
  if (context === undefined || finishedAt === undefined) return [];
  const idOf = (name: string, attempt: number) =>
    createHash("sha256")
      .update(JSON.stringify([job.responseId, job.createdAt, context.spanId, name, attempt]))
      .digest("hex")
      .slice(0, 2 * SPAN_ID_BYTES);
  const jobId = idOf("job", 0);
  const common = attributes({
    "messaging.message.conversation_id": job.requestId,
    "rates.request_id": job.requestId,
    "rates.tenant": job.tenant,
  });
  const spans: Span[] = [];
  const add = (
    name: string,
    [start, end]: readonly [string, string],
    {
      attempt = 0,
      parent = jobId,
      kind = KIND.internal as number,
      extraAttributes = {},
      errorType,
    }: {
      attempt?: number;
      parent?: string;
      kind?: number;
      extraAttributes?: Record<string, string | number | undefined>;
      errorType?: string | undefined;
    },
  ): string => {
    const spanId = idOf(name, attempt);
    const isRoot = spanId === jobId;
    spans.push({
      traceId: context.traceId,
      spanId,
      parentSpanId: isRoot ? context.spanId : parent,
      flags: FLAGS.sampled | FLAGS.hasIsRemote | (isRoot ? FLAGS.isRemote : 0),
      name,
      kind,
      startTimeUnixNano: nanoseconds(start),
      endTimeUnixNano: nanoseconds(later(start, end)),
      attributes: [...common, ...attributes({ ...extraAttributes, "error.type": errorType })],
      status: errorType === undefined ? {} : { code: STATUS_ERROR, message: errorType },
    });
    return spanId;
  };

  const { sentAt } = job.response ?? {};
  const errorType = job.status === "SUCCEEDED" ? undefined : (job.error?.type ?? job.status);
  add("job", [job.createdAt, sentAt === undefined ? finishedAt : later(finishedAt, sentAt)], {
    kind: KIND.consumer,
    errorType,
    extraAttributes: {
      "messaging.operation.type": "process",
      "rates.response_id": job.responseId,
      "rates.status": job.status,
      "rates.task.type": job.task.type,
      "rates.task.query": job.task.query,
      "rates.task.statement": job.task.statement,
      "rates.task.target": job.task.target,
      "rates.priority": job.priority,
      "rates.runner": job.runner,
      "rates.attempts": job.attempts.length,
      "rates.rows": job.stats?.rows,
      "rates.bytes": job.stats?.bytes,
    },
  });

  let waitingSince = job.createdAt;
  for (const [
    index,
    { runner, runId, startedAt, endedAt = finishedAt, peakMemoryBytes, outcome },
  ] of job.attempts.entries()) {
    const attempt = index + 1;
    const extraAttributes = { "rates.attempt": attempt, "rates.runner": runner, "rates.run_id": runId };
    const parent = add("waiting", [waitingSince, startedAt], {
      attempt,
      extraAttributes: { "rates.attempt": attempt },
    });
    const run = runs[runId];
    // A run that had started before the wait began was not launched for this attempt.
    if (run !== undefined && run.startedAt > waitingSince) {
      const span = [later(waitingSince, run.launchedAt), earlier(startedAt, run.startedAt)] as const;
      add("starting", span, { attempt, parent, extraAttributes });
    }
    const isLast = attempt === job.attempts.length;
    add("running", [startedAt, endedAt], {
      attempt,
      extraAttributes: { ...extraAttributes, "rates.peak_memory_bytes": peakMemoryBytes },
      errorType: outcome === "SUCCEEDED" ? undefined : isLast ? (errorType ?? outcome) : outcome,
    });
    waitingSince = endedAt;
  }
  // The job was cancelled while it waited.
  if (job.statusHistory.at(-2)?.status === "PENDING")
    add("waiting", [waitingSince, finishedAt], { attempt: job.attempts.length + 1, errorType });
  if (sentAt !== undefined)
    add("responding", [finishedAt, sentAt], {
      kind: KIND.producer,
      extraAttributes: {
        "messaging.system": "aws_sqs",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": queue,
        "messaging.message.id": job.response?.messageId,
      },
    });
  return spans;
}

/** Attributes in OTLP's form; undefined values are left out. */
export const attributes = (values: Record<string, string | number | undefined>): Attribute[] =>
  Object.entries(values).flatMap(([key, value]) =>
    value === undefined
      ? []
      : [{ key, value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value } }],
  );

/** Times from jobs.iso all have the same length, so they sort as text. */
const later = (a: string, b: string): string => (a > b ? a : b);
const earlier = (a: string, b: string): string => (a < b ? a : b);

const nanoseconds = (iso: string): string => `${Date.parse(iso)}000000`;
