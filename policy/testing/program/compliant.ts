import type { EngineResource } from "../packClient.ts";
import { PROGRAMS } from "./programs.ts";
import { STORES } from "./stores.ts";

/** Returns new copies of the resources of a compliant program that is not ours. */
export const compliantProgram = (): EngineResource[] => structuredClone([...STORES, ...PROGRAMS]);

/** Pack configuration with facts that the program's resources do not contain. */
export const SETTINGS = {
  "aws-provider-pinned": { accountId: "333333333333" },
  "ec2-vcpus": { instances: { "shop-ec2": 2 } },
  "rds-connections": { instances: { "shop-ec2": 2 } },
  "fargate-vcpus": { fargateVcpus: 40 },
};
