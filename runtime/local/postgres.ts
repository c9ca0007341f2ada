import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "./ports.ts";
import { postgresBinaries } from "./postgresBinaries.ts";
import { postmasterStatus, stopLeftovers } from "./postmaster.ts";
import { asUnprivileged, type UnprivilegedCommand } from "./unprivileged.ts";

const HOST = "127.0.0.1";
const SUPERUSER = "postgres";
const START_TIMEOUT_MS = 60_000;
const FREE_PORT_ATTEMPTS = 5;

/** Postgres settings of every local cluster. */
const SETTINGS: Record<string, string> = {
  listen_addresses: HOST,
  // Local clients use TCP, as in AWS; the path of a socket is limited to 107 bytes.
  unix_socket_directories: "",
  shared_buffers: "256MB",
  // A batch of a million prices fits without a checkpoint.
  max_wal_size: "4GB",
  checkpoint_timeout: "15min",
  maintenance_work_mem: "256MB",
  // Statements are never logged: they may contain callers' data or passwords.
  log_min_error_statement: "panic",
  log_line_prefix: "%m [%p] %q%u@%d ",
  // Not the machine's zone: a query's result must not depend on where it runs.
  timezone: "UTC",
  log_timezone: "UTC",
};

/** Settings of a fast, disposable cluster, which need not survive a crash and whose passwords protect nothing. */
const NON_DURABLE_SETTINGS: Record<string, string> = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  scram_iterations: "1",
};

/** Options of a cluster. */
export interface PostgresOptions {
  /** Directory of `data/` and `password` (mode 600), created if absent. The caller holds its lock. */
  directory: string;
  /** File to append the server's output to. */
  logFile: string;
  /** TCP port on 127.0.0.1; a free one by default. */
  port?: number;
  /** Maximum connections, including those reserved for superusers. */
  maxConnections?: number;
  /** False if a crash of the machine may lose data. @default true */
  durable?: boolean;
}

/** A cluster that accepts connections. */
export interface Postgres {
  host: string;
  port: number;
  pid: number;
  /** Password of every local role. */
  password: string;
  /** URL of a database, for the superuser unless another role is named. It contains the password. */
  url(database: string, role?: string): string;
  /** Resolves when the server has ended for any reason. */
  ended: Promise<void>;
  /** Ends all sessions and the server, and waits for its exit. */
  stop(): Promise<void>;
}

/**
 * Starts the cluster in `options.directory`, creating it if absent, and resolves once it accepts connections. First
 * ends a server that a killed platform left running there.
 * @throws Error with the server's output if the start fails
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { initdb, postgres } = await postgresBinaries();
  const data = join(options.directory, "data");
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const unprivileged = asUnprivileged(postgres, options.directory);
  unprivileged.chown(options.directory);
  if (!existsSync(data)) await createCluster(initdb, options, unprivileged);
  await stopLeftovers(data);

  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const log = openSync(options.logFile, "a", 0o600);
    const before = fstatSync(log).size;
    const settings = {
      ...SETTINGS,
      ...(options.durable === false ? NON_DURABLE_SETTINGS : {}),
      port: String(port),
      max_connections: String(options.maxConnections ?? 100),
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const [program = postgres, ...args] = [...unprivileged.prefix, postgres, "-D", data, ...flags];
    // In its own session: Ctrl-C reaches only the platform, which ends the server after the components that use it.
    const child = spawn(program, args, {
      ...unprivileged.user,
      cwd: options.directory,
      detached: true,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    let startError: Error | undefined;
    child.once("error", (error) => {
      startError = error;
    });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    if (await waitUntilReady(child, data)) return clusterOf(child, ended, port, readPassword(options.directory));
    const postgresLog = readFileSync(options.logFile).subarray(before).toString("utf8").trim();
    const isPortTaken = options.port === undefined && postgresLog.includes("could not create any TCP/IP sockets");
    if (!isPortTaken || attempt === FREE_PORT_ATTEMPTS) {
      const output = postgresLog || startError?.message || "(nothing)";
      throw new Error(`Postgres did not start in ${data}. Its output:\n${output}`);
    }
  }
}

async function createCluster(
  initdb: string,
  options: PostgresOptions,
  unprivileged: UnprivilegedCommand,
): Promise<void> {
  const password = join(options.directory, "password");
  writeFileSync(password, randomBytes(24).toString("base64url"), { mode: 0o600 });
  unprivileged.chown(password);
  // Renamed when complete, so that a partly created cluster is never used after a crash.
  const unfinished = join(options.directory, "data.new");
  rmSync(unfinished, { recursive: true, force: true });
  const flags = [
    `--pgdata=${unfinished}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${password}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // Sorts by code point, in Postgres itself: the fastest order, and the same on every machine.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    ...(options.durable === false ? ["--no-sync", "--set=scram_iterations=1"] : []),
  ];
  const [program = initdb, ...args] = [...unprivileged.prefix, initdb, ...flags];
  await promisify(execFile)(program, args, { ...unprivileged.user, cwd: options.directory });
  renameSync(unfinished, join(options.directory, "data"));
}

/** Resolves to true once the server accepts connections, false if it cannot start, ends, or does not do so in time. */
async function waitUntilReady(child: ChildProcess, data: string): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (child.exitCode === null && child.signalCode === null) {
    if (child.pid !== undefined && postmasterStatus(data, child.pid) === "ready") return true;
    if (Date.now() > deadline) {
      child.kill("SIGQUIT");
      return false;
    }
    await delay(10);
  }
  return false;
}

function clusterOf(child: ChildProcess, ended: Promise<void>, port: number, password: string): Postgres {
  return {
    host: HOST,
    port,
    pid: child.pid ?? 0,
    password,
    url: (database, role = SUPERUSER) => `postgres://${role}:${password}@${HOST}:${port}/${database}`,
    ended,
    async stop() {
      child.kill("SIGINT");
      await ended;
    },
  };
}

/** Reads the password of the cluster in `directory`. */
function readPassword(directory: string): string {
  return readFileSync(join(directory, "password"), "utf8").trim();
}
