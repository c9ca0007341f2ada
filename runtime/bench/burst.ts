import { setTimeout as pause } from "node:timers/promises";
import { pgBossRate } from "./jobs.ts";
import { type BenchPlatform, request } from "./platform.ts";
import { descendants, residentBytes } from "./processes.ts";
import { formatNumber, median, type Row } from "./report.ts";

/** Number of windows of a burst, each with the same number of responses. */
const WINDOWS = 10;
const SAMPLE_MS = 500;
/** Maximum number of jobs for pg-boss, whose rate does not depend on the number. */
const PEER_JOBS = 1_000;
const MB = 1e6;

/**
 * Measures a burst of small reads: their rate from the first message to the last response, and the memory used.
 *
 * @throws Error if a read fails, or if not all are tracked within two minutes
 */
export async function benchBurst(platform: BenchPlatform, jobs: number): Promise<Row[]> {
  const read = () => request({ type: "read", sql: "select 1 as n", format: "json" });
  await platform.run(Array.from({ length: 50 }, read));
  const memory = new Memory();
  const arrivals: number[] = [];
  const begun = performance.now();
  let sent = 0;
  await platform.run(Array.from({ length: jobs }, read), {
    onSent: () => {
      sent = performance.now() - begun;
    },
    onResponse: () => arrivals.push(performance.now() - begun),
  });
  const used = memory.stop();
  const tracked = await untilTracked(platform, jobs + 50);

  const size = Math.floor(jobs / WINDOWS);
  const windows = Array.from({ length: WINDOWS }, (_, index) => {
    const from = index === 0 ? 0 : (arrivals[index * size - 1] ?? 0);
    const to = arrivals[(index + 1) * size - 1] ?? 0;
    const samples = used.filter(({ at }) => at - begun >= from && at - begun <= to).map(({ bytes }) => bytes);
    return { from, rate: size / ((to - from) / 1000), bytes: Math.max(...samples, 0) };
  });
  // Sending also loads the SQS emulator, so windows that begin before all is sent are left out, unless too few remain.
  const afterSending = windows.filter(({ from }) => from >= sent);
  const rates = (afterSending.length > 1 ? afterSending : windows.slice(1)).map(({ rate }) => rate);
  const bytes = windows.map((window) => window.bytes).filter((count) => count > 0);
  return [
    {
      name: `burst of ${jobs.toLocaleString("en")} small reads, first message to last response`,
      ours: jobs / ((arrivals.at(-1) ?? Number.NaN) / 1000),
      peer: await pgBossRate(platform, Math.min(jobs, PEER_JOBS)),
      unit: "jobs/s",
      peerName: "pg-boss: fetch one, respond, complete",
      higherIsBetter: true,
      note: `sent in ${formatNumber(sent / 1000)} s; all of them tracked ${formatNumber(tracked / 1000)} s after the last response`,
    },
    {
      name: "  rate of its slowest tenth",
      ours: Math.min(...rates),
      peer: median(rates),
      unit: "jobs/s",
      peerName: "the median tenth",
      higherIsBetter: true,
      target: 0.7,
      note: `of all tenths: ${windows.map(({ rate }) => rate.toFixed(0)).join(" ")}`,
    },
    {
      name: "  memory in its last tenth, dispatcher and runs together",
      ours: (bytes.at(-1) ?? Number.NaN) / MB,
      // In the middle of the burst every run has started and has reached its maximum memory.
      peer: (bytes[Math.floor(bytes.length / 2)] ?? Number.NaN) / MB,
      unit: "MB",
      peerName: "in the middle of the burst",
      higherIsBetter: false,
      target: 1.2,
      note: `of all tenths: ${bytes.map((count) => (count / MB).toFixed(0)).join(" ")}`,
    },
  ];
}

/** Waits until all jobs are tracked as SUCCEEDED; returns the waiting time in milliseconds. */
async function untilTracked({ admin }: BenchPlatform, jobs: number): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const { rows } = await admin.query(
      `select (select count(*) from tracking.documents where status = 'SUCCEEDED')::int as tracked,
         (select count(*) from jobs.untracked)::int as behind`,
    );
    if (rows[0].tracked >= jobs && rows[0].behind === 0) return performance.now() - begun;
    if (performance.now() - begun > 120_000) throw new Error(`not tracked within two minutes: ${JSON.stringify(rows)}`);
    await pause(100);
  }
}

/** Command lines of the processes whose memory is sampled. */
const PLATFORM = /runtime\/(runner\/main|local\/dispatcherHost)\.ts/;

/** Samples the memory of the platform's own processes: the dispatcher and the runs (Linux). */
class Memory {
  readonly #samples: { at: number; bytes: number }[] = [];
  readonly #timer = setInterval(() => this.#samples.push({ at: performance.now(), bytes: this.#now() }), SAMPLE_MS);

  stop(): readonly { at: number; bytes: number }[] {
    clearInterval(this.#timer);
    return this.#samples;
  }

  #now(): number {
    return descendants(PLATFORM).reduce((bytes, pid) => bytes + residentBytes(pid), 0);
  }
}
