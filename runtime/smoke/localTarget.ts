import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SQSClient } from "@aws-sdk/client-sqs";
import { readPlatformCredentials } from "../local/aws/principals.ts";
import { findByArguments, signal } from "../local/processes.ts";
import type { Target } from "./target.ts";

/**
 * Returns the local platform of a data directory as a target.
 * @throws Error if no platform is running in the directory
 */
export function localTarget(dataDir: string): Target {
  const platform = JSON.parse(readFileSync(join(dataDir, "platform.json"), "utf8"));
  const credentials = readPlatformCredentials(dataDir);
  const sqs = new SQSClient({ endpoint: platform.sqsEndpoint, region: platform.region, credentials });
  return {
    ...platform,
    name: dataDir,
    sqs,
    outputs: undefined,
    async killRun({ runId }) {
      const processes = findByArguments("--run", runId);
      if (processes.length === 0) throw new Error(`no process was started with --run ${runId}`);
      for (const process of processes) signal(process, "SIGKILL");
    },
  };
}
