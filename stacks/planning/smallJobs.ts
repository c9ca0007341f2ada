import { readFileSync } from "node:fs";
import Type from "typebox";
import { Value } from "typebox/value";
import { LIMITS, RDS_CLASSES, type RdsClass } from "../../infra/limits/limits.ts";

const SmallJob = Type.Object({
  /** Day of the measurement. */
  measuredOn: Type.String(),
  /** Processor time of all database backends, in ms. */
  backendMs: Type.Number({ exclusiveMinimum: 0 }),
  /** Committed transactions. */
  commits: Type.Number({ exclusiveMinimum: 0 }),
  /** Rows inserted or updated. */
  rowVersions: Type.Number({ exclusiveMinimum: 0 }),
});
/** Database work of one small read, from request message to sent response and tracked document. */
export type SmallJob = Type.Static<typeof SmallJob>;

const FILE = new URL("smallJob.json", import.meta.url);

/** Reads the measurement that `npm run bench -- jobs --record` stored. */
export const measuredSmallJob = (): SmallJob => Value.Parse(SmallJob, JSON.parse(readFileSync(FILE, "utf8")));

/** Share of the processors that small jobs may use; the rest is for /rates, autovacuum and peaks. */
export const USED_SHARE = 0.7;

/** Maximum small jobs per second that a database supports, and the limiting resource. */
export interface SmallJobCapacity {
  /** Limit of the instance class's processors, at USED_SHARE. */
  processorLimit: number;
  /**
   * Limit of the disk if each commit were a separate write. Postgres flushes concurrent commits together, so more are
   * possible under load.
   */
  commitLimit: number;
  /** The smaller of the two. */
  perSecond: number;
  limit: "processor" | "disk";
  /** Rate without CPU credits at USED_SHARE, for burstable classes. RDS charges for a higher average over 24 hours. */
  baselinePerSecond: number | undefined;
}

/**
 * Computes the small jobs per second of an instance class. Assumes that a vCPU is as fast as a core of the measuring
 * machine. Measure in the account before relying on the result.
 *
 * @param storageGb - GiB of gp3 storage.
 */
export function smallJobCapacity(
  instanceClass: RdsClass,
  storageGb: number,
  job: SmallJob = measuredSmallJob(),
): SmallJobCapacity {
  const { vcpus } = RDS_CLASSES[instanceClass];
  const perCore = (USED_SHARE * 1000) / job.backendMs;
  const processorLimit = vcpus * perCore;
  const { rdsGp3Iops, rdsGp3LargeIops, rdsGp3LargeGb } = LIMITS;
  const iops = storageGb < rdsGp3LargeGb.value ? rdsGp3Iops.value : rdsGp3LargeIops.value;
  const commitLimit = iops / job.commits;
  const baseline = BASELINE[instanceClass];
  return {
    processorLimit,
    commitLimit,
    perSecond: Math.min(processorLimit, commitLimit),
    limit: processorLimit <= commitLimit ? "processor" : "disk",
    baselinePerSecond: baseline === undefined ? undefined : Math.min(commitLimit, baseline * processorLimit),
  };
}

/** Share of each vCPU that burstable classes have without credits (Amazon EC2 User Guide, burstable instances). */
const BASELINE: Readonly<Partial<Record<RdsClass, number>>> = {
  "db.t4g.micro": 0.1,
  "db.t4g.small": 0.2,
  "db.t4g.medium": 0.2,
  "db.t4g.large": 0.3,
  "db.t4g.xlarge": 0.4,
  "db.t3.medium": 0.2,
  "db.t3.large": 0.3,
};
