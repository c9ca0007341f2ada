import { createHash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import {
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  paginateDescribeInstances,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import type { Settings } from "../../platform/settings.ts";
import type { RequestRate } from "../../store/requestRates.ts";
import {
  type ActiveRun,
  CapacityUnavailable,
  LaunchDeadlineExceeded,
  type Launcher,
  type LaunchOptions,
  type LaunchOutcomes,
  type RunStatus,
} from "../launcher.ts";
import { LAUNCH_SIZE, RUNS_TAG, runOf, runTags } from "./ec2Tags.ts";

/** The tag, among the settings', that tells this stack's instances from others of its account. */
const STACK_TAG = "rates:stack";
/** States of an instance that costs, or could again. */
const ACTIVE_STATES = ["pending", "running", "stopping", "stopped"];
/** Instances that one TerminateInstances names: a list that EC2 answers quickly, in few of the account's requests. */
const STOP_SIZE = 100;

/** The subnet's zone has no room: another one may. */
const TRY_NEXT = new Set(["InsufficientInstanceCapacity", "InsufficientFreeAddressesInSubnet", "Unsupported"]);
/** The account has no room. */
const NO_ROOM = new Set([
  "VcpuLimitExceeded",
  "InstanceLimitExceeded",
  "MaxSpotInstanceCountExceeded",
  "SpotMaxPriceTooLow",
]);
/** Too many requests, or instances, in too short a time: the same request succeeds a moment later. */
const THROTTLED = new Set([
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "EC2ThrottledException",
  "SlowDown",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
]);
/** Requests of RunInstances per account and Region (Amazon EC2 Developer Guide, request throttling). */
export const RUN_INSTANCES_RATE: RequestRate = { name: "ec2:RunInstances", burst: 5, perSecond: 2 };

/**
 * Milliseconds that a launch waits for its turn and for throttles; then it is a refusal, since the dispatcher itself has a
 * minute only. Beside its requests RunInstances has 1,000 instances at once and 2 more per second (same page).
 */
const THROTTLE_PATIENCE_MS = 25_000;
const SHORTEST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4_000;
/** Times that a call whose outcome is unknown is repeated; its token makes the repetition the same launch. */
const REPEATS = 2;

/** The passing of time, which tests replace. */
export interface Pace {
  now(): number;
  sleep(milliseconds: number): Promise<unknown>;
  /** From 0 up to but not including 1. */
  random(): number;
}
/**
 * Books a request of RunInstances. Answers the milliseconds after which it may be sent; undefined if that is more than
 * `patience`.
 */
export type TakeRequest = (patience: number) => Promise<number | undefined>;

const REAL_PACE: Pace = { now: () => performance.now(), sleep: setTimeout, random: Math.random };

/**
 * EC2 instances from a launch template, one per run; each terminates itself when its work is done. One RunInstances
 * starts as many as a zone has room for. Its client token is made of the runs and the subnet: a repeated call is the same
 * launch, and a token is never used with other parameters.
 */
export class Ec2Launcher implements Launcher {
  readonly #ec2: EC2Client;
  /** For RunInstances: repeated here, by what its errors mean, and not by the SDK. */
  readonly #launches: EC2Client;
  readonly #template: NonNullable<Settings["ec2"]>;
  readonly #pace: Pace;
  readonly #takeRequest: TakeRequest;

  /** @param takeRequest keeps the account's request rate together with other dispatchers; by default nothing does */
  constructor(
    template: NonNullable<Settings["ec2"]>,
    ec2?: EC2Client,
    pace: Pace = REAL_PACE,
    takeRequest: TakeRequest = async () => 0,
  ) {
    this.#takeRequest = takeRequest;
    this.#template = template;
    this.#ec2 = ec2 ?? new EC2Client({});
    this.#launches = ec2 ?? new EC2Client({ maxAttempts: 1 });
    this.#pace = pace;
  }

  async start(run: string, runner: string, how: LaunchOptions = {}): Promise<string> {
    const outcome = (await this.startAll([run], runner, how)).get(run);
    if (typeof outcome === "string") return outcome;
    throw outcome ?? new Error("EC2 was not asked for an instance");
  }

  async startAll(
    runs: readonly string[],
    runner: string,
    { assertBeforeDeadline }: LaunchOptions = {},
  ): Promise<LaunchOutcomes> {
    const outcomes = new Map<string, string | Error>();
    const patience = this.#pace.now() + THROTTLE_PATIENCE_MS;
    let rest = [...runs];
    let refusal: Error | undefined;
    const refusals: string[] = [];
    for (const subnet of this.#template.subnetIds) {
      /** Halved where a launch is throttled for its instances, not for its requests. */
      let size = LAUNCH_SIZE;
      while (rest.length > 0 && !refusal) {
        const group = rest.slice(0, size);
        try {
          const ids = await this.#runInstances(group, subnet, runner, patience, assertBeforeDeadline);
          for (const [index, id] of ids) outcomes.set(group[index] ?? "", id);
          rest = rest.filter((run) => !outcomes.has(run));
          if (ids.size < group.length) {
            refusals.push(`${subnet} started ${ids.size} of ${group.length}`);
            break;
          }
        } catch (error) {
          const { name, message } = error as Error;
          if (error instanceof TooManyInstances) size = Math.max(1, Math.floor(group.length / 2));
          else if (TRY_NEXT.has(name)) {
            refusals.push(`${subnet} ${name}`);
            break;
          } else if (NO_ROOM.has(name) || THROTTLED.has(name) || error instanceof LaunchDeadlineExceeded) {
            // Nothing was started, and no other subnet changes that.
            refusal =
              error instanceof LaunchDeadlineExceeded
                ? error
                : new CapacityUnavailable(`${name}: ${message}`, { cause: error });
          } else {
            // These may have been started; the others were not asked for.
            for (const run of group) outcomes.set(run, error as Error);
            rest = rest.slice(group.length);
            refusal = new CapacityUnavailable(`not requested after ${name}`, { cause: error });
          }
        }
      }
      if (rest.length === 0 || refusal) break;
    }
    for (const run of rest)
      outcomes.set(run, refusal ?? new CapacityUnavailable(`no subnet has room: ${refusals.join(", ")}`));
    return outcomes;
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

  async stopAll(runs: readonly { run: string; externalId: string | undefined }[]): Promise<void> {
    const unknown = runs.some(({ externalId }) => externalId === undefined);
    const found = unknown
      ? new Map((await this.#instances(ACTIVE_STATES)).map((one) => [runOf(one), one.InstanceId]))
      : undefined;
    const ids = [...new Set(runs.flatMap(({ run, externalId }) => externalId ?? found?.get(run) ?? []))];
    for (let at = 0; at < ids.length; at += STOP_SIZE) await this.#terminate(ids.slice(at, at + STOP_SIZE));
  }

  async listActive(): Promise<ActiveRun[]> {
    if (this.#template.tags[STACK_TAG] === undefined) return [];
    return (await this.#instances(ACTIVE_STATES)).flatMap((one) => {
      const run = runOf(one);
      return run && one.InstanceId ? [{ run, externalId: one.InstanceId }] : [];
    });
  }

  /** Starts instances for a group of runs in one subnet. Answers the id of each by its index, as many as there was room for. */
  async #runInstances(
    group: readonly string[],
    SubnetId: string,
    runner: string,
    patience: number,
    assertBeforeDeadline: LaunchOptions["assertBeforeDeadline"],
  ): Promise<Map<number, string>> {
    const { launchTemplateId, launchTemplateVersion, tags } = this.#template;
    const command = new RunInstancesCommand({
      LaunchTemplate: { LaunchTemplateId: launchTemplateId, Version: launchTemplateVersion },
      MinCount: 1,
      MaxCount: group.length,
      SubnetId,
      // 64 ASCII characters at most (EC2 API reference, RunInstances).
      ClientToken: createHash("sha256")
        .update([SubnetId, ...group].join(" "))
        .digest("hex"),
      TagSpecifications: [
        {
          ResourceType: "instance",
          Tags: [
            ...Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
            ...runTags(group),
            { Key: "rates:runner", Value: runner },
          ],
        },
      ],
    });
    for (let throttles = 0, repeats = 0; ; ) {
      await this.#waitForTurn(patience);
      assertBeforeDeadline?.();
      try {
        const { Instances = [] } = await this.#launches.send(command);
        const ids = new Map(
          Instances.flatMap(({ AmiLaunchIndex = 0, InstanceId }) => (InstanceId ? [[AmiLaunchIndex, InstanceId]] : [])),
        );
        if (ids.size === 0) throw new Error("EC2 answered RunInstances without an instance");
        return ids;
      } catch (error) {
        const { name, message } = error as Error;
        if (THROTTLED.has(name)) {
          const wait = this.#wait(throttles++);
          if (this.#pace.now() + wait > patience) throw error;
          await this.#pace.sleep(wait);
          if (group.length > 1 && /resource/i.test(message)) throw new TooManyInstances();
        } else if (!NO_ROOM.has(name) && !TRY_NEXT.has(name) && isUnknown(error) && repeats++ < REPEATS)
          await this.#pace.sleep(this.#wait(repeats));
        else throw error;
      }
    }
  }

  /** @throws Error named RequestLimitExceeded if the turn comes after `patience` */
  async #waitForTurn(patience: number): Promise<void> {
    const wait = await this.#takeRequest(Math.max(0, patience - this.#pace.now()));
    if (wait === undefined)
      throw Object.assign(new Error("other launches have booked all requests for now"), {
        name: "RequestLimitExceeded",
      });
    if (wait > 0) await this.#pace.sleep(wait);
  }

  /** Exponential with full jitter, so that dispatchers throttled together do not come back together. */
  #wait(attempt: number): number {
    return SHORTEST_WAIT_MS + this.#pace.random() * Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** attempt);
  }

  /** Terminates instances; one that EC2 no longer knows does not keep the others from ending. */
  async #terminate(InstanceIds: string[]): Promise<void> {
    try {
      await this.#ec2.send(new TerminateInstancesCommand({ InstanceIds }));
    } catch (error) {
      if ((error as Error).name !== "InvalidInstanceID.NotFound") throw error;
      if (InstanceIds.length === 1) return;
      const half = Math.ceil(InstanceIds.length / 2);
      await this.#terminate(InstanceIds.slice(0, half));
      await this.#terminate(InstanceIds.slice(half));
    }
  }

  /** The instances of this stack that launches started, in any of these states, or in any at all. */
  async #instances(states?: string[]): Promise<Instance[]> {
    const stack = this.#template.tags[STACK_TAG];
    const Filters = [
      { Name: "tag-key", Values: [`${RUNS_TAG}-0`] },
      ...(stack === undefined ? [] : [{ Name: `tag:${STACK_TAG}`, Values: [stack] }]),
      ...(states === undefined ? [] : [{ Name: "instance-state-name", Values: states }]),
    ];
    const all: Instance[] = [];
    for await (const { Reservations = [] } of paginateDescribeInstances({ client: this.#ec2 }, { Filters }))
      all.push(...Reservations.flatMap((one) => one.Instances ?? []));
    return all;
  }

  async #find(run: string, externalId: string | undefined): Promise<Instance | undefined> {
    if (externalId === undefined) return (await this.#instances()).find((one) => runOf(one) === run);
    try {
      const { Reservations = [] } = await this.#ec2.send(new DescribeInstancesCommand({ InstanceIds: [externalId] }));
      return Reservations.flatMap((one) => one.Instances ?? [])[0];
    } catch (error) {
      if ((error as Error).name === "InvalidInstanceID.NotFound") return undefined;
      throw error;
    }
  }
}

/** A launch was throttled for the number of its instances. */
class TooManyInstances extends Error {
  override readonly name = "TooManyInstances";
}

/** Whether a call may have had an effect: it was not answered, or by an error of the service's own. */
function isUnknown(error: unknown): boolean {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  return status === undefined || status >= 500;
}
