import { setTimeout as delay } from "node:timers/promises";
import { DumpError } from "../../db/dump.ts";
import { DatabaseNotEmpty } from "./database.ts";
import { DirectoryInUse, type Lock, lock } from "./lock.ts";
import { type Options, parseOptions, startCommand, USAGE, UsageError } from "./options.ts";
import { type LocalPlan, localPlan, StackError } from "./plan.ts";
import { type Platform, startPlatform } from "./platform.ts";
import { freePort, portProblem } from "./ports.ts";
import { summary } from "./summary.ts";

const API_HOST = "127.0.0.1";
/** Time limit for the API of a killed platform to end and release its port. */
const PORT_RELEASE_MS = 3_000;

/** Interval at which the platform checks that npm is still running. */
const NPM_POLL_MS = 100;

const print = (line: string) => console.log(line);
// Output to a closed terminal must not crash the platform.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

try {
  process.exitCode = await main();
} catch (error) {
  const isExpected = [UsageError, DirectoryInUse, DatabaseNotEmpty, DumpError, StackError].some(
    (errorClass) => error instanceof errorClass,
  );
  console.error(error instanceof Error ? (isExpected ? error.message : (error.stack ?? error.message)) : error);
  process.exitCode = isExpected ? 2 : 1;
}

/**
 * `npm start`: runs the whole platform on this machine until Ctrl-C. The process exits with code 2 after an expected
 * error, for example invalid options or a data directory in use.
 * @returns exit code
 */
async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    print(USAGE);
    return 0;
  }
  const plan = localPlan(options.stack, {
    runsPerCore: options.runsPerCore,
    // After the first start the data directory contains the dump.
    startCommand: startCommand(options, { dump: undefined, "runs-per-core": undefined }),
  });
  // Port 0, since the running platform may use the same port.
  const otherCommand = startCommand(options, { "data-dir": "OTHER", port: "0" });
  const directoryLock = await lock(options.dataDir, print, otherCommand);
  try {
    if (directoryLock.recovered)
      print("The last platform on this data directory was killed; continuing from its state.");
    return await run(options, plan, directoryLock);
  } finally {
    directoryLock.release();
  }
}

async function run(options: Options, plan: LocalPlan, directoryLock: Lock): Promise<number> {
  const startedAt = performance.now();
  const stopRequest = new AbortController();
  const forceRequest = new AbortController();
  const stop = () => {
    directoryLock.markStopping();
    stopRequest.abort();
  };
  const forceStop = () => forceRequest.abort();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (stopRequest.signal.aborted) return forceStop();
      print("\nStopping: running jobs may finish, others wait for the next start. Ctrl-C again to stop at once.");
      stop();
    });
  }
  onNpmExit(() => {
    stop();
    forceStop();
  });

  let platform: Platform;
  try {
    const port = await apiPort(options, directoryLock.recovered ? PORT_RELEASE_MS : 0);
    platform = await startPlatform({
      ...options,
      port,
      plan,
      print,
      signal: stopRequest.signal,
      forceSignal: forceRequest.signal,
    });
  } catch (error) {
    if (stopRequest.signal.aborted) return 0;
    throw error;
  }
  print(summary(platform, { ...options, plan, seconds: (performance.now() - startedAt) / 1000 }));
  const stopRequested = new Promise<void>((resolve) => {
    if (stopRequest.signal.aborted) resolve();
    stopRequest.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  let code = 0;
  await Promise.race([stopRequested, platform.failed]).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    code = 1;
  });
  await platform.stop();
  print("Stopped.");
  return code;
}

/**
 * Calls `onExit` when npm is killed: npm cannot forward SIGKILL, and a platform that keeps running would block the next
 * `npm start`.
 */
function onNpmExit(onExit: () => void): void {
  if (process.env.npm_lifecycle_event !== "start") return;
  const npm = process.ppid;
  const poll = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(poll);
    onExit();
  }, NPM_POLL_MS);
  poll.unref();
}

/**
 * Returns the port to use. Waits briefly while a killed platform may still hold it.
 *
 * @throws UsageError if the port cannot be used
 */
async function apiPort(options: Options, timeoutMs: number): Promise<number> {
  const { port: requestedPort } = options;
  if (requestedPort === 0) return freePort(API_HOST);
  const deadline = Date.now() + timeoutMs;
  let problem = await portProblem(requestedPort, API_HOST);
  while (problem === "EADDRINUSE" && Date.now() < deadline) {
    await delay(50);
    problem = await portProblem(requestedPort, API_HOST);
  }
  if (problem === undefined) return requestedPort;
  const reason =
    problem === "EADDRINUSE"
      ? `Port ${requestedPort} is taken by another program. Stop that program, or choose`
      : `Port ${requestedPort} cannot be used (${problem}). Choose`;
  throw new UsageError(`${reason} another port: ${startCommand(options, { port: String(await freePort(API_HOST)) })}`);
}
