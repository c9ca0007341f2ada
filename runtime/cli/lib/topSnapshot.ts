import { RUNNERS, type RunnerType } from "../../contract/states.ts";
import type { Client } from "./apiClient.ts";
import type { JobDocument } from "./events.ts";
import { waitingOf } from "./waiting.ts";

/** Maximum number of ended jobs that the throughput is computed from. */
const MAX_ENDED = 200;
/** Period that the throughput is computed for, in milliseconds. */
const WINDOW_MS = 5 * 60_000;
/** Period whose slowest jobs are listed, in milliseconds. */
const SLOWEST_PERIOD_MS = 60 * 60_000;
/** Maximum number of jobs per table. */
const TABLE_JOBS = 20;

/** Part of the response of GET /stats. */
interface Stats {
  byStatus: Record<string, number>;
  percentiles: Record<"queueMs" | "executionMs", { p50: number | null; p95: number | null }>;
  /** For admins only, because it counts the runs of all tenants. */
  capacity?: Record<RunnerType, { running: number; working: number; slots: number }>;
  /** For admins only. */
  bottleneck?: { sentence: string };
}

/** State of the platform at a point in time. */
export interface Snapshot extends Stats {
  /** ISO time. */
  at: string;
  /** Job that has waited longest; undefined if none waits. */
  oldest: JobDocument | undefined;
  /** Reason why `oldest` waits. */
  waiting?: { sentence: string; remedy?: string };
  running: JobDocument[];
  slowest: JobDocument[];
  /** Number of jobs that ended within the window, and the window's length. */
  ended: { jobs: number; failed: number; milliseconds: number };
}

/**
 * Takes a snapshot with concurrent requests.
 * @throws CommandError
 */
export async function takeSnapshot(client: Client, signal?: AbortSignal, now = Date.now()): Promise<Snapshot> {
  const since = (milliseconds: number) => new Date(now - milliseconds).toISOString();
  const jobs = async (search: Record<string, string>) => {
    const query = new URLSearchParams({ ...search, ...(client.tenant === undefined ? {} : { tenant: client.tenant }) });
    return (await client.json<{ jobs: JobDocument[] }>("GET", `/jobs?${query}`, undefined, signal)).jobs;
  };
  const [stats, waiting, running, ended, slowest] = await Promise.all([
    client.json<Stats>("GET", "/stats", undefined, signal),
    jobs({ status: "PENDING", sort: "createdAt", order: "asc", limit: "1" }),
    jobs({ status: "IN_PROGRESS", sort: "createdAt", order: "asc", limit: String(TABLE_JOBS) }),
    jobs({ sort: "finishedAt", order: "desc", limit: String(MAX_ENDED) }),
    jobs({ sort: "totalMs", order: "desc", limit: String(TABLE_JOBS), createdFrom: since(SLOWEST_PERIOD_MS) }),
  ]);
  const [oldest] = waiting;
  const reason =
    oldest && (await waitingOf(client.forTenant(oldest.tenant), oldest.requestId, signal).catch(() => undefined));
  const hasEnded = (job: JobDocument) => job.finishedAt !== undefined;
  return {
    ...stats,
    at: new Date(now).toISOString(),
    oldest,
    ...(reason ? { waiting: reason } : {}),
    running,
    slowest: slowest.filter(hasEnded),
    ended: throughput(ended.filter(hasEnded), now),
  };
}

/**
 * Counts the jobs that ended within the window. If there are more than were requested, the window is shortened to the
 * period in which the returned jobs ended.
 */
export function throughput(ended: readonly JobDocument[], now: number): Snapshot["ended"] {
  const endOf = (job: JobDocument) => Date.parse(job.finishedAt ?? "");
  const recent = ended.filter((job) => endOf(job) > now - WINDOW_MS);
  const isComplete = recent.length < MAX_ENDED;
  const oldest = Math.min(...recent.map(endOf));
  return {
    jobs: recent.length,
    failed: recent.filter(({ status }) => status === "FAILED").length,
    milliseconds: isComplete ? WINDOW_MS : Math.max(1_000, now - oldest),
  };
}

/** Returns the runner types that have a busy run for each of their slots. */
export const fullRunners = ({ capacity }: Pick<Snapshot, "capacity">): RunnerType[] =>
  RUNNERS.filter(
    (runnerType) =>
      capacity && capacity[runnerType].slots > 0 && capacity[runnerType].working >= capacity[runnerType].slots,
  );
