import type pg from "pg";
import { ERRORS, JobError, type Problem } from "../contract/errors.ts";
import { invalidRequest } from "../contract/problemList.ts";
import { redactUrl } from "../contract/redact.ts";
import { redactedFields } from "../contract/redactJob.ts";
import { hashOf, type Reply, type Request, responseIdOf, type Task } from "../contract/request.ts";
import { mayLoad } from "../contract/uploads.ts";
import type { LazyS3 } from "../platform/aws.ts";
import { hasSeveralTenants, type Settings } from "../platform/settings.ts";
import { statementOf } from "../queries/explain.ts";
import { type AcceptedJob, accept, type Database, type DueResponse, dueResponses, type NewJob } from "../store/jobs.ts";
import { canonical, requestAsSent } from "./parse.ts";
import { recordRejection, refuse, refuseInvalid, respondsOnQueue } from "./refuse.ts";
import type { RequestChannel } from "./rejected.ts";
import { findRequestHash, hasJob } from "./repeat.ts";
import { canFallBackToEc2, expectedBytes, runnerFor } from "./route.ts";
import { validateRequest } from "./validate.ts";

/** Outcome of a request. The code that calls `acceptAll` must send the responses in `send`. */
export type Outcome =
  | ({ request: Request; send: DueResponse[] } & AcceptedJob)
  | { outcome: "INVALID" | "CONFLICTING"; error: JobError; send: DueResponse[] }
  /** The tenant has too many waiting jobs: the request gets no response, and may be accepted later. */
  | { outcome: "FULL"; error: JobError; send: [] };

/** Dependencies of accepting requests: the store, the stack's rules, and S3 to pin sources. */
export interface AcceptDeps {
  db: pg.Pool;
  /** Connections that plan reads (planningPool). */
  plans: Database;
  settings: Settings;
  s3: LazyS3 | undefined;
  /** A request from the queue gets a response on the response queue unless its `reply` is none. */
  channel: RequestChannel;
}

/** A submitted body. */
interface SubmittedBody {
  /** Parsed JSON; for a body that was not parsed, an object with only its requestId, tenant and reply. */
  value: unknown;
  /** The body's text if it was not parsed; then `problems` has the reason. */
  unparsed?: string;
  /** The requestId and tenant of the response if the body is invalid. */
  requestId: string;
  tenant: string;
  /** Problems of the text, for example a duplicate key. */
  problems?: readonly Problem[];
  /** Trace context of the request, which is not part of its identity. */
  traceparent?: string | undefined;
  /** Throws a JobError if the sender may not submit the request. */
  authorize?: (request: Request) => void;
}

/** A request to store, or to compare with the job that it repeats. */
interface ValidRequest {
  index: number;
  request: Request;
  task: Task;
  sql: string | null;
  /** Request hash of the repeated job, if the current rules refuse the request. */
  repeatedHash?: string;
  traceparent: string | undefined;
}

/**
 * Accepts requests from the queue and from POST /jobs. When it returns, each accepted request is committed as a job,
 * and each refusal that is due on the response queue is committed to the outbox. A request over the tenant's maximum of
 * waiting jobs (FULL) is not stored. An S3 object is pinned by version (by ETag in a bucket without versions), so that
 * the job loads exactly the accepted object, or nothing.
 */
