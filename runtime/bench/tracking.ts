import { join } from "node:path";
import pg from "pg";
import { random } from "../../db/sample/random.ts";
import { openSearchProblem, startOpenSearch } from "../testing/tracking/node.ts";
import { OpenSearchTracking } from "../tracking/opensearch/store.ts";
import { PostgresTracking } from "../tracking/postgres.ts";
import type { Document, Search, TrackingStore } from "../tracking/store.ts";
import type { BenchPlatform } from "./platform.ts";
import { percentile, type Row } from "./report.ts";

/** Maximum 95th percentile of the duration of searches. */
const TARGET_MS = 100;
const BATCH = 1_000;
const WRITERS = 2;
const ROUNDS = 40;
/** Java heap of the node in MB: half the memory of an instance with 2 GiB. */
const HEAP = 1_024;

const draw = random(42);
const randomBelow = (limit: number) => Math.floor(draw() * limit);
const pickFrom = <T>(list: readonly [T, ...T[]]): T => list[randomBelow(list.length)] ?? list[0];

const TENANTS = Array.from({ length: 20 }, (_, index) => `tenant-${index}`) as [string, ...string[]];
const TEAMS = Array.from({ length: 10 }, (_, index) => `team-${index}`) as [string, ...string[]];
const PORTS = Array.from({ length: 500 }, (_, index) => `P${(index * 7_919).toString(36).toUpperCase()}`) as [
  string,
  ...string[],
];
const letter = (index: number) => String.fromCharCode(97 + (index % 26));
/** 50 words, each in about 2 % of the documents: slow to search if every match must be sorted. */
const WORDS = Array.from(
  { length: 50 },
  (_, index) => `${letter(index)}lane${letter(index * 3 + Math.floor(index / 26))}`,
) as [string, ...string[]];
const ERRORS = ["InvalidRows", "InvalidSql", "TimedOut", "RunnerLost"] as const;
const START = Date.UTC(2025, 0, 1);
const YEAR_MS = 365 * 86_400_000;

const idOf = (index: number) => `${pickFrom(WORDS)}-${((index * 2_654_435_761) % 2 ** 32).toString(16)}-${index}`;

/** Creates one of `count` documents, with the main fields of a job's document; they are evenly spread over a year. */
function document(index: number, count: number): Document {
  const created = START + Math.floor((index / count) * YEAR_MS);
  const ended = draw() < 0.999;
  const failed = ended && draw() < 0.06;
  const queueMs = randomBelow(5_000);
  const executionMs = randomBelow(600_000);
  const iso = (time: number) => new Date(time).toISOString();
  return {
    requestId: idOf(index),
    tenant: pickFrom(TENANTS),
    status: !ended ? "PENDING" : failed ? "FAILED" : "SUCCEEDED",
    runner: index % 3 === 0 ? "ec2" : "glue",
    requestHash: (index * 2_654_435_761).toString(16).padStart(64, "0"),
    createdAt: iso(created),
    ...(ended ? { finishedAt: iso(created + queueMs + executionMs) } : {}),
    ...(ended ? { stats: { queueMs, executionMs, totalMs: queueMs + executionMs, rows: randomBelow(1e6) } } : {}),
    ...(failed
      ? { error: { type: pickFrom(ERRORS), message: `relation ${pickFrom(WORDS)}_${randomBelow(1e5)} is not there` } }
      : {}),
    task:
      index % 3 === 0
        ? { type: "update", target: "prices", source: { s3: `s3://uploads/${pickFrom(TENANTS)}/batch-${index}.csv` } }
        : { type: "read", query: "average_rates", params: { orig_code: pickFrom(PORTS), dest_code: pickFrom(PORTS) } },
    labels: { team: pickFrom(TEAMS), batch: String(randomBelow(10_000)) },
    statusHistory: ["PENDING", "IN_PROGRESS", "SUCCEEDED"].map((status) => ({ status, at: iso(created) })),
    attempts: [{ runner: "glue", runId: `jr_${index}`, startedAt: iso(created), outcome: "SUCCEEDED" }],
  };
}

