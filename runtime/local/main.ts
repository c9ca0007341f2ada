import { setTimeout as delay } from "node:timers/promises";
import { DumpError } from "../../db/dump.ts";
import { NotEmpty } from "./database.ts";
import { DirectoryInUse, type Lock, lock } from "./lock.ts";
import { type Options, parseOptions, USAGE, UsageError } from "./options.ts";
import { type LocalPlan, localPlan, StackError } from "./plan.ts";
import { type Platform, startPlatform } from "./platform.ts";
import { freePort, portProblem } from "./ports.ts";
import { summary } from "./summary.ts";

/** `npm start`: the whole platform on this machine, until Ctrl-C. Exit code 2: it was asked for something impossible. */
const API_HOST = "127.0.0.1";
/** Time limit for the API of a killed platform to notice and release its port. */
const PORT_RELEASE_MS = 3_000;

/** Interval of checks that npm still runs. */
const NPM_LOOK_MS = 100;

const say = (line: string) => console.log(line);
// A terminal that was closed must not end the platform in the middle of its work.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

try {
  process.exitCode = await main();
} catch (error) {
  const expected = [UsageError, DirectoryInUse, NotEmpty, DumpError, StackError].some((kind) => error instanceof kind);
  console.error(error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : error);
  process.exitCode = expected ? 2 : 1;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    say(USAGE);
    return 0;
  }
  const plan = localPlan(options.stack, { runsPerCore: options.runsPerCore });
  const held = await lock(options.dataDir, say);
  try {
    if (held.recovered) say("The last platform on this data directory was killed; continuing from its state.");
    return await run(options, plan, held);
  } finally {
    held.release();
  }
}

async function run(options: Options, plan: LocalPlan, held: Lock): Promise<number> {
  const begun = performance.now();
  const asked = new AbortController();
  let platform: Platform | undefined;
  let hurried = false;
  const stop = () => {
    held.stopping();
    asked.abort();
  };
  const hurry = () => {
    hurried = true;
    platform?.forceStop();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (asked.signal.aborted) return hurry();
      say("\nStopping: running jobs may finish, others wait for the next start. Ctrl-C again to stop at once.");
      stop();
    });
  }
  whenNpmVanishes(() => {
    stop();
    hurry();
  });

  try {
    const port = await apiPort(options.port, held.recovered ? PORT_RELEASE_MS : 0);
    platform = await startPlatform({ ...options, port, plan, say, signal: asked.signal });
  } catch (error) {
    if (asked.signal.aborted) return 0;
    throw error;
  }
  say(summary(platform, { ...options, plan, seconds: (performance.now() - begun) / 1000 }));
  const stopAsked = new Promise<void>((resolve) => {
    if (asked.signal.aborted) resolve();
    asked.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  let code = 0;
  await Promise.race([stopAsked, platform.failed]).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    code = 1;
  });
  const stopped = platform.stop();
  if (hurried) platform.forceStop();
  await stopped;
  say("Stopped.");
  return code;
}

/**
 * Calls `then` when npm was killed, which it cannot pass on: killing `npm start` must stop the platform, so that it can
 * be started again at once.
 */
function whenNpmVanishes(then: () => void): void {
  if (process.env.npm_lifecycle_event !== "start") return;
  const npm = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(look);
    then();
  }, NPM_LOOK_MS);
  look.unref();
}

/** The port to use, or a clear word about who may not. Waits a little where a killed platform may still hold it. */
async function apiPort(asked: number, patience: number): Promise<number> {
  if (asked === 0) return freePort(API_HOST);
  const deadline = Date.now() + patience;
  let problem = await portProblem(asked, API_HOST);
  while (problem === "EADDRINUSE" && Date.now() < deadline) {
    await delay(50);
    problem = await portProblem(asked, API_HOST);
  }
  if (problem === undefined) return asked;
  const reason =
    problem === "EADDRINUSE"
      ? `Port ${asked} is taken by another program.`
      : `Port ${asked} cannot be used (${problem}).`;
  throw new UsageError(
    `${reason} Stop that program, or choose another port: npm start -- --port ${await freePort(API_HOST)}`,
  );
}
