import type pg from "pg";
import { ERRORS, JobError, type Problem } from "../contract/errors.ts";
import { invalidRequest } from "../contract/problemList.ts";
import { redactUrl } from "../contract/redact.ts";
import { redactedFields } from "../contract/redactJob.ts";
import { hashOf, type Reply, type Request, responseIdOf, type Task } from "../contract/request.ts";
import type { RunnerType } from "../contract/states.ts";
import { mayLoad } from "../contract/uploads.ts";
import type { LazyS3 } from "../platform/aws.ts";
import { hasSeveralTenants, type Settings } from "../platform/settings.ts";
import { estimateBytes, estimateEach, sqlOf } from "../queries/explain.ts";
import { placeProblems } from "../queries/places.ts";
import { turnsOf } from "../queries/planningTurns.ts";
import {
  type Accepted,
  accept,
  answer,
  type Database,
  type DueResponse,
  dueResponses,
  type NewJob,
} from "../store/jobs.ts";
import { canonical, parseRequest, requestAsSent } from "./parse.ts";
import { storeRejected } from "./rejected.ts";
import { hasJob, knownHash } from "./repeat.ts";

/** Outcome of a request. `send`: responses that are due now, for the caller to send. */
export type Outcome =
  | ({ request: Request; send: DueResponse[] } & Accepted)
  | { outcome: "INVALID" | "CONFLICTING"; error: JobError; send: DueResponse[] }
  /** The tenant has too many jobs waiting: the same request may be accepted later, and is not answered now. */
  | { outcome: "FULL"; error: JobError; send: [] };

export type Source = "queue" | "http";

/** Dependencies of accepting requests: the store, the stack's rules, and S3 to pin sources. */
export interface AcceptDeps {
  db: pg.Pool;
  /** Plans reads (planningPool). */
  plans: Database;
  settings: Settings;
  s3: LazyS3 | undefined;
  /** The way by which requests come. What came by queue is answered there, where a request does not say otherwise. */
  source: Source;
}

/** A body as it came. */
interface Submitted {
  /** Parsed JSON. */
  value: unknown;
  /** Its text, if that was not parsed; `problems` says why. */
  unparsed?: string;
  /** The id under which an answer is due if it is not valid, and its tenant. */
  requestId: string;
  tenant: string;
  /** Problems of its text. */
  problems?: readonly Problem[];
  /** Trace context of the request: not part of its identity. */
  traceparent?: string | undefined;
  /** Throws a JobError if the sender may not ask for this. */
  authorise?: (request: Request) => void;
}

/** A request that is stored, or compared with the job that it repeats. */
interface Valid {
  index: number;
  request: Request;
  task: Task;
  sql: string | null;
  /** The request hash of the job that it repeats, if the rules of today refuse it. */
  known?: string;
  traceparent: string | undefined;
}

/**
 * Takes requests in: the one way in, from the queue and from POST /jobs alike. When it answers, each request is
 * committed as a job, or its answer is committed to the outbox. An object in S3 is pinned by its version, in a bucket without versions by its ETag, so that the job
 * loads what lay there when it was accepted, or nothing.
 */
