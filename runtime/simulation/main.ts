import { mochaGlobalSetup, mochaGlobalTeardown } from "../testing/cluster.ts";
import { HELP, readOptions, type SimulationOptions } from "./options.ts";
import { runProcessSchedules } from "./processes/run.ts";
import type { ScheduleResult } from "./worker.ts";
import { runWorkers } from "./workers.ts";

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 5_000;

/** Runs schedules, prints progress, and returns the exit code. */
async function runSimulation(options: SimulationOptions): Promise<number> {
  let count = 0;
  let broken = 0;
  const startedAt = performance.now();
  const progress = () => {
    const rate = count / ((performance.now() - startedAt) / 1000);
    const rateText = rate >= 1 ? `${rate.toFixed(1)} per second` : `${(60 * rate).toFixed(1)} per minute`;
    console.log(`${count} of ${options.count} schedules, ${rateText}, ${broken} broken`);
  };
  const command = options.processes ? "npm run simulate -- --processes" : "npm run simulate --";
  const onResult = ({ seed, violations, history }: ScheduleResult): undefined => {
    count++;
    if (violations.length === 0) return;
    broken++;
    console.error(`seed ${seed} (${command} --seed ${seed} --count 1):\n  ${violations.join("\n  ")}`);
    if (options.count === 1) console.error(history.join("\n"));
  };
  const timer = setInterval(progress, PROGRESS_MS);
  try {
    await (options.processes ? runProcessSchedules(options, onResult) : simulate(options, onResult));
  } finally {
    clearInterval(timer);
  }
  progress();
  return broken === 0 ? 0 : 1;
}

/** Runs schedules in workers that share a Postgres server: that of TEST_DATABASE_URL, or a disposable one. */
async function simulate(options: SimulationOptions, onResult: (result: ScheduleResult) => void): Promise<void> {
  await mochaGlobalSetup();
  try {
    await runWorkers(options, onResult);
  } finally {
    await mochaGlobalTeardown();
  }
}

const options = readOptions(process.argv.slice(2));
if (options === "help") console.log(HELP);
else if ("problems" in options) {
  console.error(`${options.problems.join("\n")}\n\n${HELP}`);
  process.exitCode = 2;
} else process.exitCode = await runSimulation(options);
