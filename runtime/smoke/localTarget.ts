import { SQSClient } from "@aws-sdk/client-sqs";
import { localPlatform } from "../cli/lib/connection.ts";
import { CommandError } from "../cli/lib/exits.ts";
import { readPlatformCredentials } from "../local/aws/principals.ts";
import { findByArguments, signal } from "../local/processes.ts";
import type { Target } from "./target.ts";

/**
 * Returns the local platform of a data directory as a target.
 * @throws CommandError if no platform runs with the directory
 */
export function localTarget(dataDir: string): Target {
  const platform = localPlatform(dataDir);
  if (!platform)
    throw new CommandError(
      "unreachable",
      `No platform runs with the data directory ${dataDir} (it has no platform.json).\n\`npm start\` starts one. --data-dir selects another directory, --stack a deployed stack.`,
    );
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
