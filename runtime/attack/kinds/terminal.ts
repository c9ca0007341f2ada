import assert from "node:assert/strict";
import { HIDDEN, HOSTILE, start } from "../../testing/cli.ts";
import type { SourceChange } from "../sourceChange.ts";
import { environmentWith } from "../sourceChange.ts";
import type { Target } from "../target.ts";
import type { Kind } from "./kind.ts";

/** Text that a terminal would obey, in everything of a job that a caller chooses. */
async function hostileJob(target: Target): Promise<string> {
  const requestId = `terminal-${Date.now()}`;
  const task = {
    type: "read",
    sql: `select '${HOSTILE}'::text as "${HOSTILE}", ('${HOSTILE}' || code)::int from ports`,
  };
  const body = { requestId, labels: { [HOSTILE]: HOSTILE }, task };
  const { status, text } = await target.http("POST", "/jobs", body, target.attacker);
  assert.equal(status, 202, text);
  await target.waitForEnd(requestId, target.attacker);
  await target.http("POST", "/tokens", { name: HOSTILE, tenant: "attacker", scopes: ["read"] }, target.file.token);
  // SQS takes no C0 controls.
  await target.queue(`{"requestId":"${HOSTILE.replaceAll(/\p{Cc}/gu, "")}","task":`);
  await target.http(
    "POST",
    "/jobs",
    { requestId: `${requestId}-bad`, task: { type: HOSTILE, [HOSTILE]: HOSTILE } },
    target.attacker,
  );
  return requestId;
}

/**
 * Runs commands on a hostile job: none of them may write a character that a terminal obeys.
 * @param changes what to change in the command's code
 */
export async function assertVisible(target: Target, changes: readonly SourceChange[] = []): Promise<void> {
  const requestId = await hostileJob(target);
  const env = { RATES_API: target.file.api, RATES_TOKEN: target.attacker, ...environmentWith(changes) };
  for (const command of [
    ["show", requestId],
    ["show", requestId, "--json"],
    ["list", "--text", requestId],
    ["watch", requestId],
    ["result", requestId],
    ["tail", requestId, "--no-follow"],
    ["submit", "--sql", `select '${HOSTILE}' from "${HOSTILE}"`],
  ]) {
    const { stdout, stderr } = await start(command, env).ended;
    assert.ok(stdout + stderr !== "", `${command[0]} wrote nothing`);
    assert.doesNotMatch(stdout + stderr, HIDDEN, command.slice(0, 2).join(" "));
  }
  const admin = { ...env, RATES_TOKEN: target.file.token };
  await target.until("the dead letter", async () =>
    (await start(["dead-letters", "--json"], admin).ended).stdout.includes("requestId"),
  );
  for (const command of [
    ["token", "list"],
    ["audit"],
    ["dead-letters"],
    ["rejected", "list", "--tenant", "attacker"],
    ["top", "--once"],
  ]) {
    const { stdout, stderr } = await start(command, admin).ended;
    assert.ok(stdout + stderr !== "", `${command[0]} wrote nothing`);
    assert.doesNotMatch(stdout + stderr, HIDDEN, command.slice(0, 2).join(" "));
  }
}

/** Text of others that would control a terminal. */
export const terminal: Kind = {
  name: "terminal escapes",
  checks: { "writes no character of a job that a terminal obeys": (target) => assertVisible(target) },
  send: hostileJob,
};
