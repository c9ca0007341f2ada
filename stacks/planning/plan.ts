import { subnetPrefix, vpcPrefix } from "../../infra/limits/cidr.ts";
import { EC2_TYPES, GLUE_DPU_SIZES, LIMITS, RDS_CLASSES } from "../../infra/limits/limits.ts";
import { isEc2Type, isRdsClass } from "../config/checks.ts";
import type { StackConfig } from "../config/schema.ts";

/** Returns max_connections of the instance class by RDS's formula: LEAST(memory / 9531392, 5000). */
export function connectionsOfClass({ database: { instanceClass } }: StackConfig): number {
  if (!isRdsClass(instanceClass)) return failUnchecked("database.instanceClass", instanceClass);
  const { memoryBytes } = RDS_CLASSES[instanceClass];
  return Math.min(Math.floor(memoryBytes / LIMITS.rdsBytesPerConnection.value), LIMITS.rdsConnections.value);
}

/**
 * Returns the DPUs of the larger Glue run that repeats a read which ran out of memory. At most one such run exists at a
 * time (db/functions/jobs/plan_larger.sql).
 *
 * @returns undefined if EC2 repeats such reads or no larger size exists
 */
export function largerDpu({ runners: { glue }, jobs }: StackConfig): number | undefined {
  return jobs.readsOnEc2 ? undefined : GLUE_DPU_SIZES.find(({ dpu }) => dpu > glue.dpu)?.dpu;
}

/** Returns the vCPUs of one EC2 runner. */
export function vcpusOf({ runners: { ec2 } }: StackConfig): number {
  return isEc2Type(ec2.instanceType)
    ? EC2_TYPES[ec2.instanceType].vcpus
    : failUnchecked("runners.ec2.instanceType", ec2.instanceType);
}

/** Returns the memory in bytes of a run of each type. */
export function memoryOf({ runners: { glue, ec2 } }: StackConfig): { glue: number; ec2: number } {
  const size = GLUE_DPU_SIZES.find(({ dpu }) => dpu === glue.dpu);
  return {
    glue: size?.memoryBytes ?? failUnchecked("runners.glue.dpu", String(glue.dpu)),
    ec2: isEc2Type(ec2.instanceType)
      ? EC2_TYPES[ec2.instanceType].memoryBytes
      : failUnchecked("runners.ec2.instanceType", ec2.instanceType),
  };
}

/** Returns the number of usable addresses of all private subnets. */
export function addressesOf({ network: { cidr, zones } }: StackConfig): number {
  const prefix = vpcPrefix(cidr) ?? failUnchecked("network.cidr", cidr);
  return zones.length * (2 ** (32 - subnetPrefix(prefix, zones.length)) - LIMITS.subnetReserved.value);
}

function failUnchecked(key: string, value: string): never {
  throw new Error(`${key} '${value}' was not checked: pass a configuration that parseStackConfig accepted.`);
}
