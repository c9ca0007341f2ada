import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { readOptions } from "./options.ts";
import type { ScheduleResult } from "./worker.ts";
import { runWorkers } from "./workers.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

/** Runs the command until it ends. */
async function runSimulation(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { promise, resolve } = Promise.withResolvers<{ status: number; stdout: string; stderr: string }>();
  const child = execFile(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } }, (_, stdout, stderr) =>
    resolve({ status: child.exitCode ?? -1, stdout, stderr }),
  );
  return promise;
}

describe("npm run simulate", () => {
  it("runs each seed exactly once, in one of the workers", async function () {
    this.timeout(60_000);
    const results: ScheduleResult[] = [];
    await runWorkers({ seed: 7, count: 5, workers: 2 }, (result) => results.push(result));
    assert.deepEqual(
      results.map(({ seed }) => seed).sort((a, b) => a - b),
      [7, 8, 9, 10, 11],
    );
    assert.deepEqual(
      results.flatMap(({ violations }) => violations),
      [],
    );
  });

  it("exits with 0 if all guarantees hold, and prints the rate", async function () {
    this.timeout(60_000);
    const { status, stdout, stderr } = await runSimulation(["--seed", "3", "--count", "2"]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /2 of 2 schedules, [\d.]+ per (second|minute), 0 broken\n$/);
  });

  it("exits with 1 and names the seeds whose schedules could not run", async function () {
    this.timeout(60_000);
    const unreachable = { TEST_DATABASE_URL: "postgres://postgres:x@127.0.0.1:1/postgres" };
    const { status, stderr } = await runSimulation(["--seed", "3", "--count", "2"], unreachable);
    assert.equal(status, 1);
    for (const seed of [3, 4]) assert.match(stderr, new RegExp(`^seed ${seed} `, "m"));
  });

  it("reports all errors in its command line, and exits with 2", async () => {
    const { status, stderr } = await runSimulation(["--seed", "1x", "--count", "0"]);
    assert.equal(status, 2);
    assert.match(stderr, /--seed is '1x'[\s\S]*--count is '0'/);
  });

  it("has defaults and a help text", () => {
    assert.deepEqual(readOptions([]), { seed: 1, count: 2_000, workers: 2, processes: false });
    assert.equal(readOptions(["--help"]), "help");
  });
});
