import { parseArgs } from "node:util";

/** What `npm run fire` is asked for. */
export interface FireOptions {
  /** The first schedule's; those after it count up. */
  seed: number;
  /** How many schedules. */
  count: number;
  /** Processes that play them, each in a database of its own. */
  workers: number;
}

const DEFAULTS: FireOptions = { seed: 1, count: 2_000, workers: 2 };

export const HELP = `Plays schedules of faults against the protocol and looks whether promises 1 to 6 are kept.

  npm run fire -- [--seed N] [--count M] [--workers W]

  --seed N     seed of the first schedule (${DEFAULTS.seed}); the others follow
  --count M    how many schedules (${DEFAULTS.count}); one that fails alone (--count 1) tells its whole history
  --workers W  processes that play them (${DEFAULTS.workers})
  --help       this text

Exit status: 0 every promise was kept, 1 one was broken or a process failed, 2 the command line is wrong.`;

/** Reads the command line. Answers "help", or everything that is wrong with it, in words. */
export function readOptions(args: readonly string[]): FireOptions | "help" | { problems: string[] } {
  const text = { type: "string" } as const;
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({
      args: [...args],
      options: { seed: text, count: text, workers: text, help: { type: "boolean" } },
    }).values;
  } catch (error) {
    return { problems: [(error as Error).message] };
  }
  if (values.help) return "help";
  const problems: string[] = [];
  const number = (name: keyof FireOptions, least: number, most: number): number => {
    const given = values[name];
    if (given === undefined) return DEFAULTS[name];
    const value = /^\d+$/.test(String(given)) ? Number(given) : Number.NaN;
    if (value >= least && value <= most) return value;
    problems.push(`--${name} is '${given}': give a whole number from ${least} to ${most}.`);
    return DEFAULTS[name];
  };
  const options = {
    // The random stream takes 32 bits.
    seed: number("seed", 0, 2 ** 32 - 1),
    count: number("count", 1, 10_000_000),
    workers: number("workers", 1, 64),
  };
  return problems.length > 0 ? { problems } : options;
}
