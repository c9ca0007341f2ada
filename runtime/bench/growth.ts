import type pg from "pg";
import { loadSample } from "../../db/sample/load.ts";
import { RatesReader } from "../api/ratesReader.ts";
import { accept, claim, finish, responsesSent } from "../store/jobs.ts";
import { mochaGlobalSetup, mochaGlobalTeardown } from "../testing/cluster.ts";
import { newJob, storeWithRun } from "../testing/jobs.ts";
import { PostgresTracking } from "../tracking/postgres.ts";
import { percentile, type Row } from "./report.ts";

/** Size of the large database in each dimension. */
export interface GrowthSize {
  prices: number;
  history: number;
  tenants: number;
  waiting: number;
}

/** Number of calls of each operation per database. Calls alternate between databases, so that other load affects both. */
const CALLS = 200;
/** Compared quantile of each database's times. It is low, because other work on the machine only adds time. */
const QUANTILE = 0.1;
/** Maximum ratio of the large database's time to the small one's. */
const MAX_RATIO = 1.2;
/**
 * Growth in milliseconds that is always accepted: an index with one more level costs one more page, which is a large
 * share of an operation that takes a tenth of a millisecond.
 */
const NOISE_MS = 0.15;
const TENANT = "acme";
const BACKEND = { pid: 1, start: "2021-01-01T00:00:00Z" };

type Operation = "accept" | "claim" | "finish" | "list" | "search" | "rates";

/** A quantity that grows with use, measured with two databases that differ only in it. */
interface Dimension {
  name: string;
  small: number;
  large: number;
  fill(database: GrowthDatabase, size: number): Promise<void>;
  operations: readonly Operation[];
}

type Store = Awaited<ReturnType<typeof storeWithRun>>;

/** One of the two databases, with the connections of the components that run the operations. */
class GrowthDatabase {
  readonly #store: Store;
  #created = 0;
  #claimed: { id: number; attempt: number } | undefined;
  #lanes: readonly { origin: string; destination: string; from: string; to: string }[] = [];

  private constructor(store: Store) {
    this.#store = store;
  }

  static async open(): Promise<GrowthDatabase> {
    const database = new GrowthDatabase(await storeWithRun());
    await database.claim();
    await database.finish();
    return database;
  }

  get admin(): pg.Client {
    return this.#store.fixture.admin;
  }

  close(): Promise<void> {
    return this.#store.fixture.close();
  }

  async accept(tenant = TENANT): Promise<void> {
    await accept(this.#store.dispatcher, [newJob(`job-${++this.#created}`, { tenant })]);
  }

  async claim(): Promise<void> {
    const job = await claim(this.#store.keeper, this.#store.run, BACKEND, undefined);
    if (!job) throw new Error("nothing to claim");
    this.#claimed = job;
  }

  async finish(): Promise<void> {
    if (!this.#claimed) throw new Error("nothing to finish");
    const { id } = this.#claimed;
    const response = await finish(this.#store.keeper, this.#claimed, {
      status: "SUCCEEDED",
      result: '{"inline":"n\\n1\\n","format":"csv","rows":1}',
      rows: 1,
      bytes: 2,
      peakMemoryBytes: 3,
    });
    if (!response) throw new Error("the job was not finished");
    await responsesSent(this.#store.keeper, [{ id: response.id, version: response.version, messageId: `m-${id}` }]);
  }

  /** Accepts waiting jobs of several tenants in batches. */
  async addWaitingJobs(jobs: number, tenantOf: (index: number) => string): Promise<void> {
    const BATCH = 1_000;
    for (let at = 0; at < jobs; at += BATCH)
      await accept(
        this.#store.dispatcher,
        Array.from({ length: Math.min(BATCH, jobs - at) }, (_, index) =>
          newJob(`waiting-${at + index}`, { tenant: tenantOf(at + index) }),
        ),
      );
  }

  /** Copies the finished job `jobs` times, as if it had run every ten seconds. */
  async addHistory(jobs: number): Promise<void> {
    const { rows } = await this.admin.query(
      "select document from jobs.documents where status = 'SUCCEEDED' order by id limit 1",
    );
    await new PostgresTracking(this.admin).put([{ version: 1, document: rows[0].document }]);
    const age = "make_interval(secs => n * 10)";
    const id = `'${TENANT}-' || n`;
    await this.#copy("jobs.jobs", jobs, {
      tenant: `'${TENANT}'`,
      request_id: id,
      response_id: id,
      created_at: `template.created_at - ${age}`,
      finished_at: `template.finished_at - ${age}`,
      due_at: "null",
      sent_at: `template.finished_at - ${age}`,
    });
    await this.#copy("tracking.documents", jobs, {
      tenant: `'${TENANT}'`,
      request_id: id,
      created_at: `template.created_at - ${age}`,
      finished_at: `template.finished_at - ${age}`,
      document: `template.document || jsonb_build_object('requestId', ${id}, 'tenant', '${TENANT}')`,
      words: `array_to_tsvector(array['${TENANT}', n::text, 'succeeded'])`,
    });
  }

  /** Inserts copies of a table's first row; columns keep its values unless `changed` has an expression for them. */
  async #copy(table: string, copies: number, changed: Readonly<Record<string, string>>): Promise<void> {
    const { rows } = await this.admin.query(
      `select attname as name from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped and attidentity = '' and attgenerated = ''
       order by attnum`,
      [table],
    );
    const columns: string[] = rows.map(({ name }) => name);
    await this.admin.query(
      `insert into ${table} (${columns.join(", ")})
       select ${columns.map((name) => changed[name] ?? `template.${name}`).join(", ")}
       from (select * from ${table} limit 1) template cross join generate_series(1, ${copies}) n`,
    );
  }

  async loadPrices(prices: number): Promise<void> {
    await loadSample(this.admin, { prices, seed: 7 });
    const { rows } = await this.admin.query(
      `select orig_code as origin, dest_code as destination, min(day)::text as "from", (min(day) + 30)::text as "to"
       from prices group by 1, 2 order by 1, 2 limit 100`,
    );
    this.#lanes = rows;
  }

  async vacuum(): Promise<void> {
    await this.admin.query("vacuum analyze");
  }

  /** Measures one call of each operation, in milliseconds. */
  async measure(operations: readonly Operation[], call: number): Promise<Map<Operation, number>> {
    const tracking = new PostgresTracking(this.admin);
    const reader = new RatesReader(this.admin as unknown as pg.Pool, 1);
    const calls: Record<Operation, () => Promise<unknown>> = {
      accept: () => this.accept(),
      claim: () => this.claim(),
      finish: () => this.finish(),
      list: () => tracking.search({ tenant: TENANT, limit: 50 }),
      search: () => tracking.search({ text: `${TENANT} ${(call % 100) + 1}`, limit: 50 }),
      rates: async () => {
        for (const lane of this.#lanes.slice(call % 50, (call % 50) + 10)) await reader.read(lane);
      },
    };
    const times = new Map<Operation, number>();
    for (const operation of operations) {
      const begun = performance.now();
      await calls[operation]();
      times.set(operation, performance.now() - begun);
    }
    return times;
  }
}

