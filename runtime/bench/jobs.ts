import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { PgBoss } from "pg-boss";
import { CALLER, type Counters, countersPerJob, takeCounters, total } from "./counters.ts";
import { type BenchPlatform, request } from "./platform.ts";
import { comparePairs, formatNumber, median, percentile, type Row, ratiosOf } from "./report.ts";

const WORKERS = 5;

/** Number of rounds. Each measures ours, then pg-boss, since a shared machine's speed changes by the minute. */
const ROUNDS = 5;
/** Number of jobs per round and side whose latency is measured. */
const TURNS = 40;

/**
 * Measures small reads against pg-boss on the same Postgres: jobs per second from request to response queue, and
 * latency. The judged ratio of the rates is the median of the rounds' ratios.
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
  await platform.run(Array.from({ length: jobs }, read));
  await untilTracked(platform);
  const work = countersPerJob(before, await takeCounters(platform.admin), jobs);

  const rates: number[] = [];
  const bossRates: number[] = [];
  const latencies: number[] = [];
  const platformTimes: number[] = [];
  const bossLatencies: number[] = [];
  const jobsPerRound = Math.ceil(jobs / ROUNDS);
  const boss = await startPgBoss(platform);
  let bossWork: Counters;
  try {
    await boss.send(jobs);
    const bossBefore = await takeCounters(platform.admin);
    await boss.execute();
    bossWork = countersPerJob(bossBefore, await takeCounters(platform.admin), jobs);

    for (let round = 0; round < ROUNDS; round++) {
      const begun = performance.now();
      await platform.run(Array.from({ length: jobsPerRound }, read));
      rates.push(jobsPerRound / ((performance.now() - begun) / 1000));
      await untilTracked(platform);
      await boss.send(jobsPerRound);
      bossRates.push(await boss.execute());

      for (let turn = 0; turn < TURNS; turn++) {
        const start = performance.now();
        // The latency ends when the response arrives, before the caller deletes it.
        const onResponse = () => latencies.push(performance.now() - start);
        const [response] = await platform.run([read()], { onSent: () => undefined, onResponse });
        platformTimes.push(response?.stats.totalMs ?? Number.NaN);
      }
      await untilTracked(platform);
      for (let turn = 0; turn < TURNS; turn++) bossLatencies.push(await boss.latency());
    }
  } finally {
    await boss.close();
  }
  const parts = (work: Readonly<Record<string, number>>) =>
    Object.entries(work)
      .map(([name, value]) => `${name} ${formatNumber(value)}`)
      .join(", ");
  const perJob = { peerName: "pg-boss, per job", higherIsBetter: false } as const;
  const { processor } = work;
  const own = Object.fromEntries(Object.entries(processor).filter(([name]) => name !== CALLER));
  const backendsOf = (times: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(times).filter(([name]) => name.startsWith("backend ")));
  const backends = backendsOf(own);
  const ratios = ratiosOf(rates, bossRates).sort((a, b) => a - b);
  onMeasured({ backendMs: total(backends), commits: work.commits, rowVersions: total(work.rowVersions) });
  return [
    {
      name: `${jobs.toLocaleString("en")} small reads, queue to queue`,
      ...comparePairs(rates, bossRates),
      unit: "jobs/s",
      peerName: "pg-boss: fetch one, respond, complete",
      higherIsBetter: true,
      target: 0.7,
      note: `ratios of the ${ROUNDS} rounds: ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")}`,
    },
    {
      name: "message to response, warm, median",
      ours: median(latencies),
      peer: median(bossLatencies),
      unit: "ms",
      peerName: "pg-boss: send, fetch, respond, complete",
      higherIsBetter: false,
      max: 8,
      note: `p95 ${percentile(latencies, 0.95).toFixed(0)} ms; median from acceptance to the job's end ${median(platformTimes)} ms`,
    },
    {
      ...perJob,
      name: "  per small read: commits",
      ours: work.commits,
      peer: bossWork.commits,
      unit: "",
      max: 2,
      note: `${formatNumber(work.writes)} of them write`,
    },
    {
      ...perJob,
      name: "  row versions written",
      ours: total(work.rowVersions),
      peer: total(bossWork.rowVersions),
      unit: "",
      max: 4,
      note: `${parts(work.rowVersions)}; ${formatNumber(work.deletes)} rows deleted`,
    },
    {
      ...perJob,
      name: "  processor time of the database's backends",
      ours: total(backends),
      peer: total(backendsOf(bossWork.processor)),
      unit: "ms",
      max: 1.2,
      note: parts(backends),
    },
    {
      ...perJob,
      name: "  processor time without the emulator and the caller",
      ours: total(own),
      peer: total(bossWork.processor),
      unit: "ms",
      max: 3,
      note: parts(own),
    },
    {
      ...perJob,
      name: "  processor time of the emulator and the caller",
      ours: processor[CALLER] ?? Number.NaN,
      peer: bossWork.processor[CALLER] ?? Number.NaN,
      unit: "ms",
      note: "in the cloud, AWS and the caller spend it; pg-boss's workers run in this process",
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

/** pg-boss on the platform's database: a queue of jobs, a queue of responses, and WORKERS workers. */
interface PgBossPeer {
  /** Sends requests. Sending is not measured, because callers do it. */
  send(jobs: number): Promise<void>;
  /** Executes all sent requests; returns jobs per second. */
  execute(): Promise<number>;
  /** Sends and executes one job; returns milliseconds. */
  latency(): Promise<number>;
  close(): Promise<void>;
}

/** Measures how many jobs per second pg-boss executes. */
export async function pgBossRate(platform: BenchPlatform, jobs: number): Promise<number> {
  const boss = await startPgBoss(platform);
  await boss.send(jobs);
  const rate = await boss.execute();
  await boss.close();
  return rate;
}

async function startPgBoss({ file: { databaseUrl: url } }: BenchPlatform): Promise<PgBossPeer> {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  boss.on("error", () => undefined);
  await boss.start();
  await boss.createQueue("requests");
  await boss.createQueue("responses");
  const reader = new pg.Pool({ connectionString: url, max: WORKERS });
  reader.on("error", () => undefined);
  const executeOne = async (): Promise<boolean> => {
    const [job] = await boss.fetch("requests");
    if (!job) return false;
    const { rows } = await reader.query("select 1 as n");
    await boss.send("responses", { rows });
    await boss.complete("requests", job.id);
    return true;
  };
  return {
    async send(jobs) {
      for (let at = 0; at < jobs; at++) await boss.send("requests", { n: at });
    },
    async execute() {
      let jobs = 0;
      const begun = performance.now();
      await Promise.all(
        Array.from({ length: WORKERS }, async () => {
          while (await executeOne()) jobs++;
        }),
      );
      return jobs / ((performance.now() - begun) / 1000);
    },
    async latency() {
      const start = performance.now();
      await boss.send("requests", {});
      await executeOne();
      return performance.now() - start;
    },
    async close() {
      await reader.end();
      await boss.stop({ graceful: false });
    },
  };
}
