import { findByArguments, signal } from "../local/processes.ts";
import type { Target } from "./target.ts";

/** Kills a run without a word, as a machine that fails does: its process here, its instance or Glue run in the cloud. */
export async function killRun(
  { outputs }: Target,
  { runner, runId }: { runner: string; runId: string },
): Promise<void> {
  if (!outputs) {
    const processes = findByArguments("--run", runId);
    if (processes.length === 0) throw new Error(`no process has --run ${runId}`);
    for (const process of processes) signal(process, "SIGKILL");
    return;
  }
  const { region, glueJob, launchTemplate, stack } = outputs;
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
  const [{ Ec2Launcher }, { EC2Client }] = await Promise.all([
    import("../dispatcher/launchers/ec2.ts"),
    import("@aws-sdk/client-ec2"),
  ]);
  const tags = { "rates:stack": `rates-${stack}-ec2` };
  const template = { launchTemplateId: launchTemplate, launchTemplateVersion: "", subnetIds: [], tags };
  await new Ec2Launcher(template, new EC2Client({ region })).stop(runId, undefined);
}
