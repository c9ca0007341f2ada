import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { PgBoss } from "pg-boss";
import { CALLER, type Counters, countersPerJob, takeCounters, total } from "./counters.ts";
import { type BenchPlatform, request } from "./platform.ts";
import { formatNumber, median, percentile, type Row } from "./report.ts";

const WORKERS = 5;

/**
 * Measures small reads against pg-boss on the same Postgres: jobs per second from queue to queue, and latency.
 * @param onMeasured - Receives the database work per small read.
 */
export async function benchJobs(
  platform: BenchPlatform,
  jobs: number,
  onMeasured: (work: Record<"backendMs" | "commits" | "rowVersions", number>) => void,
): Promise<Row[]> {
  const read = () => request({ type: "read", sql: "select 1 as n", format: "json" });
  // Warms up the runs, the connections and the database's pages.
  await platform.run(Array.from({ length: 50 }, read));
  const before = await takeCounters(platform.admin);
  const begun = performance.now();
  await platform.run(Array.from({ length: jobs }, read));
  const ours = jobs / ((performance.now() - begun) / 1000);
  await untilTracked(platform);
  const work = countersPerJob(before, await takeCounters(platform.admin), jobs);

  const whole: number[] = [];
  const inside: number[] = [];
  for (let turn = 0; turn < 200; turn++) {
    const start = performance.now();
    // The caller deletes the response after it has arrived, which is not waited for.
    const onResponse = () => whole.push(performance.now() - start);
    const [response] = await platform.run([read()], { onSent: () => undefined, onResponse });
    inside.push(response?.stats.totalMs ?? Number.NaN);
  }
  const boss = await pgBoss(platform, jobs);
  const parts = (work: Readonly<Record<string, number>>) =>
    Object.entries(work)
      .map(([name, value]) => `${name} ${formatNumber(value)}`)
      .join(", ");
  const perJob = { peerName: "pg-boss, per job", higherIsBetter: false } as const;
  const { processor } = work;
  const own = Object.fromEntries(Object.entries(processor).filter(([name]) => name !== CALLER));
  const backends = Object.fromEntries(Object.entries(own).filter(([name]) => name.startsWith("backend ")));
  onMeasured({ backendMs: total(backends), commits: work.commits, rowVersions: total(work.rowVersions) });
  return [
    {
      name: `${jobs.toLocaleString("en")} small reads, queue to queue`,
      ours,
      peer: boss.rate,
      unit: "jobs/s",
      peerName: "pg-boss: fetch one, respond, complete",
      higherIsBetter: true,
      target: 0.7,
    },
    {
      name: "message to response, warm, half of all",
      ours: median(whole),
      peer: boss.latency,
      unit: "ms",
      peerName: "pg-boss: send, fetch, respond, complete",
      higherIsBetter: false,
      max: 8,
      note: `p95 ${percentile(whole, 0.95).toFixed(0)} ms; ${median(inside)} ms of it from commit to answer`,
    },
    {
      ...perJob,
      name: "  per small read: commits",
      ours: work.commits,
      peer: boss.work.commits,
      unit: "",
      max: 2,
      note: `${formatNumber(work.writes)} of them write`,
    },
    {
      ...perJob,
      name: "  row versions made",
      ours: total(work.rowVersions),
      peer: total(boss.work.rowVersions),
      unit: "",
      max: 4,
      note: `${parts(work.rowVersions)}; ${formatNumber(work.deletes)} rows deleted`,
    },
    {
      ...perJob,
      name: "  processor time of the database's backends",
      ours: total(backends),
      peer: total(boss.backends),
      unit: "ms",
      max: 1.2,
      note: parts(backends),
    },
    {
      ...perJob,
      name: "  processor time without the emulator",
      ours: total(own),
      peer: total(boss.work.processor),
      unit: "ms",
      max: 3,
      note: parts(own),
    },
    {
      ...perJob,
      name: "  processor time of the emulator and the caller",
      ours: processor[CALLER] ?? Number.NaN,
      peer: boss.work.processor[CALLER] ?? Number.NaN,
      unit: "ms",
      note: "AWS's and the caller's in the cloud; pg-boss's workers run in this process",
    },
  ];
}

/** Waits until the tracking store has every document, so that the counters include that work. */
export async function untilTracked({ admin }: BenchPlatform): Promise<void> {
  for (const begun = performance.now(); ; await pause(100)) {
    const { rows } = await admin.query("select count(*)::int as behind from jobs.untracked");
    if (rows[0].behind === 0) return;
    if (performance.now() - begun > TRACKED_MS) throw new Error(`${rows[0].behind} documents are still not tracked`);
  }
}
const TRACKED_MS = 120_000;

/** Measures how many jobs per second pg-boss executes. */
export const drainRate = async (platform: BenchPlatform, jobs: number): Promise<number> =>
  (await drain(platform, jobs, async (run) => run())).rate;

interface PgBossResult {
  rate: number;
  latency: number;
  work: Counters;
  backends: Readonly<Record<string, number>>;
}

/** Measures pg-boss with the same work and counters. Sending the requests is not counted, because callers do that. */
async function pgBoss(platform: BenchPlatform, jobs: number): Promise<PgBossResult> {
  let before: Counters | undefined;
  let after: Counters | undefined;
  const { rate, latency } = await drain(platform, jobs, async (run) => {
    before = await takeCounters(platform.admin);
    await run();
    after = await takeCounters(platform.admin);
  });
  if (!before || !after) throw new Error("pg-boss was not counted");
  const work = countersPerJob(before, after, jobs);
  const backends = Object.fromEntries(Object.entries(work.processor).filter(([name]) => name.startsWith("backend ")));
  return { rate, latency, work, backends };
}

/**
 * Does the same work in pg-boss: a queue of jobs, a queue of responses, and WORKERS workers.
 * @param counted - Calls the function that executes all jobs, between two readings of the counters.
 */
async function drain(
  { file: { databaseUrl: url } }: BenchPlatform,
  jobs: number,
  counted: (run: () => Promise<void>) => Promise<void>,
): Promise<{ rate: number; latency: number }> {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  boss.on("error", () => undefined);
  await boss.start();
  await boss.createQueue("requests");
  await boss.createQueue("responses");
  const reader = new pg.Pool({ connectionString: url, max: WORKERS });
  const submitOne = async (): Promise<boolean> => {
    const [job] = await boss.fetch("requests");
    if (!job) return false;
    const { rows } = await reader.query("select 1 as n");
    await boss.send("responses", { rows });
    await boss.complete("requests", job.id);
    return true;
  };
  for (let at = 0; at < jobs; at++) await boss.send("requests", { n: at });
  let rate = Number.NaN;
  await counted(async () => {
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: WORKERS }, async () => {
        while (await submitOne());
      }),
    );
    rate = jobs / ((performance.now() - begun) / 1000);
  });
  const times: number[] = [];
  for (let turn = 0; turn < 200; turn++) {
    const start = performance.now();
    await boss.send("requests", { turn });
    await submitOne();
    times.push(performance.now() - start);
  }
  await reader.end();
  await boss.stop({ graceful: false });
  return { rate, latency: median(times) };
}
