import pg from "pg";
import { PgBoss } from "pg-boss";
import { type BenchPlatform, request } from "./platform.ts";
import { median, percentile, type Row } from "./report.ts";

const WORKERS = 5;

/** Small reads: how many a second from queue to queue, and how long one takes; beside pg-boss on the same Postgres. */
export async function benchJobs(platform: BenchPlatform, jobs: number): Promise<Row[]> {
  const read = () => request({ type: "read", sql: "select 1 as n", format: "json" });
  // Everything warm first: the runs, the connections, the pages.
  await platform.run(Array.from({ length: 50 }, read));
  const begun = performance.now();
  await platform.run(Array.from({ length: jobs }, read));
  const ours = jobs / ((performance.now() - begun) / 1000);

  const whole: number[] = [];
  const inside: number[] = [];
  for (let turn = 0; turn < 200; turn++) {
    const start = performance.now();
    const [response] = await platform.run([read()]);
    whole.push(performance.now() - start);
    inside.push(response?.stats.totalMs ?? Number.NaN);
  }
  const boss = await pgBoss(platform.file.databaseUrl, jobs);
  return [
    {
      what: `${jobs.toLocaleString("en")} small reads, queue to queue`,
      ours,
      peer: boss.rate,
      unit: "jobs/s",
      peerName: "pg-boss: fetch one, respond, complete",
      higherIsBetter: true,
    },
    {
      what: "message to response, warm, half of all",
      ours: median(whole),
      peer: boss.latency,
      unit: "ms",
      peerName: "pg-boss: send, fetch, respond, complete",
      higherIsBetter: false,
      note: `p95 ${percentile(whole, 0.95).toFixed(0)} ms; ${median(inside)} ms of it from commit to answer; aim: 50 ms`,
    },
  ];
}

/** Jobs a second that pg-boss drains of so many. */
export const drainRate = async (url: string, jobs: number): Promise<number> => (await pgBoss(url, jobs)).rate;

/** The same work in pg-boss: a queue of jobs, a queue of responses, as many workers as we have runs. */
async function pgBoss(url: string, jobs: number): Promise<{ rate: number; latency: number }> {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  boss.on("error", () => undefined);
  await boss.start();
  await boss.createQueue("requests");
  await boss.createQueue("responses");
  const reader = new pg.Pool({ connectionString: url, max: WORKERS });
  const one = async (): Promise<boolean> => {
    const [job] = await boss.fetch("requests");
    if (!job) return false;
    const { rows } = await reader.query("select 1 as n");
    await boss.send("responses", { rows });
    await boss.complete("requests", job.id);
    return true;
  };
  for (let at = 0; at < jobs; at++) await boss.send("requests", { n: at });
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: WORKERS }, async () => {
      while (await one());
    }),
  );
  const rate = jobs / ((performance.now() - begun) / 1000);
  const times: number[] = [];
  for (let turn = 0; turn < 200; turn++) {
    const start = performance.now();
    await boss.send("requests", { turn });
    await one();
    times.push(performance.now() - start);
  }
  await reader.end();
  await boss.stop({ graceful: false });
  return { rate, latency: median(times) };
}
