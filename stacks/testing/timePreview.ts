import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../runtime/platform/root.ts";
import type { Engine } from "./engine.ts";
import { stackEngine } from "./stackEngine.ts";

/**
 * `node stacks/testing/timePreview.ts <rounds>` previews dev in the real engine, alternately with the program and with an
 * empty program that loads the same packages. Each runs in its own process, with the command of Pulumi's language host.
 * Prints `{ ours, empty }` as JSON, in milliseconds per round. `wall` is the duration of the process, including waits for
 * the engine and the simulated providers. `processor` is the processor time of the process, which other work on the
 * machine hardly changes. esbuild bundles the functions in its own process, which only `wall` includes.
 */
const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const require = createRequire(import.meta.url);
const IMPORT = /^(?:import|export) (?!type )[^;]*? from "([^"]+)";/gm;

/** Lists the modules of @pulumi's packages that a file imports, directly or through other files of the repository. */
function pulumiModules(from: URL, seen = new Set<string>()): string[] {
  seen.add(from.href);
  return Array.from(readFileSync(from, "utf8").matchAll(IMPORT), ([, name = ""]) => name).flatMap((name) => {
    const id = name.startsWith(".") ? new URL(name, from).href : name;
    if (seen.has(id)) return [];
    if (name.startsWith(".")) return pulumiModules(new URL(id), seen);
    seen.add(id);
    return name.startsWith("@pulumi/") ? [name] : [];
  });
}

/** Makes a process report its processor time when it ends. */
const REPORT_USAGE = `--import=data:text/javascript,${encodeURIComponent(`
  import { writeSync } from "node:fs";
  process.on("exit", () => {
    const { user, system } = process.cpuUsage();
    writeSync(3, String((user + system) / 1_000));
  });`)}`;

/** Duration and processor time of a program in milliseconds. */
interface Times {
  readonly wall: number;
  readonly processor: number;
}

/** The engine's request to a language host to run a program. */
interface RunRequest {
  getProject(): string;
  getStack(): string;
  getParallel(): number;
  getArgsList(): string[];
  getMonitorAddress(): string;
  getDryrun(): boolean;
  getConfigMap(): { entries(): Iterable<[string, string]> };
}
type Callback = (error: Error | null, response?: unknown) => void;

let lastTimes: Times | undefined;
let program = "";

/** Runs a program as `pulumi-language-nodejs` does. */
async function run(request: RunRequest): Promise<void> {
  const flags = {
    monitor: request.getMonitorAddress(),
    engine: request.getArgsList()[0] ?? "",
    project: request.getProject(),
    stack: request.getStack(),
    parallel: String(request.getParallel()),
    "dry-run": String(request.getDryrun()),
    pwd: ROOT,
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const began = performance.now();
  const host = [REPORT_USAGE, require.resolve("@pulumi/pulumi/cmd/run"), ...args, program];
  const child: ChildProcess = spawn(process.execPath, host, {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit", "pipe"],
    env: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
      PULUMI_NODEJS_TYPESCRIPT: "false",
      RATES_MODULES: JSON.stringify(pulumiModules(new URL("../index.ts", import.meta.url))),
    },
  });
  const ended = once(child, "exit").then(([code]) => [code, performance.now()] as const);
  const [[code, end], usage] = await Promise.all([ended, text(child.stdio[3] as Readable)]);
  lastTimes = { wall: end - began, processor: Number(usage) };
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

// The Automation API's host runs a program in this process, which has already loaded the packages.
const { LanguageServer } = require("@pulumi/pulumi/automation/server.js");
const { RunResponse } = require("@pulumi/pulumi/proto/language_pb.js");
LanguageServer.prototype.run = ({ request }: { request: RunRequest }, callback: Callback): void => {
  run(request).then(
    () => callback(null, new RunResponse()),
    (error: Error) => callback(error),
  );
};

/**
 * Times a preview of a program.
 *
 * @param isExpected - Checks the number of created resources, which includes the stack itself.
 */
async function timePreview(pulumi: Engine, path: string, isExpected: (created: number) => boolean): Promise<Times> {
  program = path;
  lastTimes = undefined;
  const { changes } = await pulumi.preview();
  const created = changes.create ?? 0;
  if (!isExpected(created)) throw new Error(`${path} created ${created} resources`);
  if (lastTimes === undefined) throw new Error(`${path} was not started`);
  return lastTimes;
}

const rounds = Number(process.argv[2] ?? 5);
const pulumi = await stackEngine("dev", { program: async () => undefined });
try {
  const ours: Times[] = [];
  const empty: Times[] = [];
  // The first round only fills the operating system's file cache.
  for (let round = 0; round <= rounds; round++) {
    const emptyTimes = await timePreview(pulumi, file("emptyProgram.mjs"), (created) => created === 1);
    const ourTimes = await timePreview(pulumi, file("../main.mjs"), (created) => created > 100);
    if (round === 0) continue;
    empty.push(emptyTimes);
    ours.push(ourTimes);
  }
  console.log(JSON.stringify({ ours, empty }));
} finally {
  await pulumi.close();
}
