import { parseArgs } from "node:util";

/** Options of `npm run simulate`. */
export interface SimulationOptions {
  /** Seed of the first schedule; each following schedule has the next number. */
  seed: number;
  /** Number of schedules. */
  count: number;
  /** Number of processes, each with its own database. */
  workers: number;
  /** Uses the platform's real processes instead of the simulation. */
  processes: boolean;
}

const DEFAULTS = { seed: 1, workers: 2, processes: false };
/** Default numbers of schedules; either kind then takes about two minutes. */
const COUNTS = { simulation: 2_000, processes: 15 };

export const HELP = `Runs schedules of faults against the platform and verifies, from outside, guarantees 1 to 6
(without --processes also 9) of the table in runtime/contract/README.md.

  npm run simulate -- [--processes] [--seed N] [--count M] [--workers W]

  --processes  runs the platform's own processes (Postgres, API, dispatcher, runners), which are killed, paused and cut off
               from SQS and S3; a schedule takes some seconds. Without it: a simulation, which decides the order of all calls
               of dispatchers and runners; about twenty schedules per second
  --seed N     seed of the first schedule (${DEFAULTS.seed}); the next ones count up. In the simulation a seed gives the same schedule,
               except for the order of waits for locks; with --processes it gives the same faults, and the machine their timing
  --count M    number of schedules (${COUNTS.simulation}; with --processes ${COUNTS.processes}); with --count 1, a failed schedule prints its history
  --workers W  number of processes that run the simulation (${DEFAULTS.workers})
  --help       prints this text

Exit status: 0 all guarantees hold, 1 one was violated or a process failed, 2 invalid options.`;

/** Reads the command line. Returns the options, "help", or all problems as text. */
export function readOptions(args: readonly string[]): SimulationOptions | "help" | { problems: string[] } {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({
      args: [...args],
      options: { seed: text, count: text, workers: text, processes: flag, help: flag },
    }).values;
  } catch (error) {
    return { problems: [(error as Error).message] };
  }
  if (values.help) return "help";
  const problems: string[] = [];
  const number = (name: "seed" | "count" | "workers", defaultValue: number, min: number, max: number): number => {
    const given = values[name];
    if (given === undefined) return defaultValue;
    const value = /^\d+$/.test(String(given)) ? Number(given) : Number.NaN;
    if (value >= min && value <= max) return value;
    problems.push(`--${name} is '${given}': it must be a whole number from ${min} to ${max}.`);
    return defaultValue;
  };
  const processes = values.processes === true;
  if (processes && values.workers !== undefined) problems.push("--workers and --processes cannot be combined.");
  const options = {
    // The random generator takes 32 bits.
    seed: number("seed", DEFAULTS.seed, 0, 2 ** 32 - 1),
    count: number("count", processes ? COUNTS.processes : COUNTS.simulation, 1, 10_000_000),
    workers: number("workers", DEFAULTS.workers, 1, 64),
    processes,
  };
  return problems.length > 0 ? { problems } : options;
}
