import { type Command, InvalidArgumentError } from "commander";
import { withoutSlashes } from "../lib/apiClient.ts";
import { requireClone } from "../lib/clone.ts";
import { connect, localPlatform, targetOf } from "../lib/connection.ts";
import { type CliContext, type GlobalOptions, seconds, wholeNumber } from "../lib/context.ts";
import { CommandError } from "../lib/exits.ts";
import { examples } from "../lib/help.ts";
import { print, printInfo, printJson, width } from "../lib/screen.ts";

/** Stack that is shown if neither --stack nor the platform names one. */
const DEFAULT_STACK = "dev";
/** Default run time of each job in a burst. */
const DEFAULT_SECONDS = 30;
/** Maximum number of jobs in a burst. */
const MAX_JOBS = 1_000_000_000;

interface Flags extends GlobalOptions {
  burst?: number;
  seconds: number;
}

/** Parses the number of jobs in a burst. */
function jobCount(value: string): number {
  const number = wholeNumber(value);
  if (number === 0 || number > MAX_JOBS)
    throw new InvalidArgumentError(`It must be from 1 to ${MAX_JOBS.toLocaleString("en")}.`);
  return number;
}

/**
 * `rates capacity`: shows how many runs fit a stack's account, what limits them, and how long a burst takes. The plan
 * comes from the stack's file. Without --stack, the running platform's runs in use are shown too.
 */
export function capacityCommand({ program }: CliContext): void {
  examples(
    program.command("capacity"),
    "rates capacity  # the platform on this machine, with the plan of its stack",
    "rates capacity --stack prod",
    "rates capacity --stack prod --burst 5000 --seconds 60",
    "rates capacity --stack prod --json | jq .plan.database.parts",
  )
    .description("Show how many runs fit a stack, what limits them, and how long a burst of jobs takes")
    .option("--burst <jobs>", "estimate a burst of this many jobs", jobCount)
    .option("--seconds <n>", "run time of each job", seconds, DEFAULT_SECONDS)
    .action(async (_flags: object, command: Command) => {
      const { stack: namedStack, burst, seconds: jobSeconds, json, ...options } = command.optsWithGlobals<Flags>();
      const [
        { plannedStack },
        { capacityText, burstText },
        { burstOf, headroomOf },
        { smallJobCapacity },
        { isRdsClass },
      ] = await Promise.all([
        import("../lib/stackFile.ts"),
        import("../lib/capacityText.ts"),
        import("../../../stacks/planning/headroom.ts"),
        import("../../../stacks/planning/smallJobs.ts"),
        import("../../../stacks/config/checks.ts"),
      ]);
      requireClone("rates capacity");
      const stack = namedStack ?? stackOfLocalPlatform(options) ?? DEFAULT_STACK;
      const { config, plan } = plannedStack(stack);
      const live = namedStack === undefined ? await fetchRunningCapacity(options) : undefined;
      const bursts = burst === undefined ? undefined : burstOf(config, plan, burst, jobSeconds);
      if (json)
        return printJson({
          stack,
          account: config.account,
          plan,
          room: headroomOf(config, plan),
          ...(isRdsClass(config.database.instanceClass)
            ? { smallJobs: smallJobCapacity(config.database.instanceClass, config.database.storageGb) }
            : {}),
          ...(live ? { live } : {}),
          ...(bursts ? { burst: bursts } : {}),
        });
      const columns = width(process.stdout);
      print(capacityText(stack, { config, plan, live }, columns));
      if (bursts) print(`\n${burstText(bursts, jobSeconds, columns)}`);
    });
}

/**
 * Returns the stack whose plan the platform on this machine uses; undefined for other platforms, whose API does not
 * name their stack.
 */
function stackOfLocalPlatform(options: GlobalOptions): string | undefined {
  const platform = localPlatform(options.dataDir);
  let api: string;
  try {
    ({ api } = targetOf(options));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    // fetchRunningCapacity reports the same error.
    return undefined;
  }
  if (platform !== undefined && withoutSlashes(api) === withoutSlashes(platform.api)) return platform.stack;
  printInfo(`${api} does not name its stack. This is the plan of ${DEFAULT_STACK}; --stack selects another.`);
  return undefined;
}

/** Returns the running platform's runs in use; undefined if they cannot be read. */
async function fetchRunningCapacity(options: GlobalOptions) {
  try {
    const { capacity } = await connect(options).json<{ capacity?: import("../lib/capacityText.ts").Live }>(
      "GET",
      "/stats",
    );
    if (capacity === undefined) printInfo("Runs in use are shown only to admins.");
    return capacity;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    printInfo(`Runs in use are unknown: ${error.message.split("\n")[0]}`);
    return undefined;
  }
}
