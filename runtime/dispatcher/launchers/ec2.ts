import { createHash } from "node:crypto";
import {
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  paginateDescribeInstances,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import type { Settings } from "../../jobs/settings.ts";
import { type Launcher, type LivingRun, Refused, type RunStatus, type Start } from "../launcher.ts";

/** The tag by which an instance knows its run (it reads it from its metadata) and by which it is found again. */
export const RUN_TAG = "rates:run";
/** The tag, among the settings', that tells this stack's instances from others of its account. */
const STACK_TAG = "rates:stack";
/** States of an instance that costs, or could again. */
const LIVING = ["pending", "running", "stopping", "stopped"];

/** This subnet's zone has no room: another one may. */
const TRY_NEXT = new Set(["InsufficientInstanceCapacity", "InsufficientFreeAddressesInSubnet", "Unsupported"]);
/** The account has no room, or answers too many of us. */
const NO_ROOM = new Set([
  "VcpuLimitExceeded",
  "InstanceLimitExceeded",
  "MaxSpotInstanceCountExceeded",
  "SpotMaxPriceTooLow",
  "RequestLimitExceeded",
]);

/**
 * One EC2 instance a run, from a launch template; it terminates itself when its work is done. The client token is made
 * of the run and the subnet, so that a repeated launch is the same instance, and the token is never used with other
 * parameters.
 */
export class Ec2Launcher implements Launcher {
  readonly #ec2: EC2Client;
  readonly #template: NonNullable<Settings["ec2"]>;

  constructor(template: NonNullable<Settings["ec2"]>, ec2: EC2Client = new EC2Client({})) {
    this.#template = template;
    this.#ec2 = ec2;
  }

  async start(run: string, runner: string, { inTime }: Start = {}): Promise<string> {
    const { launchTemplateId, launchTemplateVersion, subnetIds, tags } = this.#template;
    const refusals: string[] = [];
    for (const SubnetId of subnetIds) {
      inTime?.();
      try {
        const { Instances } = await this.#ec2.send(
          new RunInstancesCommand({
            LaunchTemplate: { LaunchTemplateId: launchTemplateId, Version: launchTemplateVersion },
            MinCount: 1,
            MaxCount: 1,
            SubnetId,
            // 64 ASCII characters at most (EC2 API reference, RunInstances).
            ClientToken: createHash("sha256").update(`${run} ${SubnetId}`).digest("hex"),
            TagSpecifications: [
              {
                ResourceType: "instance",
                Tags: [
                  ...Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
                  { Key: RUN_TAG, Value: run },
                  { Key: "rates:runner", Value: runner },
                ],
              },
            ],
          }),
        );
        const id = Instances?.[0]?.InstanceId;
        if (!id) throw new Error("EC2 answered RunInstances without an instance");
        return id;
      } catch (error) {
        const { name, message } = error as Error;
        if (NO_ROOM.has(name)) throw new Refused(`${name}: ${message}`, { cause: error });
        if (!TRY_NEXT.has(name)) throw error;
        refusals.push(`${SubnetId} ${name}`);
      }
    }
    throw new Refused(`no subnet has room: ${refusals.join(", ")}`);
  }

  async status(run: string, externalId: string | undefined): Promise<RunStatus> {
    // What DescribeInstances does not show (yet) is not dead: only a state that says so is.
    const state = (await this.#find(run, externalId))?.State?.Name;
    if (state === undefined) return "UNKNOWN";
    return state === "terminated" || state === "stopped" ? "ENDED" : "ALIVE";
  }

  async stop(run: string, externalId: string | undefined): Promise<void> {
    const id = externalId ?? (await this.#find(run, undefined))?.InstanceId;
    if (id) await this.#ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  }

  async living(): Promise<LivingRun[]> {
    const stack = this.#template.tags[STACK_TAG];
    if (stack === undefined) return [];
    const Filters = [
      { Name: `tag:${STACK_TAG}`, Values: [stack] },
      { Name: "instance-state-name", Values: LIVING },
    ];
    const living: LivingRun[] = [];
    for await (const { Reservations = [] } of paginateDescribeInstances({ client: this.#ec2 }, { Filters }))
      for (const { InstanceId: externalId, Tags = [] } of Reservations.flatMap((one) => one.Instances ?? [])) {
        const run = Tags.find(({ Key }) => Key === RUN_TAG)?.Value;
        if (run && externalId) living.push({ run, externalId });
      }
    return living;
  }

  async #find(run: string, externalId: string | undefined): Promise<Instance | undefined> {
    try {
      const { Reservations = [] } = await this.#ec2.send(
        new DescribeInstancesCommand(
          externalId ? { InstanceIds: [externalId] } : { Filters: [{ Name: `tag:${RUN_TAG}`, Values: [run] }] },
        ),
      );
      return Reservations.flatMap((one) => one.Instances ?? [])[0];
    } catch (error) {
      if ((error as Error).name === "InvalidInstanceID.NotFound") return undefined;
      throw error;
    }
  }
}