/** Typical searches with random values, so that no result comes from a cache. */
const SEARCHES: Record<string, (count: number) => Omit<Search, "limit">> = {
  "the newest": () => ({}),
  "a tenant's newest": () => ({ tenant: pickFrom(TENANTS) }),
  "a tenant's failed": () => ({ tenant: pickFrom(TENANTS), status: ["FAILED"] }),
  "a tenant's slowest": () => ({ tenant: pickFrom(TENANTS), sort: "totalMs" }),
  "the slowest of a day": () => withinOneDay({ sort: "totalMs" }),
  "the EC2 updates that ended last": () => ({ type: "update", runner: "ec2", sort: "finishedAt" }),
  "waiting or running jobs": () => ({ status: ["PENDING", "IN_PROGRESS"] }),
  "a frequent label": () => ({ labels: { team: pickFrom(TEAMS) } }),
  "a rare label": () => ({ labels: { batch: String(randomBelow(10_000)) } }),
  "a frequent word": () => ({ text: pickFrom(WORDS) }),
  "a frequent word, oldest first": () => ({ text: pickFrom(WORDS), order: "asc" }),
  "a frequent word of a tenant": () => ({ text: pickFrom(WORDS), tenant: pickFrom(TENANTS) }),
  "a frequent word among the failed": () => ({ text: pickFrom(WORDS), status: ["FAILED"] }),
  "a frequent word, slowest first": () => ({ text: pickFrom(WORDS), sort: "totalMs" }),
  "a frequent word of last winter": () => ({
    text: pickFrom(WORDS),
    createdTo: new Date(START + YEAR_MS / 10).toISOString(),
  }),
  "a frequent word and a port": () => ({ text: `${pickFrom(WORDS)} ${pickFrom(PORTS)}` }),
  "a rare word": (count) => ({ text: `batch-${randomBelow(count)}` }),
  "an id": (count) => ({ text: ((randomBelow(count) * 2_654_435_761) % 2 ** 32).toString(16) }),
  "the beginning of a word": () => ({ text: pickFrom(WORDS).slice(0, 3) }),
  "the beginning of an id": (count) => ({
    text: ((randomBelow(count) * 2_654_435_761) % 2 ** 32).toString(16).slice(0, 3),
  }),
  "an unknown word": () => ({ text: `nowhere${randomBelow(1e6)}` }),
};

function withinOneDay(search: Omit<Search, "limit">): Omit<Search, "limit"> {
  const from = START + randomBelow(364) * 86_400_000;
  return { ...search, createdFrom: new Date(from).toISOString(), createdTo: new Date(from + 86_400_000).toISOString() };
}

/** Measures searches among `count` documents in both tracking stores. */
export async function benchTracking(platform: BenchPlatform, count: number): Promise<Row[]> {
  const db = new pg.Pool({ connectionString: platform.file.databaseUrl, max: WRITERS });
  const rows: Row[] = [];
  try {
    const settle = () => db.query("vacuum analyze tracking.documents");
    rows.push(await measure("Postgres", new PostgresTracking(db), count, settle));
  } finally {
    await db.end();
  }
  const problem = openSearchProblem();
  if (problem !== undefined) {
    console.error(`without OpenSearch: ${problem}`);
    return rows;
  }
  const { endpoint, stop } = await startOpenSearch(join(platform.directory, "opensearch"), HEAP);
  try {
    const settle = () => fetch(`${endpoint}/rates-jobs-*/_refresh`, { method: "POST" });
    const store = new OpenSearchTracking({ endpoint, indexPrefix: "rates-jobs" });
    rows.push(await measure("OpenSearch", store, count, settle));
  } finally {
    await stop();
  }
  return rows;
}

async function measure(
  name: string,
  store: TrackingStore,
  count: number,
  settle: () => Promise<unknown>,
): Promise<Row> {
  const begun = performance.now();
  await write(store, count);
  await settle();
  const rate = count / ((performance.now() - begun) / 1000);
  const times = await searchTimes(store, count);
  const startedAt = performance.now();
  await store.summarize({});
  const summaryMs = performance.now() - startedAt;
  const p95 = (kind: string) => percentile(times.get(kind) ?? [], 0.95);
  const slowest = [...times.keys()].reduce((a, b) => (p95(b) > p95(a) ? b : a));
  return {
    name: `search among ${count.toLocaleString("en")} documents in ${name}, p95`,
    ours: percentile([...times.values()].flat(), 0.95),
    peer: TARGET_MS,
    unit: "ms",
    peerName: "target",
    higherIsBetter: false,
    target: 1,
    note: `slowest search: ${slowest}, ${p95(slowest).toFixed(0)} ms; summary of all ${summaryMs.toFixed(0)} ms; written at ${Math.round(rate).toLocaleString("en")}/s`,
  };
}

/** Writes `count` documents with two writers, like two dispatchers. */
async function write(store: TrackingStore, count: number): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (next < count) {
        const first = next;
        next += BATCH;
        const batch = Array.from({ length: BATCH }, (_, index) => document(first + index, count));
        await store.put(batch.map((document) => ({ version: 1, document })));
      }
    }),
  );
}

/** Measures searches; returns milliseconds by kind. */
async function searchTimes(store: TrackingStore, count: number): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>();
  // The first round warms up caches and the JVM.
  for (let round = -1; round < ROUNDS; round++)
    for (const [kind, createSearch] of Object.entries(SEARCHES)) {
      const search = { limit: 50, ...createSearch(count) };
      const start = performance.now();
      await store.search(search);
      if (round >= 0) times.set(kind, [...(times.get(kind) ?? []), performance.now() - start]);
    }
  return times;
}
