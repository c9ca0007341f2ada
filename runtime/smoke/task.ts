import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import Value from "typebox/value";
import { Client } from "../cli/lib/apiClient.ts";
import { SmokeOutputs } from "../contract/stackOutputs.ts";
import { newSecret } from "../store/tokens.ts";
import { SMOKE_SECONDS, tokenLine } from "./handshake.ts";
import { runSmoke } from "./run.ts";
import { stackTarget } from "./target.ts";

/** Time limit in seconds for the API to accept the task's token. */
const TOKEN_SECONDS = 300;
/** Interval and timeout in seconds of the requests that test the token. */
const RETRY_SECONDS = 3;

/**
 * Smoke run as a task in a stack's network, started by `npm run smoke -- --stack NAME --inside`. SMOKE_OUTPUTS has the
 * stack's outputs. The exit code is 0 when no check failed, 2 for an invalid environment, and 1 otherwise.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { limit: { type: "string", default: "1800" } } });
  const outputs = parseJson(process.env.SMOKE_OUTPUTS ?? "null");
  if (!Value.Check(SmokeOutputs, outputs)) {
    const known: Record<string, unknown> = typeof outputs === "object" && outputs !== null ? { ...outputs } : {};
    const invalidOutputs = Object.entries(SmokeOutputs.properties)
      .filter(([name, schema]) =>
        name in known ? !Value.Check(schema, known[name]) : SmokeOutputs.required.includes(name as never),
      )
      .map(([name]) => name);
    console.error(
      `SMOKE_OUTPUTS must be the stack's outputs as JSON; missing or invalid: ${invalidOutputs.join(", ")}.`,
    );
    return 2;
  }
  const timer = setTimeout(() => {
    console.log(`failed   the smoke run did not end within ${SMOKE_SECONDS} s`);
    process.exit(1);
  }, SMOKE_SECONDS * 1_000);
  timer.unref();
  const { secret: token, id, hash } = newSecret("rates_");
  console.log(tokenLine({ id, hash }));
  const client = new Client(outputs.api, token);
  await waitUntilAccepted(client);
  const passed = await runSmoke({ ...stackTarget(outputs, token), inside: true }, client, Number(values.limit));
  return passed ? 0 : 1;
}

/** Parses JSON; returns undefined if it is invalid. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Waits until the API accepts the token.
 * @throws Error with the API's last response
 */
async function waitUntilAccepted(client: Client): Promise<void> {
  for (const end = Date.now() + TOKEN_SECONDS * 1_000; ; await pause(RETRY_SECONDS * 1_000))
    try {
      await client.json("GET", "/jobs?limit=1", undefined, AbortSignal.timeout(RETRY_SECONDS * 1_000));
      return;
    } catch (error) {
      if (Date.now() > end)
        throw new Error(
          `${client.base} did not accept this run's token within ${TOKEN_SECONDS} s: ${(error as Error).message}\nWith a public API, api.allowedCidrs must contain the addresses of the NAT gateways.`,
        );
    }
}

// Exit explicitly: checks that exceeded their limit would keep the task running.
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.log(`failed   ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  },
);
