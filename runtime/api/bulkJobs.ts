import type { FastifyRequest } from "fastify";
import { ERRORS, type ErrorCode, JobError } from "../contract/errors.ts";
import { invalidRequest } from "../contract/problemList.ts";
import { isTerminal, type State } from "../contract/states.ts";
import { cancelFor } from "../store/audit.ts";
import { type Document, type Filter, InvalidCursor } from "../tracking/store.ts";
import type { JobServices } from "./deps.ts";
import { actorOf } from "./plugins/auth.ts";
import { retryRequestOf } from "./retryRequest.ts";
import type { Submitter } from "./submitter.ts";

/** Bulk actions, each with the job states that it applies to. */
export const BULK_STATES = {
  cancel: ["PENDING", "IN_PROGRESS"],
  retry: ["FAILED", "CANCELLED"],
} as const satisfies Record<string, readonly State[]>;
export type BulkAction = keyof typeof BULK_STATES;

/** Maximum number of jobs per call. */
export const BULK_JOBS = 100;
/** Number of jobs that are changed concurrently. */
const CONCURRENCY = 5;

/** Selects jobs of a tenant, by ids or by a filter. */
export interface Selection {
  tenant: string;
  ids?: readonly string[];
  filter?: Filter;
  limit: number;
  cursor?: string;
}

/** Counts of the jobs that a selection matches. */
export interface BulkCounts {
  matched: number;
  /** Number of jobs that the action applies to. */
  eligible: number;
  byStatus: Record<string, number>;
  byErrorType: Record<string, number>;
}

/** Outcome of one call. */
export interface BulkOutcome extends BulkCounts {
  done: number;
  /** Number of jobs that needed no change: already ended, or already retried. */
  unchanged: number;
  jobs: { requestId: string; status: string; retryId?: string }[];
  failed: { requestId: string; type: ErrorCode; message: string }[];
  /** Cursor for the next call; undefined after the last job. */
  cursor: string | undefined;
}

/** Fields of a job that the counts are computed from. */
type BulkJob = Pick<Document, "requestId" | "status"> & { error?: { type: string; retryable: boolean } };

/**
 * Returns the states that a selection includes.
 * @throws JobError InvalidRequest for a state that the action does not apply to
 */
function statesOf(action: BulkAction, filter: Filter): readonly State[] {
  const states: readonly string[] = BULK_STATES[action];
  const [status] = filter.status ?? [];
  if (status === undefined) return BULK_STATES[action];
  if (states.includes(status)) return [status as State];
  throw invalidRequest([{ field: "filter.status", value: status, message: `must be one of: ${states.join(", ")}.` }]);
}

/**
 * Counts the jobs that a selection matches, without changing any.
 * @param includeFinal - Whether jobs whose error would recur are eligible for a retry.
 */
export async function countJobs(
  deps: JobServices,
  action: BulkAction,
  selection: Selection,
  includeFinal: boolean,
): Promise<BulkCounts> {
  if (selection.ids !== undefined) return countsOf(action, await jobsById(deps, selection), includeFinal);
  const { tenant, filter = {} } = selection;
  const status = statesOf(action, filter);
  const { total, byStatus, byErrorType } = await deps.tracking.summarize({ ...filter, tenant, status });
  const final = Object.entries(byErrorType)
    .filter(([type]) => isFinal(type))
    .reduce((sum, [, count]) => sum + count, 0);
  const eligible = action === "retry" && !includeFinal ? total - final : total;
  return { matched: total, eligible, byStatus, byErrorType };
}

/**
 * Changes the next jobs that a selection matches.
 * @param options.includeFinal - Whether to retry jobs whose error would recur.
 * @param options.change - Changes one job.
 * @returns Counts, changed and unchanged jobs, and failures; jobs that fail with a user error do not stop the others.
 */
export async function changeJobs(
  deps: JobServices,
  action: BulkAction,
  selection: Selection,
  { includeFinal, change }: { includeFinal: boolean; change: (requestId: string) => Promise<BulkChange> },
): Promise<BulkOutcome> {
  const { jobs, cursor } = await nextJobs(deps, action, selection);
  const states: readonly string[] = BULK_STATES[action];
  const outcome: BulkOutcome = {
    ...countsOf(action, jobs, includeFinal),
    done: 0,
    unchanged: 0,
    jobs: [],
    failed: [],
    cursor,
  };
  const eligible = jobs.filter((job) => states.includes(job.status) && isEligible(action, job, includeFinal));
  let tooManyWaiting: JobError | undefined;
  const changeOne = async ({ requestId }: BulkJob) => {
    try {
      // After TooManyWaiting the remaining jobs would be refused for the same reason.
      if (tooManyWaiting) throw tooManyWaiting;
      const { isChanged, ...job } = await change(requestId);
      outcome[isChanged ? "done" : "unchanged"]++;
      outcome.jobs.push({ requestId, ...job });
    } catch (error) {
      if (!(error instanceof JobError) || ERRORS[error.code].category !== "User") throw error;
      if (error.code === "TooManyWaiting") tooManyWaiting = error;
      outcome.failed.push({ requestId, type: error.code, message: error.message });
    }
  };
  for (let from = 0; from < eligible.length; from += CONCURRENCY)
    await Promise.all(eligible.slice(from, from + CONCURRENCY).map(changeOne));
  return outcome;
}

