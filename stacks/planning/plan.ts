import { subnetPrefix, vpcPrefix } from "../../infra/limits/cidr.ts";
import { EC2_TYPES, GLUE_DPU_SIZES, LIMITS, RDS_CLASSES } from "../../infra/limits/limits.ts";
import { isEc2Type, isRdsClass } from "../config/checks.ts";
import type { StackConfig } from "../config/schema.ts";

/** max_connections of an instance class by RDS's formula: LEAST(memory / 9531392, 5000). */
export function connectionsOfClass({ database: { instanceClass } }: StackConfig): number {
  if (!isRdsClass(instanceClass)) return failUnchecked("database.instanceClass", instanceClass);
  const { memoryBytes } = RDS_CLASSES[instanceClass];
  return Math.min(Math.floor(memoryBytes / LIMITS.rdsBytesPerConnection.value), LIMITS.rdsConnections.value);
}

/**
 * DPUs of a larger Glue run, which repeats a read that ran out of memory; undefined if EC2 repeats it or no larger
 * size exists. At most one runs at a time (db/functions/jobs/plan_larger.sql).
 */
export function largerDpu({ runners: { glue }, jobs }: StackConfig): number | undefined {
  return jobs.readsOnEc2 ? undefined : GLUE_DPU_SIZES.find(({ dpu }) => dpu > glue.dpu)?.dpu;
}

/** vCPUs of one EC2 runner. */
export function vcpusOf({ runners: { ec2 } }: StackConfig): number {
  return isEc2Type(ec2.instanceType)
    ? EC2_TYPES[ec2.instanceType].vcpus
    : failUnchecked("runners.ec2.instanceType", ec2.instanceType);
}

/** Bytes of memory per runner type. */
export function memoryOf({ runners: { glue, ec2 } }: StackConfig): { glue: number; ec2: number } {
  const size = GLUE_DPU_SIZES.find(({ dpu }) => dpu === glue.dpu);
  return {
    glue: size?.memoryBytes ?? failUnchecked("runners.glue.dpu", String(glue.dpu)),
    ec2: isEc2Type(ec2.instanceType)
      ? EC2_TYPES[ec2.instanceType].memoryBytes
      : failUnchecked("runners.ec2.instanceType", ec2.instanceType),
  };
}

/** Usable addresses of all private subnets. */
export function addressesOf({ network: { cidr, zones } }: StackConfig): number {
  const prefix = vpcPrefix(cidr) ?? failUnchecked("network.cidr", cidr);
  return zones.length * (2 ** (32 - subnetPrefix(prefix, zones.length)) - LIMITS.subnetReserved.value);
}

function failUnchecked(key: string, value: string): never {
  throw new Error(`${key} '${value}' was not checked: pass a configuration that parseStackConfig accepted.`);
}
