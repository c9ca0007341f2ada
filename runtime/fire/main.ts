import { mochaGlobalSetup, mochaGlobalTeardown } from "../local/testing.ts";
import { type FireOptions, HELP, readOptions } from "./options.ts";
import { playAll } from "./players.ts";

/** Between two lines of progress. Milliseconds. */
const PROGRESS_MS = 5_000;

/** Plays, tells how it goes, and answers the exit status. */
async function fire(options: FireOptions): Promise<number> {
  let played = 0;
  let broken = 0;
  // Workers share the cluster that the tests would: TEST_DATABASE_URL's, or a throw-away one.
  await mochaGlobalSetup();
  const began = performance.now();
  const progress = () => {
    const rate = played / ((performance.now() - began) / 1000);
    console.log(`${played} of ${options.count} schedules, ${rate.toFixed(1)} a second, ${broken} broken`);
  };
  const timer = setInterval(progress, PROGRESS_MS);
  try {
    await playAll(options, ({ seed, broken: promises, history }) => {
      played++;
      if (promises.length === 0) return;
      broken++;
      console.error(`seed ${seed} (npm run fire -- --seed ${seed} --count 1):\n  ${promises.join("\n  ")}`);
      if (options.count === 1) console.error(history.join("\n"));
    });
  } finally {
    clearInterval(timer);
    await mochaGlobalTeardown();
  }
  progress();
  return broken === 0 ? 0 : 1;
}

const options = readOptions(process.argv.slice(2));
if (options === "help") console.log(HELP);
else if ("problems" in options) {
  console.error(`${options.problems.join("\n")}\n\n${HELP}`);
  process.exitCode = 2;
} else process.exitCode = await fire(options);