const JOB_OPERATIONS: readonly Operation[] = ["accept", "claim", "finish"];

const dimensions = (size: GrowthSize): readonly Dimension[] => [
  {
    name: "prices",
    small: 57_000,
    large: size.prices,
    fill: (database, prices) => database.loadPrices(prices),
    operations: ["rates", ...JOB_OPERATIONS],
  },
  {
    name: "jobs in history",
    // A search scans at most 5,000 documents before it collects all matches, so with fewer it would be faster anyway.
    small: 6_000,
    large: size.history,
    fill: (database, jobs) => database.addHistory(jobs),
    operations: [...JOB_OPERATIONS, "list", "search"],
  },
  {
    name: "tenants with waiting jobs",
    small: 1,
    large: size.tenants,
    fill: (database, tenants) => database.addWaitingJobs(size.tenants, (index) => `tenant-${index % tenants}`),
    operations: JOB_OPERATIONS,
  },
  {
    name: "waiting jobs",
    small: 1,
    large: size.waiting,
    fill: (database, jobs) => database.addWaitingJobs(jobs, () => TENANT),
    operations: JOB_OPERATIONS,
  },
];

/** Measures how the cost of one operation grows with prices, history, tenants and waiting jobs. */
export async function benchGrowth(size: GrowthSize): Promise<Row[]> {
  await mochaGlobalSetup();
  const rows: Row[] = [];
  try {
    for (const dimension of dimensions(size)) rows.push(...(await measure(dimension)));
  } finally {
    await mochaGlobalTeardown();
  }
  return rows;
}

async function measure({ name, small, large, fill, operations }: Dimension): Promise<Row[]> {
  const databases = await Promise.all([GrowthDatabase.open(), GrowthDatabase.open()]);
  const times = databases.map(() => new Map(operations.map((operation) => [operation, [] as number[]])));
  try {
    await Promise.all(
      databases.map(async (database, index) => {
        await fill(database, index === 0 ? small : large);
        await database.vacuum();
      }),
    );
    // The first calls are not counted, since they parse and plan the statements.
    for (let call = -10; call < CALLS; call++)
      for (const [index, database] of databases.entries())
        for (const [operation, ms] of await database.measure(operations, call + 10))
          if (call >= 0) times[index]?.get(operation)?.push(ms);
  } finally {
    await Promise.all(databases.map((database) => database.close()));
  }
  return operations.map((operation) => {
    const [smallMs, largeMs] = times.map((all) => percentile(all.get(operation) ?? [], QUANTILE)) as [number, number];
    return {
      name: `${operation} with ${large.toLocaleString("en")} ${name}`,
      ours: largeMs,
      peer: smallMs,
      peerName: `with ${small.toLocaleString("en")}`,
      unit: "ms",
      higherIsBetter: false,
      // Growth of at most NOISE_MS is accepted at any ratio.
      target: Math.max(MAX_RATIO, (smallMs + NOISE_MS) / smallMs),
      isRequired: true,
    };
  });
}
