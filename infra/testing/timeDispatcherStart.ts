import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { ROOT } from "../../runtime/platform/root.ts";
import { DISPATCHER_BUNDLE } from "../dispatcher.ts";
import { bundleCode } from "../shared/bundle.ts";

// `node infra/testing/timeDispatcherStart.ts <rounds>` alternately loads the dispatcher's bundle and an empty handler with
// the same SDK clients, each in its own process. Prints `{ ours, empty }` as JSON: CPU milliseconds of each round.

const SETTINGS = {
  queues: { requests: "r", wakeups: "w", deadLetters: "d", responses: "a", tenants: {} },
  buckets: { results: "results", uploads: "uploads" },
  glue: { jobName: "reads", maxCapacity: 0.0625 },
  ec2: { launchTemplateId: "lt-1", launchTemplateVersion: "1", subnetIds: ["subnet-1"] },
};
const EMPTY = `import { SQSClient } from "@aws-sdk/client-sqs";
  import { GlueClient } from "@aws-sdk/client-glue";
  import { EC2Client } from "@aws-sdk/client-ec2";
  export const clients = [new SQSClient({}), new GlueClient({}), new EC2Client({})];
  export const handler = async () => undefined;`;

const rounds = Number(process.argv[2] ?? 7);
const folder = mkdtempSync(join(tmpdir(), "rates-bundle-"));
try {
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "ours.mjs"), await bundleCode(DISPATCHER_BUNDLE));
  writeFileSync(join(folder, "empty.mjs"), EMPTY);
  writeFileSync(join(folder, "settings.json"), JSON.stringify(SETTINGS));
  const { RATES_SETTINGS: _, ...inherited } = process.env;
  const env = { ...inherited, AWS_REGION: "eu-central-1", RATES_SETTINGS_FILE: join(folder, "settings.json") };
  const load = async (file: string): Promise<number> => {
    const script = `
      const began = process.cpuUsage();
      const { handler } = await import(${JSON.stringify(pathToFileURL(join(folder, file)).href)});
      if (typeof handler !== "function") throw new Error("no handler");
      const { user, system } = process.cpuUsage(began);
      process.stdout.write(String((user + system) / 1000), () => process.exit(0));`;
    return Number((await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { env })).stdout);
  };
  const dispatcherMs: number[] = [];
  const emptyMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    dispatcherMs.push(await load("ours.mjs"));
    emptyMs.push(await load("empty.mjs"));
  }
  console.log(JSON.stringify({ ours: dispatcherMs, empty: emptyMs }));
} finally {
  rmSync(folder, { recursive: true });
}
