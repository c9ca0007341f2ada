import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import Type from "typebox";
import { Value } from "typebox/value";
import { letRolesLogIn } from "../../db/roles.ts";
import { type Emulator, startEmulator } from "../local/emulator.ts";
import { type Postgres, startPostgres } from "../local/postgres.ts";
import { stopLeftovers } from "../local/postmaster.ts";
import { identify } from "../local/processes.ts";
import type { ReaderSlots } from "../platform/postgres.ts";
import type { OpenSearchNode } from "./tracking/node.ts";

/** Environment variable with the address from which mocha's workers get the shared cluster and OpenSearch. */
const CLUSTER_ENV = "RATES_TEST_CLUSTER";
const OPENSEARCH = "/opensearch";
/** Time limit for starting OpenSearch, including its download. */
const START_OPENSEARCH_MS = 300_000;

/** Run slots with a login role in the cluster that tests share. */
export const TEST_SLOTS: ReaderSlots = { glue: 24, ec2: 24 };

/** Shared cluster: the superuser's URL of its database `postgres`, and the name of the migrated template database. */
const TestCluster = Type.Object({ url: Type.String(), template: Type.String() });
type TestCluster = Type.Static<typeof TestCluster>;

/** A test's own database, migrated and without data. */
export interface TestDatabase {
  name: string;
  /** URL for the superuser. */
  url: string;
  /** URL for one of the platform's roles. */
  urlAs(role: string): string;
  /** Environment of a process that connects to the database as the platform's components do. */
  env: Record<string, string>;
  /** Ends all sessions of the database and drops it. */
  drop(): Promise<void>;
}

/**
 * Creates a database from the migrated template, in about 50 ms. The first call of a test run also starts the cluster.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const cluster = await sharedCluster();
  const name = `test_${randomBytes(8).toString("hex")}`;
  // Copying files is faster than copying through the WAL (28 ms instead of 80 ms here) if nothing is synced.
  await administer(
    cluster.url,
    `create database ${name} template ${cluster.template} strategy file_copy`,
    // A copy has everything but its template's privileges on the database itself.
    `update pg_database set datacl = template.datacl from pg_database template
     where pg_database.datname = '${name}' and template.datname = '${cluster.template}'`,
  );
  const url = new URL(cluster.url);
  url.pathname = name;
  return {
    name,
    url: url.href,
    urlAs(role) {
      const other = new URL(url);
      other.username = role;
      return other.href;
    },
    env: {
      DATABASE_HOST: url.hostname,
      DATABASE_PORT: url.port || "5432",
      DATABASE_NAME: name,
      DATABASE_AUTH: "password",
      DB_PASSWORD: decodeURIComponent(url.password),
    },
    drop: () => administer(cluster.url, `drop database if exists ${name} with (force)`),
  };
}

/**
 * Returns the URL of the OpenSearch that all tests share, each with its own index prefix. The first call starts it. For
 * a `before` hook: skips the suite if this machine cannot start OpenSearch; if everything is required, fetches it.
 */
export async function testOpenSearch(context: Mocha.Context): Promise<string> {
  context.timeout(START_OPENSEARCH_MS);
  const { openSearchProblem, fetchOpenSearch } = await import("./tracking/node.ts");
  const problem = openSearchProblem();
  if (problem !== undefined && process.env.RATES_REQUIRE_ALL !== "1") skip(context, problem);
  if (problem !== undefined) fetchOpenSearch();
  return Value.Parse(Type.Object({ endpoint: Type.String() }), await shared(OPENSEARCH)).endpoint;
}

/** Starts a test's own empty SQS and S3 in this process. */
export const testCloud = (): Promise<Emulator> => startEmulator();

/**
 * Skips a test, or all tests of the suite whose `before` hook calls this, with the reason that `npm test` reports at
 * its end. If everything is required (RATES_REQUIRE_ALL=1, as in .ci/run), it fails instead.
 */
export function skip(context: Mocha.Context, reason: string): never {
  if (process.env.RATES_REQUIRE_ALL === "1") throw new Error(`Required here (RATES_REQUIRE_ALL=1), but ${reason}.`);
  const addReason = (test: Mocha.Runnable) => {
    // Mocha's workers pass the reporter no other text of a skipped test.
    test.title += ` [skipped: ${reason}]`;
  };
  const runnable: Mocha.Runnable | undefined = context.test;
  const isTest = runnable?.parent?.tests.some((test) => test === runnable) ?? false;
  if (runnable !== undefined && isTest) addReason(runnable);
  else runnable?.parent?.eachTest(addReason);
  return context.skip();
}