export async function acceptAll(deps: AcceptDeps, bodies: readonly SubmittedBody[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = new Array(bodies.length);
  const valid: ValidRequest[] = [];
  await Promise.all(
    bodies.map(async (body, index) => {
      const { value, requestId, tenant, traceparent } = body;
      try {
        valid.push({ index, ...(await validate(deps, body)) });
      } catch (error) {
        // The request did not cause other errors, so it gets no response, and may be accepted later.
        if (!(error instanceof JobError) || ERRORS[error.code].category !== "User") throw error;
        const repeat = await repeatOf(deps, body);
        if (repeat !== undefined) {
          valid.push({ index, ...repeat });
          return;
        }
        await recordRejection(deps, { tenant, requestId, error, body: body.unparsed ?? value });
        outcomes[index] = {
          outcome: "INVALID",
          error,
          send: respondsOnQueue(deps, value)
            ? [await refuseInvalid(deps.db, { tenant, requestId, traceparent }, error, body.unparsed ?? value)]
            : [],
        };
      }
    }),
  );
  valid.sort((a, b) => a.index - b.index);
  const expected = await expectedBytes(deps, valid);
  const ready = valid.map((request, position) => ({
    index: request.index,
    request: request.request,
    traceparent: request.traceparent,
    job: newJob(request, deps, expected[position]),
  }));
  const accepted = await accept(
    deps.db,
    ready.map(({ job }) => job),
  );
  const endedJobs = accepted.flatMap((result) => (result.isDueAgain ? [result.jobId] : []));
  const dueAgain = endedJobs.length > 0 ? await dueResponses(deps.db, endedJobs.length, endedJobs) : [];
  await Promise.all(
    accepted.map(async (result, position) => {
      const item = ready[position];
      if (!item) return;
      const { tenant, requestId, labels, task } = item.request;
      if (result.outcome === "FULL") {
        const error = new JobError("TooManyWaiting", { tenant, maximum: deps.settings.jobs.maxWaiting });
        outcomes[item.index] = { outcome: "FULL", error, send: [] };
        return;
      }
      if (result.outcome !== "CONFLICT") {
        outcomes[item.index] = {
          ...result,
          request: item.request,
          send: dueAgain.filter((response) => response.tenant === tenant && response.requestId === requestId),
        };
        return;
      }
      const error = new JobError("RequestIdConflict", { requestId });
      await recordRejection(deps, { tenant, requestId, error, body: item.request });
      outcomes[item.index] = {
        outcome: "CONFLICTING",
        error,
        send: respondsOnQueue(deps, item.request)
          ? [await refuse(deps.db, { tenant, requestId, traceparent: item.traceparent, labels }, error, task)]
          : [],
      };
    }),
  );
  return outcomes;
}

/** Validates a request and pins its source. @throws JobError if it is invalid or not allowed */
async function validate(deps: AcceptDeps, body: SubmittedBody): Promise<Omit<ValidRequest, "index">> {
  if (body.unparsed !== undefined) throw invalidRequest(body.problems ?? []);
  const request = await validateRequest(deps.db, body.value, deps.settings.jobs, body.problems, body.authorize);
  const task = await pinSource(deps, request);
  return {
    request,
    task,
    sql: task.type === "read" ? await statementOf(task, request.tenant) : null,
    traceparent: body.traceparent,
  };
}

/**
 * Finds the job that a refused request repeats, if an earlier version or configuration accepted it. A repeat gets the
 * job's response instead of the refusal.
 * @returns undefined if there is no such job, or the sender may not submit the request
 */
async function repeatOf(
  { db, settings }: AcceptDeps,
  { value, unparsed, problems = [], authorize, traceparent }: SubmittedBody,
): Promise<Omit<ValidRequest, "index"> | undefined> {
  if (unparsed !== undefined || problems.length > 0) return undefined;
  const request = requestAsSent(value, settings.jobs);
  if (request === undefined) return undefined;
  try {
    authorize?.(request);
  } catch {
    return undefined;
  }
  const repeatedHash = await findRequestHash(db, request);
  return repeatedHash === undefined ? undefined : { request, task: request.task, sql: null, repeatedHash, traceparent };
}

const defaultReply = (channel: RequestChannel): Reply => (channel === "queue" ? "queue" : "none");

function newJob(
  { request, task, sql, repeatedHash, traceparent }: ValidRequest,
  { settings, channel }: AcceptDeps,
  expected: number | undefined,
): NewJob {
  const requestHash = repeatedHash ?? hashOf(canonical(request.task));
  const inline = "source" in task && "inline" in task.source ? task.source.inline : null;
  const storedTask = inline ? { ...task, source: { inline: inline.length } } : task;
  return {
    tenant: request.tenant,
    requestId: request.requestId,
    requestHash,
    isRepeat: repeatedHash !== undefined,
    responseId: responseIdOf(request.tenant, request.requestId, requestHash),
    task: storedTask,
    redacted: redactedFields(storedTask, request.labels),
    inline,
    sql,
    runner: runnerFor(task, settings, expected),
    ec2Fallback: canFallBackToEc2(task, settings),
    priority: request.priority,
    labels: request.labels,
    reply: request.reply ?? defaultReply(channel),
    timeoutSeconds: request.timeoutSeconds,
    maxAttempts: settings.jobs.maxAttempts,
    leaseSeconds: settings.jobs.leaseSeconds,
    maxWaiting: settings.jobs.maxWaiting,
    traceparent,
  };
}

async function pinSource(
  { db, s3, settings, channel }: AcceptDeps,
  { task, tenant, requestId }: Request,
): Promise<Task> {
  if (!("source" in task) || !("s3" in task.source)) return task;
  const location = task.source.s3;
  const [bucket = "", ...key] = location.slice("s3://".length).split("/");
  if (!s3 || bucket !== settings.buckets?.uploads)
    throw new JobError("SourceNotAllowed", {
      source: redactUrl(location),
      reason: settings.buckets
        ? `s3 sources must be in s3://${settings.buckets.uploads}. \`rates load\` puts a file there.`
        : "s3 sources must be in an uploads bucket, and this platform has none.",
    });
  // Over HTTP, checkUploadOwner (runtime/api/submitter.ts) decides instead: an admin may load any upload.
  const rules = { hasSeveralTenants: hasSeveralTenants(settings), sharedPrefixes: settings.jobs.sharedUploads };
  if (channel === "queue" && !mayLoad(key.join("/"), tenant, rules))
    throw new JobError("SourceNotAllowed", {
      source: redactUrl(location),
      reason: `it does not belong to tenant '${tenant}'. Put the file below s3://${bucket}/${tenant}/, upload it with \`rates load\`, or ask the operator to add it to jobs.sharedUploads.`,
    });
  try {
    const { HeadObjectCommand } = await import("@aws-sdk/client-s3");
    const head = await (await s3()).send(new HeadObjectCommand({ Bucket: bucket, Key: key.join("/") }));
    const { VersionId: versionId, ETag: etag } = head;
    return { ...task, source: { ...task.source, ...(versionId ? { versionId } : etag ? { etag } : {}) } } as Task;
  } catch (error) {
    // A repeat returns its job, even if the object has expired since.
    if (await hasJob(db, tenant, requestId)) return task;
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    const status = $metadata?.httpStatusCode;
    if (status === 404 || status === 403 || status === 400)
      throw new JobError(
        status === 404 ? "SourceNotFound" : "SourceNotAllowed",
        { source: redactUrl(location), reason: `S3 returned ${name} (${status}).` },
        { cause: error },
      );
    throw error;
  }
}