/** Result of changing one job. */
interface BulkChange {
  status: string;
  retryId?: string;
  isChanged: boolean;
}

/**
 * Cancels a job of a tenant.
 * @throws JobError UnknownJob
 */
export async function cancelJob(
  { db }: JobServices,
  request: FastifyRequest,
  tenant: string,
  requestId: string,
  reason: string | undefined,
): Promise<BulkChange> {
  const status = await cancelFor(db, actorOf(request), tenant, requestId, reason);
  if (status === undefined) throw new JobError("UnknownJob", { requestId, tenant });
  return { status, isChanged: status === "CANCELLED" || !isTerminal(status) };
}

/**
 * Submits the task of an ended job again.
 * @throws JobError when the retry is refused
 */
export async function retryJob(
  deps: JobServices,
  { submit }: Submitter,
  request: FastifyRequest,
  tenant: string,
  requestId: string,
): Promise<BulkChange> {
  const retry = await retryRequestOf(deps, tenant, requestId, {});
  const { requestId: retryId, status, isNew } = await submit(retry, request, requestId);
  return { status, retryId, isChanged: isNew };
}

async function nextJobs(
  deps: JobServices,
  action: BulkAction,
  selection: Selection,
): Promise<{ jobs: BulkJob[]; cursor: string | undefined }> {
  const { tenant, ids, filter = {}, limit, cursor } = selection;
  if (ids !== undefined) return { jobs: await jobsById(deps, selection), cursor: undefined };
  const status = statesOf(action, filter);
  const paging = { sort: "createdAt", order: "asc", limit, ...(cursor === undefined ? {} : { cursor }) } as const;
  const page = await deps.tracking.search({ ...filter, tenant, status, ...paging }).catch((error: unknown) => {
    if (!(error instanceof InvalidCursor)) throw error;
    throw invalidRequest([{ field: "cursor", message: error.message }]);
  });
  return { jobs: page.documents as BulkJob[], cursor: page.cursor };
}

/**
 * Reads jobs by their ids.
 * @throws JobError UnknownJob if one of them does not exist
 */
async function jobsById({ db }: JobServices, { tenant, ids = [] }: Selection): Promise<BulkJob[]> {
  const { rows } = await db.query<{ document: BulkJob }>(
    "select document from jobs.documents where tenant = $1 and request_id = any ($2) order by id",
    [tenant, [...new Set(ids)]],
  );
  const jobs = rows.map(({ document }) => document);
  const existing = new Set(jobs.map(({ requestId }) => requestId));
  const requestId = ids.find((id) => !existing.has(id));
  if (requestId !== undefined) throw new JobError("UnknownJob", { requestId, tenant });
  return jobs;
}

function countsOf(action: BulkAction, jobs: readonly BulkJob[], includeFinal: boolean): BulkCounts {
  const count = (values: readonly string[]) =>
    Object.fromEntries([...Map.groupBy(values, (value) => value)].map(([value, same]) => [value, same.length]));
  const states: readonly string[] = BULK_STATES[action];
  return {
    matched: jobs.length,
    eligible: jobs.filter((job) => states.includes(job.status) && isEligible(action, job, includeFinal)).length,
    byStatus: count(jobs.map(({ status }) => status)),
    byErrorType: count(jobs.flatMap(({ error }) => error?.type ?? [])),
  };
}

const isEligible = (action: BulkAction, { error }: BulkJob, includeFinal: boolean): boolean =>
  action === "cancel" || includeFinal || error === undefined || !isFinal(error.type);

/**
 * Returns true if a retry of the same task would fail with this error again. Excludes Cancelled: the owner stopped the
 * job, and may retry it.
 */
const isFinal = (type: string): boolean =>
  type !== "Cancelled" && Object.hasOwn(ERRORS, type) && !ERRORS[type as ErrorCode].retryable;
