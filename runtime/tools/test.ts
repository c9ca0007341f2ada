import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../platform/root.ts";
import { namesFiles } from "./namesFiles.ts";
import { unitTests } from "./unitTests.ts";

/**
 * `npm test`: runs all checks in parallel, then the tests. Arguments after `npm test --` go to mocha: named test files
 * run instead of all, and `--grep WORDS` selects tests by title. With RATES_REQUIRE_ALL=1 and without arguments, the
 * simulation, the attack suite, and the growth and soak benchmarks run before the tests. `npm run test:unit` runs only
 * the tests that start no database or other process. A failed check does not stop the tests; it fails the run and is
 * counted in the last line.
 */
const modules = join(ROOT, "node_modules");
const TESTS = "{stacks,infra,runtime,db,policy}/**/*.test.ts";

const CHECKS = [
  { name: "types", args: [join(modules, "typescript", "bin", "tsc"), "--noEmit", "--pretty"] },
  {
    name: "the dashboard's types",
    args: [
      join(modules, "typescript", "bin", "tsc"),
      ...["--noEmit", "--pretty", "--project", join(ROOT, "runtime", "api", "dashboard", "client")],
    ],
  },
  { name: "lint", args: [join(modules, "@biomejs", "biome", "bin", "biome"), "ci", "--colors=off", "."] },
  {
    name: "dependencies between folders",
    args: [
      join(modules, "dependency-cruiser", "bin", "dependency-cruiser.mjs"),
      ...["--config", ".dependency-cruiser.mjs", "stacks", "infra", "policy", "runtime", "db"],
    ],
  },
  { name: "unused code", args: [join(modules, "knip", "bin", "knip.js"), "--no-progress"] },
  { name: "wording", args: [join(ROOT, "runtime", "tools", "prose", "main.ts")] },
  { name: "commit subjects", args: [join(ROOT, "runtime", "tools", "commits", "main.ts")] },
];

/** The simulation with its default number of fault schedules. */
const SIMULATION = [join(ROOT, "runtime", "simulation", "main.ts")];

/** The attack suite, which runs alone on the machine because other load would distort latencies. */
const ATTACK = [join(modules, "mocha", "bin", "mocha.js"), "--no-parallel", "runtime/attack/attack.test.ts"];

/** Benchmarks that fail if costs grow with the amount of data, or memory use with time. */
const GROWTH = [join(ROOT, "runtime", "bench", "main.ts"), "growth", "soak"];

/** Awaits a promise and prints its duration in minutes. */
async function timed<T>(name: string, promise: Promise<T>): Promise<T> {
  const begun = performance.now();
  try {
    return await promise;
  } finally {
    console.log(`${name}: ${((performance.now() - begun) / 60_000).toFixed(1)} min`);
  }
}

/** Maximum length, in characters, of the end of a failed check's output that is repeated at the end of the log. */
const REPEATED_LENGTH = 6_000;

/**
 * Runs a Node program in the clone.
 *
 * @returns Its exit code.
 */
async function run(args: string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: "inherit" });
  const [code] = await once(child, "exit");
  return typeof code === "number" ? code : 1;
}

/** End of the output of each failed check, by the check's name. */
const failed: Record<string, string> = {};

/** Runs a Node program in the clone as a check: prints its output, and stores the end of the output if the check fails. */
async function check(name: string, args: string[], env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ["inherit", "pipe", "pipe"] });
  let output = "";
  const streams = [
    { from: child.stdout, to: process.stdout },
    { from: child.stderr, to: process.stderr },
  ];
  for (const { from, to } of streams)
    from.on("data", (chunk: Buffer) => {
      to.write(chunk);
      output = (output + chunk).slice(-REPEATED_LENGTH);
    });
  const [code] = await once(child, "close");
  if (code !== 0) failed[name] = output;
}

// Ctrl-C also reaches mocha, which stops the processes that it started. Wait until mocha has ended.
process.on("SIGINT", () => {});

const isUnit = process.argv[2] === "--unit";
const mochaArguments = process.argv.slice(isUnit ? 3 : 2);

console.log("Checking types and style …");
await timed("types and style", Promise.all(CHECKS.map(({ name, args }) => check(name, args))));
const isFullRun = process.env.RATES_REQUIRE_ALL === "1" && mochaArguments.length === 0 && !isUnit;
if (isFullRun) {
  console.log("Running schedules of faults …");
  await timed("schedules of faults", check("the guarantees under faults", SIMULATION));
  console.log("Attacking the platform …");
  await timed("attack", check("attack", ATTACK, { ...process.env, RATES_ATTACK_ALONE: "1" }));
  console.log("Measuring how cost grows …");
  await timed("growth and soak", check("growth and soak", GROWTH));
}

const mocha = [
  join(modules, "mocha", "bin", "mocha.js"),
  ...mochaArguments,
  ...(namesFiles(ROOT, mochaArguments) ? [] : isUnit ? unitTests(ROOT, globSync(TESTS, { cwd: ROOT })) : [TESTS]),
  ...(isFullRun ? ["--ignore", "runtime/attack/attack.test.ts"] : []),
];
const code = await run(mocha, { ...process.env, RATES_FAILED_CHECKS: JSON.stringify(failed) });
process.exitCode = Object.keys(failed).length > 0 ? 1 : code;
