import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Client } from "../cli/lib/apiClient.ts";
import { CommandError, EXITS } from "../cli/lib/exits.ts";
import { stackOutputs } from "../cli/lib/stackOutputs.ts";
import { SmokeTask } from "./inside.ts";
import { localTarget } from "./localTarget.ts";
import { runSmoke } from "./run.ts";
import { stackTarget } from "./target.ts";

/**
 * Usage of `npm run smoke`, which checks guarantees on a running platform. A check without a result after `--limit`
 * seconds fails.
 */
const USAGE = `Usage: npm run smoke [-- --stack dev | --data-dir .local] [--api URL] [--limit SECONDS]
       npm run smoke -- --stack dev --inside [--limit SECONDS]

Checks guarantees on a running platform and prints each result. Checks that the platform does not allow, and those to
make by hand, are listed as skipped.

  --stack NAME      a deployed stack; RATES_TOKEN must be a token with all scopes
  --inside          run as a task in the stack's network; this machine needs no token and no access to the API
  --data-dir DIR    the platform on this machine (default .local)
  --api URL         another address of the API, for example that of \`rates connect\`
  --limit SECONDS   time limit per check (default 1800)

Exit codes: 0 no check failed, 1 a check failed or the smoke run could not start, 2 invalid options or no token,
4 no local platform runs, the stack is unreachable or its task did not run, 6 a local error, for example a missing aws
command, 130 interrupted with --inside. If the task of --inside ran, the exit code is that of its container.`;
const OPTIONS = {
  stack: { type: "string" },
  inside: { type: "boolean" },
  api: { type: "string" },
  "data-dir": { type: "string" },
  limit: { type: "string", default: "1800" },
} as const;

/** Parses the options. Prints the usage for --help and for unknown options. */
function readArguments() {
  try {
    const { values } = parseArgs({ options: { ...OPTIONS, help: { type: "boolean", short: "h" } } });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    if (!(Number(values.limit) > 0)) throw new Error(`--limit ${values.limit} must be a number of seconds above 0.`);
    if (values.inside && values.stack === undefined)
      throw new Error("--inside runs in the network of a deployed stack.\nAdd --stack NAME.");
    if (values.inside && values.api !== undefined)
      throw new Error("--inside and --api cannot be combined: the task uses the stack's API.");
    if (values.stack !== undefined && values["data-dir"] !== undefined)
      throw new Error("--stack and --data-dir cannot be combined.");
    return values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

async function main(): Promise<number> {
  const { stack, inside, api, "data-dir": dataDir = ".local", limit: seconds } = readArguments();
  const limit = Number(seconds);
  if (stack !== undefined && inside) return runInside(stack, limit);
  const token = process.env.RATES_TOKEN;
  if (stack !== undefined && !token)
    throw new CommandError(
      "invalid",
      "RATES_TOKEN is not set. Set it to a token with the scopes read, submit, update, cancel and admin.",
    );
  const target = stack === undefined ? localTarget(resolve(dataDir)) : stackTarget(stackOutputs(stack), token ?? "");
  return (await runSmoke(target, new Client(api ?? target.api, target.token), limit)) ? 0 : 1;
}

async function runInside(stack: string, limit: number): Promise<number> {
  const interrupted = new AbortController();
  const stop = () => interrupted.abort();
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    return await new SmokeTask(stackOutputs(stack), { limit, signal: interrupted.signal }).run();
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    return EXITS.interrupted.code;
  }
}

// Exit explicitly: checks that exceeded their limit may still be pending.
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(error instanceof CommandError ? EXITS[error.exit].code : 1);
  },
);
