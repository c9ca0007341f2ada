import pg from "pg";
import type { RunnerType } from "../contract/states.ts";
import type { Role } from "../platform/postgres.ts";
import { accept, type NewJob, runStarted } from "../store/jobs.ts";
import { planRuns, type RunPlan } from "../store/runs.ts";
import { type TestDatabase, testDatabase } from "./cluster.ts";

/** Creates a test's own database; `as` connects a client as a role. `close` ends the clients and drops the database. */
export async function jobDatabase(): Promise<{
  database: TestDatabase;
  as(role: Role): Promise<pg.Client>;
  admin: pg.Client;
  close(): Promise<void>;
}> {
  const database = await testDatabase();
  const clients: pg.Client[] = [];
  const open = async (url: string) => {
    const client = new pg.Client(url);
    client.on("error", () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  return {
    database,
    admin: await open(database.url),
    as: (role) => open(database.urlAs(role)),
    async close() {
      await Promise.allSettled(clients.map((client) => client.end()));
      await database.drop();
    },
  };
}

/** A job store, and clients that are connected as the roles dispatcher and job_keeper. */
export interface StoreClients {
  fixture: Awaited<ReturnType<typeof jobDatabase>>;
  dispatcher: pg.Client;
  keeper: pg.Client;
}

/**
 * Registers the hooks of a suite whose tests each need their own job store.
 * @param use - Receives the clients before each test.
 */
export function newJobStores(use: (clients: StoreClients) => void): void {
  let fixture: StoreClients["fixture"];
  beforeEach(async () => {
    fixture = await jobDatabase();
    use({ fixture, dispatcher: await fixture.as("dispatcher"), keeper: await fixture.as("job_keeper") });
  });
  afterEach(() => fixture.close());
}

/** Creates a job store, clients of the roles dispatcher and job_keeper, and a Glue run that has started. */
export async function storeWithRun() {
  const fixture = await jobDatabase();
  const [dispatcher, keeper] = await Promise.all([fixture.as("dispatcher"), fixture.as("job_keeper")]);
  await accept(dispatcher, [newJob("for the run")]);
  const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1));
  await runStarted(keeper, run);
  return { fixture, dispatcher, keeper, run };
}

/** Creates a job for `accept`: a small read, unless overridden. */
export const newJob = (requestId: string, overrides: Partial<NewJob> = {}): NewJob => ({
  tenant: "default",
  requestId,
  requestHash: "hash",
  responseId: `${overrides.tenant ?? "default"}/${requestId}`,
  task: { type: "read", query: "average_rates", params: {}, format: "csv", compression: "none" },
  inline: null,
  sql: "select 1 as n",
  runner: "glue",
  ec2Fallback: false,
  priority: 4,
  labels: {},
  reply: "queue",
  timeoutSeconds: 60,
  maxAttempts: 3,
  leaseSeconds: 30,
  ...overrides,
});

/** Creates a plan of runs, as a dispatcher would. */
export const testPlan = (runner: RunnerType, slots: number): RunPlan => ({
  runner,
  slots,
  version: "test",
  startSeconds: 60,
  silentSeconds: 30,
});
