import { mochaGlobalSetup, mochaGlobalTeardown } from "../testing/cluster.ts";
import { HELP, readOptions, type SimulationOptions } from "./options.ts";
import { runProcessSchedules } from "./processes/run.ts";
import type { Played } from "./worker.ts";
import { runWorkers } from "./workers.ts";

/** Between two lines of progress. Milliseconds. */
const PROGRESS_MS = 5_000;

/** Plays, tells how it goes, and answers the exit status. */
async function runSimulation(options: SimulationOptions): Promise<number> {
  let played = 0;
  let broken = 0;
  const began = performance.now();
  const progress = () => {
    const rate = played / ((performance.now() - began) / 1000);
    const pace = rate >= 1 ? `${rate.toFixed(1)} a second` : `${(60 * rate).toFixed(1)} a minute`;
    console.log(`${played} of ${options.count} schedules, ${pace}, ${broken} broken`);
  };
  const again = options.processes ? "npm run simulate -- --processes" : "npm run simulate --";
  const onPlayed = ({ seed, broken: promises, history }: Played): undefined => {
    played++;
    if (promises.length === 0) return;
    broken++;
    console.error(`seed ${seed} (${again} --seed ${seed} --count 1):\n  ${promises.join("\n  ")}`);
    if (options.count === 1) console.error(history.join("\n"));
  };
  const timer = setInterval(progress, PROGRESS_MS);
  try {
    await (options.processes ? runProcessSchedules(options, onPlayed) : simulate(options, onPlayed));
  } finally {
    clearInterval(timer);
  }
  progress();
  return broken === 0 ? 0 : 1;
}

/** Workers share the cluster that the tests would: TEST_DATABASE_URL's, or a throw-away one. */
async function simulate(options: SimulationOptions, onPlayed: (played: Played) => void): Promise<void> {
  await mochaGlobalSetup();
  try {
    await runWorkers(options, onPlayed);
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
