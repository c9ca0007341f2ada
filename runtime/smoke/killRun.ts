import { EC2Client, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { GlueClient } from "@aws-sdk/client-glue";
import type { SmokeOutputs } from "../contract/stackOutputs.ts";
import { GlueLauncher } from "../dispatcher/launchers/glue.ts";

/** Run of an attempt, from a job's document. */
export interface RunOfAttempt {
  readonly runner: string;
  readonly runId: string;
  readonly logLocation?: string;
}

/** Ends a run of a deployed stack abruptly: stops the Glue run, or terminates the instance. */
export async function killCloudRun(
  { region, glueJob }: SmokeOutputs,
  { runner, runId, logLocation = "" }: RunOfAttempt,
): Promise<void> {
  if (runner === "glue") {
    const job = { jobName: glueJob, maxCapacity: 0, arguments: {} };
    // The launcher searches the newest runs; this one has just started.
    const launcher = new GlueLauncher(job, 1, new GlueClient({ region }));
    await launcher.stop(runId, undefined);
    return;
  }
  // The log stream is named after the instance (infra/ec2Runner.sh).
  const instance = logLocation.split("/").at(-1) ?? "";
  await new EC2Client({ region }).send(new TerminateInstancesCommand({ InstanceIds: [instance] }));
}
