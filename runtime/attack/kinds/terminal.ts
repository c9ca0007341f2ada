import assert from "node:assert/strict";
import { HIDDEN, HOSTILE, start } from "../../testing/cli.ts";
import type { SourceChange } from "../sourceChange.ts";
import { environmentWith } from "../sourceChange.ts";
import type { Target } from "../target.ts";
import type { AttackKind } from "./kind.ts";

/** Submits a job with control characters in every text that a caller chooses, and returns its id. */
async function submitHostileJob(target: Target): Promise<string> {
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
  // SQS rejects messages with C0 control characters, except tab, LF and CR; it delivers DEL and the C1 characters.
  await target.queue(`{"requestId":"${HOSTILE.replaceAll(/[^\t\n\r\u0020-\u{10ffff}]/gu, "")}","task":`);
  await target.http(
    "POST",
    "/jobs",
    { requestId: `${requestId}-bad`, task: { type: HOSTILE, [HOSTILE]: HOSTILE } },
    target.attacker,
  );
  return requestId;
}

/**
 * Runs commands on a hostile job and asserts that none writes a character that controls the terminal.
 * @param changes changes to the command's code
 */
export async function assertEscaped(target: Target, changes: readonly SourceChange[] = []): Promise<void> {
  const requestId = await submitHostileJob(target);
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
    if (command[0] === "dead-letters") assert.match(stdout, /\\x9b2Jc\\x7fd/, "the message has control characters");
  }
}

/** Text of other callers that would control a terminal. */
export const terminal: AttackKind = {
  name: "terminal escapes",
  checks: { "writes no control character from a job to the terminal": (target) => assertEscaped(target) },
  send: submitHostileJob,
};