export async function acceptAll(acceptor: AcceptDeps, bodies: readonly Submitted[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = new Array(bodies.length);
  const valid: Valid[] = [];
  await Promise.all(
    bodies.map(async (body, index) => {
      const { value, requestId, tenant, traceparent } = body;
      try {
        valid.push({ index, ...(await validate(acceptor, body)) });
      } catch (error) {
        // Only the request's own faults are answers to it.
        if (!(error instanceof JobError) || ERRORS[error.code].category !== "User") throw error;
        const repeat = await repeatOf(acceptor, body);
        if (repeat !== undefined) {
          valid.push({ index, ...repeat });
          return;
        }
        await record(acceptor, { tenant, requestId, error, body: body.unparsed ?? value });
        outcomes[index] = {
          outcome: "INVALID",
          error,
          send: answers(acceptor, value)
            ? [await refuseInvalid(acceptor.db, { tenant, requestId, traceparent }, error, body.unparsed ?? value)]
            : [],
        };
      }
    }),
  );
  valid.sort((a, b) => a.index - b.index);
  const expected = await expectedBytes(acceptor, valid);
  const ready = valid.map((one, position) => ({
    index: one.index,
    request: one.request,
    traceparent: one.traceparent,
    job: newJob(one, acceptor, expected[position]),
  }));
  const accepted = await accept(
    acceptor.db,
    ready.map(({ job }) => job),
  );
  const ended = accepted.filter((one) => one.answered).map((one) => one.jobId);
  const again = ended.length > 0 ? await dueResponses(acceptor.db, ended.length, ended) : [];
  await Promise.all(
    accepted.map(async (result, position) => {
      const item = ready[position];
      if (!item) return;
      const { tenant, requestId, labels, task } = item.request;
      if (result.outcome === "FULL") {
        const error = new JobError("TooManyWaiting", { tenant, maximum: acceptor.settings.jobs.maxWaiting });
        outcomes[item.index] = { outcome: "FULL", error, send: [] };
        return;
      }
      if (result.outcome !== "CONFLICT") {
        outcomes[item.index] = {
          ...result,
          request: item.request,
          send: again.filter((one) => one.tenant === tenant && one.requestId === requestId),
        };
        return;
      }
      const error = new JobError("RequestIdConflict", { requestId });
      await record(acceptor, { tenant, requestId, error, body: item.request });
      outcomes[item.index] = {
        outcome: "CONFLICTING",
        error,
        send: answers(acceptor, item.request)
          ? [await refuse(acceptor.db, { tenant, requestId, traceparent: item.traceparent, labels }, error, task)]
          : [],
      };
    }),
  );
  return outcomes;
}

/** @throws JobError where the request is not valid, or not allowed */
async function validate(acceptor: AcceptDeps, body: Submitted): Promise<Omit<Valid, "index">> {
  if (body.unparsed !== undefined) throw invalidRequest(body.problems ?? []);
  const request = parseRequest(body.value, acceptor.settings.jobs, body.problems);
  body.authorise?.(request);
  const [unknown = []] = await placeProblems(acceptor.db, [request.task]);
  if (unknown.length > 0) throw invalidRequest(unknown);
  const task = await pinned(acceptor, request);
  return {
    request,
    task,
    sql: task.type === "read" ? await sqlOf(task, request.tenant) : null,
    traceparent: body.traceparent,
  };
}

/**
 * A refused request as the repeat of a job: what is refused today may have been accepted by an earlier version, or under
 * another configuration, and the answer to a repeat is the job. Undefined where it repeats none, or is not its sender's.
 */
async function repeatOf(
  { db, settings }: AcceptDeps,
  { value, unparsed, problems = [], authorise, traceparent }: Submitted,
): Promise<Omit<Valid, "index"> | undefined> {
  if (unparsed !== undefined || problems.length > 0) return undefined;
  const request = requestAsSent(value, settings.jobs);
  if (request === undefined) return undefined;
  try {
    authorise?.(request);
  } catch {
    return undefined;
  }
  const known = await knownHash(db, request);
  return known === undefined ? undefined : { request, task: request.task, sql: null, known, traceparent };
}

const defaultReply = (source: Source): Reply => (source === "queue" ? "queue" : "none");

/** Returns true if an error is answered on the response queue: over HTTP the call itself is answered. */
const answers = ({ source }: AcceptDeps, request: unknown): boolean =>
  source === "queue" && (request as { reply?: unknown } | null)?.reply !== "none";

/** Keeps a rejected request for people. Over HTTP the answer matters more than its record, which may fail. */
async function record(
  { db, source }: AcceptDeps,
  { error, ...request }: { tenant: string; requestId: string; error: JobError; body: unknown },
): Promise<void> {
  const id = refusalIdOf(request.tenant, request.requestId, error, request.body);
  const kept = storeRejected(db, { id, source, error: error.body(), ...request });
  await (source === "http" ? kept.catch(() => undefined) : kept);
}

/** The id of the answer to a rejected request: the same request gets the same answer. */
const refusalIdOf = (tenant: string, requestId: string, { code }: JobError, request: unknown): string =>
  responseIdOf(tenant, requestId, `${code} ${textOf(request)}`);

/**
 * Answers a request that is not valid. Under an id that has a job the answer says so, and that the job is another's: to a
 * reader who goes by the id alone it must not contradict the job's own response.
 */
async function refuseInvalid(
  db: Database,
  addressee: Addressee,
  error: JobError,
  value: unknown,
): Promise<DueResponse> {
  const { tenant, requestId } = addressee;
  const taken = await hasJob(db, tenant, requestId);
  const shown = taken ? new JobError("RequestIdConflict", { requestId }, { details: error.details }) : error;
  return refuse(db, addressee, shown, value);
}

/** Parts of a refused request that its answer repeats. */
interface Addressee {
  tenant: string;
  requestId: string;
  labels?: Record<string, string>;
  traceparent: string | undefined;
}

/** Commits a FAILED answer to a request that makes no job. The same request gets the same answer, with the same id. */
export async function refuse(
  db: Database,
  { tenant, requestId, labels = {}, traceparent }: Addressee,
  error: JobError,
  request: unknown,
): Promise<DueResponse> {
  const responseId = refusalIdOf(tenant, requestId, error, request);
  return answer(db, { responseId, tenant, requestId, error: error.body(), labels, traceparent });
}

/** Identity of a rejected request. One that is nested too deeply to be written is identified by its id alone. */
function textOf(request: unknown): string {
  try {
    return JSON.stringify(request);
  } catch {
    return "";
  }
}

/** A result that is expected to be larger takes a Glue run of a sixteenth of a DPU, a quarter of a vCPU, too long. */
const LARGE_BYTES = 1_000_000_000;

/**
 * Reads go to Glue, updates to EC2; large reads to EC2 too, where the stack allows it. Where a stack has no run of the
 * one kind, the other takes its work.
 */
export function routeOf(task: Task, settings: Settings, expectedBytes?: number): RunnerType {
  const large = (expectedBytes ?? 0) > LARGE_BYTES && canFallBackToEc2(task, settings);
  const [first, second] = task.type === "read" && !large ? (["glue", "ec2"] as const) : (["ec2", "glue"] as const);
  return settings.runners[first].slots > 0 ? first : second;
}

/** Returns true if both runner types may execute a task. */
const canFallBackToEc2 = (task: Task, { runners, jobs }: Settings): boolean =>
  task.type === "read" && jobs.readsOnEc2 && runners.glue.slots > 0 && runners.ec2.slots > 0;

/**
 * Estimates the results of those reads that either runner type could do. One that cannot be planned has no estimate: it
 * fails when it runs, and says why. Those of a tenant whose plans take too long have none either.
 */
async function expectedBytes(
  { plans, settings }: AcceptDeps,
  reads: readonly { request: Request; task: Task; sql: string | null }[],
): Promise<(number | undefined)[]> {
  const expected = reads.map((): number | undefined => undefined);
  const planned = reads.flatMap(({ request: { tenant }, task, sql }, index) =>
    sql !== null && canFallBackToEc2(task, settings) ? [{ tenant, sql, index }] : [],
  );
  const byTenant = Map.groupBy(planned, ({ tenant }) => tenant);
  await Promise.all(
    Array.from(byTenant, async ([tenant, own]) => {
      const statements = own.map(({ sql }) => sql);
      const plan = () => estimateBytes(plans, statements).catch(() => estimateEach(plans, statements));
      const bytes = await turnsOf(plans)
        .run(tenant, plan)
        .catch(() => []);
      for (const [position, { index }] of own.entries()) expected[index] = bytes[position];
    }),
  );
  return expected;
}

function newJob(
  { request, task, sql, known, traceparent }: Valid,
  { settings, source }: AcceptDeps,
  expected: number | undefined,
): NewJob {
  const requestHash = known ?? hashOf(canonical(request.task));
  const inline = "source" in task && "inline" in task.source ? task.source.inline : null;
  const kept = inline ? { ...task, source: { inline: inline.length } } : task;
  return {
    tenant: request.tenant,
    requestId: request.requestId,
    requestHash,
    isRepeat: known !== undefined,
    responseId: responseIdOf(request.tenant, request.requestId, requestHash),
    task: kept,
    redacted: redactedFields(kept, request.labels),
    inline,
    sql,
    runner: routeOf(task, settings, expected),
    ec2Fallback: canFallBackToEc2(task, settings),
    priority: request.priority,
    labels: request.labels,
    reply: request.reply ?? defaultReply(source),
    timeoutSeconds: request.timeoutSeconds,
    maxAttempts: settings.jobs.maxAttempts,
    leaseSeconds: settings.jobs.leaseSeconds,
    maxWaiting: settings.jobs.maxWaiting,
    traceparent,
  };
}

async function pinned({ db, s3, settings, source }: AcceptDeps, { task, tenant, requestId }: Request): Promise<Task> {
  if (!("source" in task) || !("s3" in task.source)) return task;
  const location = task.source.s3;
  const [bucket = "", ...key] = location.slice("s3://".length).split("/");
  if (!s3 || bucket !== settings.buckets?.uploads)
    throw new JobError("SourceNotAllowed", {
      source: redactUrl(location),
      reason: `s3 sources must be in ${settings.buckets ? `s3://${settings.buckets.uploads}` : "an uploads bucket, and this platform has none"}. \`rates load\` puts a file there.`,
    });
  // Over HTTP the caller's token decides (runtime/api/routes/jobs.ts): an admin may load any upload.
  const rules = { hasSeveralTenants: hasSeveralTenants(settings), shared: settings.jobs.sharedUploads };
  if (source === "queue" && !mayLoad(key.join("/"), tenant, rules))
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
    // A repeat of an earlier request is answered from its job, though its object has expired since.
    if (await hasJob(db, tenant, requestId)) return task;
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    const status = $metadata?.httpStatusCode;
    if (status === 404 || status === 403 || status === 400)
      throw new JobError(
        status === 404 ? "SourceNotFound" : "SourceNotAllowed",
        { source: redactUrl(location), reason: `S3 answered ${name} (${status}).` },
        { cause: error },
      );
    throw error;
  }
}