/**
 * Called by mocha before the first test. The cluster itself starts when the first test requests it, since tests
 * without a database need none.
 */
export async function mochaGlobalSetup(): Promise<void> {
  const server = createServer((request, response) => {
    const resource: Promise<object> = request.url === OPENSEARCH ? runOpenSearch() : runCluster();
    resource.then(
      (value) => response.end(JSON.stringify(value)),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? (error.stack ?? error.message) : error),
    );
  });
  run.server = server.listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  process.env[CLUSTER_ENV] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The environment before a file's tests. A worker runs many files, and restores it after each. */
let environment: NodeJS.ProcessEnv = {};

/** Called by mocha around the tests of each file; without parallel workers, around all tests. */
export const mochaHooks = {
  beforeAll(): void {
    environment = { ...process.env };
  },
  afterAll(): void {
    for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
    Object.assign(process.env, environment);
  },
};

/** Called by mocha after the last test. */
export async function mochaGlobalTeardown(): Promise<void> {
  run.server?.close();
  run.server?.closeAllConnections();
  const cluster = await run.cluster?.catch(() => undefined);
  if (cluster !== undefined && run.postgres === undefined) {
    await administer(cluster.url, `drop database if exists ${cluster.template} with (force)`);
  }
  await run.postgres?.stop();
  await (await run.openSearch?.catch(() => undefined))?.stop();
  for (const directory of run.directories) rmSync(directory, { recursive: true, force: true });
}

/** Shared state of the process that runs mocha, for all its workers. */
const run: {
  server?: Server;
  cluster?: Promise<TestCluster>;
  postgres?: Postgres;
  openSearch?: Promise<OpenSearchNode>;
  /** Temporary directories of the test run. */
  directories: string[];
} = { directories: [] };

const runCluster = (): Promise<TestCluster> => {
  run.cluster ??= startCluster();
  return run.cluster;
};
const runOpenSearch = (): Promise<OpenSearchNode> => {
  run.openSearch ??= startSharedOpenSearch();
  return run.openSearch;
};

const sharedCluster = async (): Promise<TestCluster> => Value.Parse(TestCluster, await shared("/"));

/** Returns a resource that exists once per test run and is started on first use. */
async function shared(path: string): Promise<unknown> {
  const address = process.env[CLUSTER_ENV];
  if (address === undefined)
    throw new Error(`${CLUSTER_ENV} is not set: the resources that tests share exist only under mocha.`);
  const response = await fetch(new URL(path, address));
  if (!response.ok) throw new Error(`A resource that tests share did not start.\n${await response.text()}`);
  return response.json();
}

/** Creates the template in the cluster of TEST_DATABASE_URL (a superuser's URL), or else in a new temporary cluster. */
async function startCluster(): Promise<TestCluster> {
  const url = process.env.TEST_DATABASE_URL ?? (await startTemporaryPostgres()).url("postgres");
  const template = `template_${randomBytes(8).toString("hex")}`;
  await administer(url, `create database ${template}`);
  const templateUrl = new URL(url);
  templateUrl.pathname = template;
  const { migrate, migrateRoles } = await import("../../db/migrate.ts");
  await migrateRoles({ url: templateUrl.href }, TEST_SLOTS);
  await migrate({ url: templateUrl.href });
  const client = new pg.Client(url);
  await client.connect();
  try {
    await letRolesLogIn(client, decodeURIComponent(templateUrl.password), TEST_SLOTS);
  } finally {
    await client.end();
  }
  return { url, template };
}

async function startTemporaryPostgres(): Promise<Postgres> {
  const directory = await createDirectory();
  const logFile = join(directory, "postgres.log");
  const postgres = await startPostgres({ directory, logFile, durable: false, maxConnections: 300 });
  // Ctrl-C ends mocha without its teardown. The next test run then removes the directory.
  for (const event of ["exit", "SIGINT"]) process.once(event, () => void postgres.stop());
  run.postgres = postgres;
  return postgres;
}

async function startSharedOpenSearch(): Promise<OpenSearchNode> {
  const { startOpenSearch } = await import("./tracking/node.ts");
  return startOpenSearch(await createDirectory());
}

async function createDirectory(): Promise<string> {
  await removeLeftovers();
  const directory = mkdtempSync(join(tmpdir(), `rates-test-${process.pid}-`));
  run.directories.push(directory);
  return directory;
}

/** Ends and removes the leftovers of test runs that were killed. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^rates-test-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || identify(Number(pid)) !== undefined) continue;
    const directory = join(tmpdir(), name);
    await stopLeftovers(join(directory, "data"));
    rmSync(directory, { recursive: true, force: true });
  }
}

async function administer(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
