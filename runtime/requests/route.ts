import type { Request, Task } from "../contract/request.ts";
import type { RunnerType } from "../contract/states.ts";
import type { Settings } from "../platform/settings.ts";
import { estimateBytes, estimateEach } from "../queries/explain.ts";
import { planningQueuesOf } from "../queries/planningQueue.ts";
import type { Database } from "../store/jobs.ts";

/** Expected result size above which a Glue run (1/16 DPU, a quarter of a vCPU) takes too long. */
const LARGE_BYTES = 1_000_000_000;

/**
 * Selects the runner type: Glue for reads, EC2 for updates and, if the stack allows it, large reads. If the stack
 * has no slots of that type, the other type is used.
 */
export function runnerFor(task: Task, settings: Settings, expectedBytes?: number): RunnerType {
  const isLarge = (expectedBytes ?? 0) > LARGE_BYTES && canFallBackToEc2(task, settings);
  const [first, second] = task.type === "read" && !isLarge ? (["glue", "ec2"] as const) : (["ec2", "glue"] as const);
  return settings.runners[first].slots > 0 ? first : second;
}

/** Returns true for a read that both runner types may execute. */
export const canFallBackToEc2 = (task: Task, { runners, jobs }: Settings): boolean =>
  task.type === "read" && jobs.readsOnEc2 && runners.glue.slots > 0 && runners.ec2.slots > 0;

/**
 * Estimates the result sizes of reads that either runner type could execute. Reads that cannot be planned have no
 * estimate (they fail with the reason when they run), nor do reads of a tenant whose plans take too long.
 */
export async function expectedBytes(
  { plans, settings }: { plans: Database; settings: Settings },
  reads: readonly { request: Request; task: Task; sql: string | null }[],
): Promise<(number | undefined)[]> {
  const expected = reads.map((): number | undefined => undefined);
  const planned = reads.flatMap(({ request: { tenant }, task, sql }, index) =>
    sql !== null && canFallBackToEc2(task, settings) ? [{ tenant, sql, index }] : [],
  );
  const byTenant = Map.groupBy(planned, ({ tenant }) => tenant);
  await Promise.all(
    Array.from(byTenant, async ([tenant, tenantReads]) => {
      const statements = tenantReads.map(({ sql }) => sql);
      const plan = () => estimateBytes(plans, statements).catch(() => estimateEach(plans, statements));
      const bytes = await planningQueuesOf(plans)
        .run(tenant, plan)
        .catch(() => []);
      for (const [position, { index }] of tenantReads.entries()) expected[index] = bytes[position];
    }),
  );
  return expected;
}
