import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { parseArgs, styleText } from "node:util";
import { Client } from "../cli/lib/client.ts";
import { CHECKS, type Smoke } from "./checks.ts";
import { CLOUD_CHECKS } from "./cloudChecks.ts";
import { within } from "./limit.ts";
import { localTarget, QueueClient, stackTarget, type Target } from "./target.ts";

/**
 * `npm run smoke [-- --stack dev | --data-dir .local]`: tries every claim of the design on a platform that stands, and
 * says of each whether it holds. `--api` names another way to the stack's API, for example that of `rates connect`. Exit status 1 where one does not, also where it is not known after `--limit` seconds.
 */
const USAGE = `Usage: npm run smoke [-- --stack dev | --data-dir .local] [--api URL] [--limit SECONDS]

Tries every claim on a running platform and says of each whether it holds.`;
const OPTIONS = {
  stack: { type: "string" },
  api: { type: "string" },
  "data-dir": { type: "string", default: ".local" },
  limit: { type: "string", default: "1800" },
} as const;
const { values } = readArguments();

/** The options; for --help, and for what is none, the usage. */
function readArguments() {
  try {
    const read = parseArgs({ options: { ...OPTIONS, help: { type: "boolean", short: "h" } } });
    if (!read.values.help) return read;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const limit = Number(values.limit);
if (!(limit > 0)) throw new Error(`--limit ${values.limit} must be a number of seconds above 0, for each claim.`);

type Verdict = "passed" | "failed" | "not here";
const COLOURS = { passed: "green", failed: "red", "not here": "yellow" } as const;
const counts: Record<Verdict, number> = { passed: 0, failed: 0, "not here": 0 };

/** Tries one claim and says what came of it. */
async function runCheck(text: string, attempt: () => Promise<[Verdict, string]>): Promise<void> {
  if (process.stderr.isTTY) process.stderr.write(`        … ${text}\r`);
  const start = performance.now();
  const [verdict, seen] = await within(limit, attempt).catch((error: unknown): [Verdict, string] => [
    "failed",
    error instanceof Error ? error.message : String(error),
  ]);
  counts[verdict]++;
  const seconds = `${((performance.now() - start) / 1000).toFixed(1)} s`.padStart(8);
  console.log(`${styleText(COLOURS[verdict], verdict.padEnd(8))} ${text}\n${seconds} ${seen.split("\n")[0]}`);
}

const target: Target = values.stack
  ? stackTarget(values.stack, process.env.RATES_TOKEN)
  : localTarget(resolve(values["data-dir"]));
const client = new Client(values.api ?? target.api, target.token);
const prefix = `smoke-${randomBytes(4).toString("hex")}`;
const queues = new QueueClient(target, prefix);
console.log(`Smoke run ${prefix} on ${target.name}, ${values.api ?? target.api}\n`);

const begun = await within(limit, async () => ({ rawSql: await takesRawSql(), lane: await someLane() })).catch(
  (error: Error) => {
    console.log(`${styleText("red", "failed")}   the platform answers, and has prices\n         ${error.message}`);
    process.exit(1);
  },
);
const { rawSql, lane } = begun;
const smoke: Smoke = { target, client, queues, id: (name) => `${prefix}-${name}`, lane };
for (const check of CHECKS)
  await runCheck(check.guarantee, async () => {
    if (check.rawSql && !rawSql)
      return ["not here", "this stack runs named queries only: try it on one with jobs.rawSql"];
    return ["passed", await check.try(smoke)];
  });
const { outputs } = target;
for (const { guarantee: text, byHand, try: attempt } of CLOUD_CHECKS)
  await runCheck(text, async () => {
    if (!outputs) return ["not here", "only a real account can prove it"];
    return attempt ? ["passed", await attempt(outputs, target, client)] : ["not here", `by hand: ${byHand}`];
  });

console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts["not here"]} not here`);
// What a claim left undone at its limit keeps nobody waiting.
process.exit(counts.failed > 0 ? 1 : 0);

/** Whether a read may bring its own SQL; what else keeps it from an answer shows in the claims. */
async function takesRawSql(): Promise<boolean> {
  const task = { type: "read", sql: "select 1 as n", format: "csv" };
  return client.json("POST", "/explain", { task }).then(
    () => true,
    () => false,
  );
}

/** Two ports that the platform has: of a lane with prices. */
async function someLane(): Promise<Smoke["lane"]> {
  const requestId = `${prefix}-lanes`;
  const params = { date_from: "2000-01-01", date_to: "2100-01-01" };
  await queues.send({ requestId, task: { type: "read", query: "lane_coverage", params, format: "csv" } });
  const { status, error } = await queues.response(requestId);
  if (status !== "SUCCEEDED") throw new Error(`There is no lane to try on: ${error?.message}`);
  const text = await (await client.fetch("GET", client.job(requestId, "/result"))).text();
  const [orig_code = "", dest_code = ""] = text.split("\n")[1]?.split(",") ?? [];
  if (!orig_code || !dest_code) throw new Error("The platform has no prices: load some first (`rates load`).");
  return { orig_code, dest_code };
}
