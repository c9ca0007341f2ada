import { findByArguments, signal } from "../local/processes.ts";
import type { Target } from "./target.ts";

/** What a document says of an attempt. */
interface Attempt {
  readonly runner: string;
  readonly runId: string;
  readonly logLocation?: string;
}

/** Kills a run without a word, as a machine that fails does: its process here, its instance or Glue run in the cloud. */
export async function killRun({ outputs }: Target, attempt: Attempt): Promise<void> {
  const { runner, runId, logLocation = "" } = attempt;
  if (!outputs) {
    const processes = findByArguments("--run", runId);
    if (processes.length === 0) throw new Error(`no process has --run ${runId}`);
    for (const process of processes) signal(process, "SIGKILL");
    return;
  }
  const { region, glueJob } = outputs;
  if (runner === "glue") {
    const [{ GlueLauncher }, { GlueClient }] = await Promise.all([
      import("../dispatcher/launchers/glue.ts"),
      import("@aws-sdk/client-glue"),
    ]);
    await new GlueLauncher({ jobName: glueJob, maxCapacity: 0, arguments: {} }, new GlueClient({ region })).stop(
      runId,
      undefined,
    );
    return;
  }
  const { EC2Client, TerminateInstancesCommand } = await import("@aws-sdk/client-ec2");
  // The log is named after the instance (infra/ec2Runner.sh).
  const instance = logLocation.split("/").at(-1) ?? "";
  await new EC2Client({ region }).send(new TerminateInstancesCommand({ InstanceIds: [instance] }));
}
