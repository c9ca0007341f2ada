import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Engine } from "./engine.ts";
import { stackEngine } from "./stackEngine.ts";

/**
 * `node stacks/testing/timePreview.ts <rounds>`: previews dev in the real engine, by turns with the program and with an
 * empty one that loads the same packages, each in a process of its own as Pulumi's language host starts it. Prints
 * `{ ours, empty }` as JSON: milliseconds from the start of each process to its end, a figure a round.
 */
const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const ROOT = file("../..");
const require = createRequire(import.meta.url);
const IMPORT = /^(?:import|export) (?!type )[^;]*? from "([^"]+)";/gm;

/** The modules that a file, and those of ours that it imports, ask for in @pulumi's packages. */
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

/** What the engine asks a language host for when a program is to run. */
interface RunRequest {
  getProject(): string;
  getStack(): string;
  getParallel(): number;
  getArgsList(): string[];
  getMonitorAddress(): string;
  getDryrun(): boolean;
  getConfigMap(): { entries(): Iterable<[string, string]> };
}
type Answer = (error: Error | null, response?: unknown) => void;

let began = Number.NaN;
let ended = Number.NaN;
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
  began = performance.now();
  const child: ChildProcess = spawn(process.execPath, [require.resolve("@pulumi/pulumi/cmd/run"), ...args, program], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
      PULUMI_NODEJS_TYPESCRIPT: "false",
      RATES_MODULES: JSON.stringify(pulumiModules(new URL("../index.ts", import.meta.url))),
    },
  });
  const [code] = await once(child, "exit");
  ended = performance.now();
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

// The Automation API's host runs a program in this process, which has loaded the packages long ago.
const { LanguageServer } = require("@pulumi/pulumi/automation/server.js");
const { RunResponse } = require("@pulumi/pulumi/proto/language_pb.js");
LanguageServer.prototype.run = ({ request }: { request: RunRequest }, answer: Answer): void => {
  run(request).then(
    () => answer(null, new RunResponse()),
    (error: Error) => answer(error),
  );
};

/** Milliseconds of a program, and how many resources it asked for: the stack itself is one. */
async function time(one: Engine, path: string): Promise<{ ms: number; resources: number }> {
  program = path;
  const { changes } = await one.preview();
  return { ms: ended - began, resources: changes.create ?? 0 };
}

const rounds = Number(process.argv[2] ?? 5);
const one = await stackEngine("dev", { program: async () => undefined });
try {
  const ours: number[] = [];
  const empty: number[] = [];
  // The first of each only brings the files into the system's cache.
  for (let round = 0; round <= rounds; round++) {
    const [nothing, all] = [await time(one, file("emptyProgram.mjs")), await time(one, file("../main.mjs"))];
    if (nothing.resources !== 1 || all.resources < 100)
      throw new Error(`the empty program made ${nothing.resources} resources, and ours ${all.resources}`);
    if (round === 0) continue;
    empty.push(nothing.ms);
    ours.push(all.ms);
  }
  console.log(JSON.stringify({ ours, empty }));
} finally {
  await one.close();
}
