import { RUNNERS, type RunnerType } from "../../contract/states.ts";
import type { Client } from "./apiClient.ts";
import type { JobDocument } from "./events.ts";
import { waitingOf } from "./waiting.ts";

/** Maximum number of ended jobs for computing throughput. */
const MAX_ENDED = 200;
/** Period for computing throughput. Milliseconds. */
const WINDOW_MS = 5 * 60_000;
/** Period of the slowest jobs. Milliseconds. */
const SLOWEST_MS = 60 * 60_000;
/** Number of jobs per table. */
const TABLE_JOBS = 20;

/** Part of the response of GET /stats. */
interface Stats {
  byStatus: Record<string, number>;
  percentiles: Record<"queueMs" | "executionMs", { p50: number | null; p95: number | null }>;
  /** For admins only: it counts the runs of all tenants. */
  capacity?: Record<RunnerType, { running: number; working: number; slots: number }>;
  /** For admins only. */
  bottleneck?: { sentence: string };
}

/** State of the platform at one moment. */
export interface Snapshot extends Stats {
  /** ISO time. */
  at: string;
  /** The job that has waited longest, unless none waits. */
  oldest: JobDocument | undefined;
  /** Reason of its wait. */
  waiting?: { sentence: string; remedy?: string };
  running: JobDocument[];
  slowest: JobDocument[];
  /** Jobs that ended within the window, and its length. */
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
    jobs({ sort: "totalMs", order: "desc", limit: String(TABLE_JOBS), createdFrom: since(SLOWEST_MS) }),
  ]);
  const [oldest] = waiting;
  const why =
    oldest && (await waitingOf(client.forTenant(oldest.tenant), oldest.requestId, signal).catch(() => undefined));
  const over = (job: JobDocument) => job.finishedAt !== undefined;
  return {
    ...stats,
    at: new Date(now).toISOString(),
    oldest,
    ...(why ? { waiting: why } : {}),
    running,
    slowest: slowest.filter(over),
    ended: throughput(ended.filter(over), now),
  };
}

/** Counts the jobs that ended within the window; if more did than were requested, those returned, with their period. */
export function throughput(ended: readonly JobDocument[], now: number): Snapshot["ended"] {
  const times = (job: JobDocument) => Date.parse(job.finishedAt ?? "");
  const recent = ended.filter((job) => times(job) > now - WINDOW_MS);
  const all = recent.length < MAX_ENDED;
  const oldest = Math.min(...recent.map(times));
  return {
    jobs: recent.length,
    failed: recent.filter(({ status }) => status === "FAILED").length,
    milliseconds: all ? WINDOW_MS : Math.max(1_000, now - oldest),
  };
}

/** Runner types whose runs are all busy. */
export const fullRunners = ({ capacity }: Pick<Snapshot, "capacity">): RunnerType[] =>
  RUNNERS.filter((kind) => capacity && capacity[kind].slots > 0 && capacity[kind].working >= capacity[kind].slots);
