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
 * `npm run smoke`: tries every claim of the design on a running platform, and says of each whether it holds. `--api` names
 * another way to the stack's API, for example that of `rates connect`. Exit status 1 where one does not, also where it is
 * not known after `--limit` seconds.
 */
const USAGE = `Usage: npm run smoke [-- --stack dev | --data-dir .local] [--api URL] [--limit SECONDS]
       npm run smoke -- --stack dev --inside [--limit SECONDS]

Tries every claim on a running platform and says of each whether it holds.

  --stack NAME      a deployed stack; RATES_TOKEN has a token with all scopes
  --inside          run as a task in the stack's network, which needs no way to the API and no token
  --data-dir DIR    the platform on this machine (default .local)
  --api URL         another way to the API, for example that of \`rates connect\`
  --limit SECONDS   for each claim (default 1800)

Exit codes: 0 every claim holds, 1 one does not, 2 wrong options, 4 the stack cannot be reached, or its task did not run.
With --inside it is the exit code of the task's container.`;
const OPTIONS = {
  stack: { type: "string" },
  inside: { type: "boolean" },
  api: { type: "string" },
  "data-dir": { type: "string" },
  limit: { type: "string", default: "1800" },
} as const;

/** The options; for --help, and for what is none, the usage. */
function readArguments() {
  try {
    const { values } = parseArgs({ options: { ...OPTIONS, help: { type: "boolean", short: "h" } } });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    if (!(Number(values.limit) > 0))
      throw new Error(`--limit ${values.limit} must be a number of seconds above 0, for each claim.`);
    if (values.inside && values.stack === undefined)
      throw new Error("--inside runs in the network of a deployed stack.\nName it: --stack NAME.");
    if (values.inside && values.api !== undefined)
      throw new Error("--inside and --api do not go together: the task reaches the API by itself.");
    if (values.stack !== undefined && values["data-dir"] !== undefined)
      throw new Error("--stack and --data-dir do not go together.");
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
      "RATES_TOKEN is not set: the smoke run needs a token with the scopes read, submit, update, cancel, admin.",
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

// What a claim left undone at its limit keeps nobody waiting.
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(error instanceof CommandError ? EXITS[error.exit].code : 1);
  },
);
