import type { EngineResource } from "../packClient.ts";
import { PROGRAMS } from "./programs.ts";
import { STORES } from "./stores.ts";

/** A compliant program that is not ours, with one of each resource that rules check, as new objects each time. */
export const compliantProgram = (): EngineResource[] => structuredClone([...STORES, ...PROGRAMS]);

/** Pack configuration for facts that no resource of it shows. */
export const SETTINGS = {
  "aws-provider-pinned": { accountId: "333333333333" },
  "ec2-vcpus": { instances: { "shop-ec2": 2 } },
  "rds-connections": { instances: { "shop-ec2": 2 } },
  "fargate-vcpus": { fargateVcpus: 40 },
};
