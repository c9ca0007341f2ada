import { randomBytes } from "node:crypto";
import { styleText } from "node:util";
import type { Client } from "../cli/lib/apiClient.ts";
import { CHECKS, type Smoke } from "./checks.ts";
import { CLOUD_CHECKS } from "./cloudChecks.ts";
import { withTimeout } from "./limit.ts";
import { QueueClient, type Target } from "./target.ts";

type Verdict = "passed" | "failed" | "skipped";
const COLOURS = { passed: "green", failed: "red", skipped: "yellow" } as const;

/** Guarantee of the first check, on which all others depend. */
const FIRST_GUARANTEE = "the platform responds and has prices";

/**
 * Runs the checks on a platform and prints two lines for each. If the first guarantee does not hold, no other check runs.
 * @param limit time limit per check, in seconds
 * @returns true if no check failed
 */
export async function runSmoke(target: Target, client: Client, limit: number): Promise<boolean> {
  const counts: Record<Verdict, number> = { passed: 0, failed: 0, skipped: 0 };
  const runCheck = async (guarantee: string, check: () => Promise<[Verdict, string]>) => {
    if (process.stderr.isTTY) process.stderr.write(`        … ${guarantee}\r`);
    const start = performance.now();
    const [verdict, finding] = await withTimeout(limit, check).catch((error: unknown): [Verdict, string] => [
      "failed",
      error instanceof Error ? error.message : String(error),
    ]);
    counts[verdict]++;
    const seconds = `${((performance.now() - start) / 1000).toFixed(1)} s`.padStart(8);
    console.log(`${styleText(COLOURS[verdict], verdict.padEnd(8))} ${guarantee}\n${seconds} ${finding.split("\n")[0]}`);
  };

  const prefix = `smoke-${randomBytes(4).toString("hex")}`;
  const queues = new QueueClient(target, prefix);
  console.log(`Smoke run ${prefix} on ${target.name}, ${client.base}\n`);
  let platform: { allowsRawSql: boolean; lane: Smoke["lane"] };
  try {
    platform = await withTimeout(limit, async () => ({
      allowsRawSql: await allowsRawSql(client),
      lane: await findLane(client, queues, `${prefix}-lanes`),
    }));
  } catch (error) {
    console.log(`${styleText("red", "failed")}   ${FIRST_GUARANTEE}\n         ${(error as Error).message}`);
    return false;
  }
  const { allowsRawSql: isRawSqlAllowed, lane } = platform;
  const smoke: Smoke = { target, client, queues, id: (name) => `${prefix}-${name}`, lane };
  for (const check of CHECKS)
    await runCheck(check.guarantee, async () => {
      if (check.rawSql && !isRawSqlAllowed)
        return ["skipped", "this stack allows only named queries; run this check on a stack with jobs.rawSql"];
      return ["passed", await check.try(smoke)];
    });
  const { outputs, inside } = target;
  for (const { guarantee, byHand, notInside, try: attempt } of CLOUD_CHECKS)
    await runCheck(guarantee, async () => {
      if (!outputs) return ["skipped", "requires an AWS account"];
      if (inside && notInside !== undefined) return ["skipped", notInside];
      return attempt ? ["passed", await attempt(outputs, target, client)] : ["skipped", `by hand: ${byHand}`];
    });
  console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0;
}

/** Returns true if the stack allows raw SQL; false after any error. If the API does not respond, later checks fail. */
function allowsRawSql(client: Client): Promise<boolean> {
  const task = { type: "read", sql: "select 1 as n", format: "csv" };
  return client.json("POST", "/explain", { task }).then(
    () => true,
    () => false,
  );
}

/**
 * Finds a lane with prices.
 * @throws Error if the platform has none
 */
async function findLane(client: Client, queues: QueueClient, requestId: string): Promise<Smoke["lane"]> {
  const params = { date_from: "2000-01-01", date_to: "2100-01-01" };
  await queues.send({ requestId, task: { type: "read", query: "lane_coverage", params, format: "csv" } });
  const { status, error } = await queues.response(requestId);
  if (status !== "SUCCEEDED") throw new Error(`No lane was found to check: ${error?.message}`);
  const text = await (await client.fetch("GET", client.jobPath(requestId, "/result"))).text();
  const [orig_code = "", dest_code = ""] = text.split("\n")[1]?.split(",") ?? [];
  if (!orig_code || !dest_code) throw new Error("The platform has no prices. Load some first (`rates load`).");
  return { orig_code, dest_code };
}
