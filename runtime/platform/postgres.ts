import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import pg from "pg";
import type { RunnerType } from "../contract/states.ts";

/** Login roles of the components. db/roles.ts creates them; the files of db/ grant their privileges. */
export const ROLES = [
  "migrator", // owns every table and function
  "api_reader", // the HTTP API: reads prices and documents, accepts requests through functions
  "job_reader", // executes reads of a stack without raw SQL: prices only, in read-only transactions
  "job_reader_plan", // plans reads for estimates
  "job_writer", // executes updates: writes prices, ports and regions, and ends its own job
  "job_keeper", // second connection of a runner: claims, renews and ends jobs; has no access to prices
  "dispatcher", // accepts requests, starts runs and executes maintenance
  "canceller", // ends database sessions and checks that they are gone
] as const;
/** A role of the database: one of {@link ROLES}, or that of a run slot. */
export type Role = (typeof ROLES)[number] | SlotRole;

/** Login role of a run slot, so that no run can see or signal the session of another. */
export type SlotRole = `job_reader_${RunnerType}_${number}`;

/** Number of run slots with their own login role, per runner type. */
export type ReaderSlots = Readonly<Record<RunnerType, number>>;
/** No slots with their own role, for a platform without raw SQL. */
export const NO_SLOTS: ReaderSlots = { glue: 0, ec2: 0 };
/** Returns the number of slots that need a login role: all if `rawSql` is allowed, otherwise none. */
export const readerSlots = (rawSql: boolean, slots: ReaderSlots): ReaderSlots => (rawSql ? slots : NO_SLOTS);

/** Returns the role with which a run of this slot reads, if `rawSql` is allowed. */
export const readerRole = (runner: RunnerType, slot: number): SlotRole => `job_reader_${runner}_${slot}`;

/**
 * Connection settings of Postgres, from the environment: DATABASE_HOST, DATABASE_PORT (5432), DATABASE_NAME (rates),
 * DATABASE_AUTH (`iam`: a token per connection; otherwise DB_PASSWORD) and DATABASE_CA (a PEM file; with it, connections
 * use TLS and verify the server's certificate; without it, they do not use TLS). Passwords are not stored: they are read
 * for each connection.
 */
export function connectionOptions(role: Role, env: NodeJS.ProcessEnv = process.env): pg.ClientConfig {
  const host = env.DATABASE_HOST ?? "127.0.0.1";
  const port = Number(env.DATABASE_PORT ?? 5432);
  const usesIam = env.DATABASE_AUTH === "iam";
  return {
    host,
    port,
    user: role,
    database: env.DATABASE_NAME ?? "rates",
    application_name: `rates ${role}`,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: 10_000,
    // IAM tokens are valid for 15 minutes and checked only when connecting, so each physical connection gets its own.
    password: usesIam ? () => iamToken(host, port, role, env) : () => env.DB_PASSWORD ?? "",
    ...(env.DATABASE_CA === undefined ? {} : { ssl: { ca: readFileSync(env.DATABASE_CA, "utf8"), servername: host } }),
  };
}

async function iamToken(hostname: string, port: number, username: Role, env: NodeJS.ProcessEnv): Promise<string> {
  const { Signer } = await import("@aws-sdk/rds-signer");
  return new Signer({ hostname, port, username, ...(env.AWS_REGION ? { region: env.AWS_REGION } : {}) }).getAuthToken();
}

/** Maximum number of connections on which a process plans reads. They are opened when needed. */
export const PLANNING_CONNECTIONS = 1;

/** Socket of each connected client. */
const sockets = new WeakMap<pg.Client, Socket>();

/** Connects a client with a role. An error of an idle connection makes the next query fail; it does not end the process. */
export async function connect(role: Role, options: pg.ClientConfig = {}): Promise<pg.Client> {
  return connectWith({ ...connectionOptions(role), ...options });
}

/** Connects a client whose connection {@link abandon} can close at any time. */
export async function connectWith(options: pg.ClientConfig): Promise<pg.Client> {
  const socket = new Socket();
  const client = new pg.Client({ ...options, stream: () => socket });
  sockets.set(client, socket);
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Closes the connection of a client that `connect` or `connectWith` created, without waiting for its running statement. */
export function abandon(client: pg.Client): void {
  sockets.get(client)?.destroy();
}

/** Returns true if the connection of a client that `connect` or `connectWith` created is closed. */
export const isAbandoned = (client: pg.Client): boolean => sockets.get(client)?.destroyed ?? false;

/** Creates a pool of at most `max` connections, which are opened when needed and closed after ten idle seconds. */
export function pool(role: Role, max: number, options: pg.PoolConfig = {}): pg.Pool {
  const newPool = new pg.Pool({ ...connectionOptions(role), max, idleTimeoutMillis: 10_000, ...options });
  newPool.on("error", () => undefined);
  return newPool;
}
