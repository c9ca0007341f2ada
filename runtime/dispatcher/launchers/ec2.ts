import {
  EC2Client,
  type Instance,
  paginateDescribeInstances,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import type { Settings } from "../../platform/settings.ts";
import type { RequestRate } from "../../store/awsRequestRates.ts";
import type { Launch } from "../../store/launches.ts";
import type { InstanceLauncher, LaunchResponse, ListedInstance } from "../launcher.ts";

/** Name of the tag that identifies this stack's instances in its account. */
export const STACK_TAG = "rates:stack";
/** Name of the tag with the id of an instance's launch; infra/ec2Runner.sh reads it. */
export const LAUNCH_TAG = "rates:launch";
/** Name of the tag with the type of an instance's runner; infra/ec2Runner.sh reads it. */
export const RUNNER_TAG = "rates:runner";
/** Maximum number of instances per launch. EC2 can start them at once: its token bucket holds 1,000 instances. */
export const LAUNCH_SIZE = 100;
/** Maximum number of instances per TerminateInstances, so that requests are few and quick. */
const STOP_SIZE = 100;

/** Errors of a zone without capacity; another zone may have capacity (Amazon EC2 Developer Guide, error codes). */
const ZONE_CAPACITY_ERRORS = new Set([
  "InsufficientCapacity",
  "InsufficientFreeAddressesInSubnet",
  "InsufficientHostCapacity",
  "InsufficientInstanceCapacity",
  "UnfulfillableCapacity",
  "Unsupported",
]);
/**
 * Errors of an account without capacity of the requested market in any zone: Spot and On-Demand Instances have separate
 * quotas (Amazon EC2 User Guide, Spot Instance quotas), and Spot needs a service-linked role.
 */
const MARKET_CAPACITY_ERRORS = new Set([
  "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
  "InstanceLimitExceeded",
  "MaxSpotInstanceCountExceeded",
  "SpotMaxPriceTooLow",
  "VcpuLimitExceeded",
]);
/** Errors of an account without capacity in any zone and market. */
const ACCOUNT_CAPACITY_ERRORS = new Set(["PendingVerification", "VolumeLimitExceeded"]);
/** Prefix of a target for Spot Instances; a subnet id follows. */
const SPOT = "spot:";
/** Errors of throttling: the same request succeeds shortly after. */
const THROTTLING_ERRORS = new Set([
  "EC2ThrottledException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
]);
/** Errors of a request for too many instances. */
const COUNT_EXCEEDED_ERRORS = new Set(["ResourceCountExceeded"]);

/** Rate of RunInstances per account and Region (Amazon EC2 Developer Guide, request throttling). */
export const RUN_INSTANCES_RATE: RequestRate = { name: "ec2:RunInstances", burst: 5, perSecond: 2 };

const isSpot = (target: string) => target.startsWith(SPOT);

type Template = Pick<NonNullable<Settings["ec2"]>, "launchTemplateId" | "launchTemplateVersion" | "tags">;

/**
 * Starts EC2 instances from a launch template; each terminates itself when its work is done. One RunInstances call
 * starts as many as a zone has capacity for. The launch's id is its client token, and a tag of the instances. With
 * Spot, all zones are tried for Spot Instances before any zone is tried for On-Demand Instances.
 */
export class Ec2Launcher implements InstanceLauncher {
  readonly request: string;
  readonly targets: readonly string[];
  readonly limit = LAUNCH_SIZE;
  readonly rate = RUN_INSTANCES_RATE;
  readonly #ec2: EC2Client;
  /**
   * Client for RunInstances without the SDK's retries: the dispatcher decides by the error whether to repeat a request.
   */
  readonly #launches: EC2Client;
  readonly #stack: string | undefined;

  constructor({ subnetIds, spot, onDemandFallback, ...template }: NonNullable<Settings["ec2"]>, ec2?: EC2Client) {
    this.request = JSON.stringify(template satisfies Template);
    this.targets = [
      ...(spot ? subnetIds.map((subnet) => `${SPOT}${subnet}`) : []),
      ...(!spot || onDemandFallback ? subnetIds : []),
    ];
    this.#stack = template.tags[STACK_TAG];
    this.#ec2 = ec2 ?? new EC2Client({});
    this.#launches = ec2 ?? new EC2Client({ maxAttempts: 1 });
  }

  async launch(
    { launch, request, target, instances }: Launch,
    assertBeforeDeadline: () => void,
  ): Promise<LaunchResponse> {
    const { launchTemplateId, launchTemplateVersion, tags } = JSON.parse(request) as Template;
    const command = new RunInstancesCommand({
      LaunchTemplate: { LaunchTemplateId: launchTemplateId, Version: launchTemplateVersion },
      MinCount: 1,
      MaxCount: instances,
      SubnetId: isSpot(target) ? target.slice(SPOT.length) : target,
      // Not in the template: a request cannot override a template's Spot option to get On-Demand Instances.
      ...(isSpot(target)
        ? { InstanceMarketOptions: { MarketType: "spot", SpotOptions: { InstanceInterruptionBehavior: "terminate" } } }
        : {}),
      // At most 64 ASCII characters (EC2 API reference, RunInstances).
      ClientToken: launch,
      TagSpecifications: [
        {
          ResourceType: "instance",
          Tags: Object.entries({ ...tags, [LAUNCH_TAG]: launch, [RUNNER_TAG]: "ec2" }).map(([Key, Value]) => ({
            Key,
            Value,
          })),
        },
      ],
    });
    // Checked last, since fetching credentials may take time.
    command.middlewareStack.add(
      (next) => (args) => {
        assertBeforeDeadline();
        return next(args);
      },
      { name: "assertBeforeDeadline", step: "deserialize", priority: "low" },
    );
    try {
      const { Instances = [] } = await this.#launches.send(command);
      const started = Instances.flatMap(({ InstanceId }) => InstanceId ?? []);
      if (started.length === 0) throw new Error("EC2 returned no instance from RunInstances");
      return { outcome: "started", instances: started };
    } catch (error) {
      const { name, message } = error as Error;
      const reason = `${name}: ${message}`;
      if (ZONE_CAPACITY_ERRORS.has(name)) return { outcome: "short", targets: [target], reason };
      if (MARKET_CAPACITY_ERRORS.has(name)) {
        const targets = this.targets.filter((candidate) => isSpot(candidate) === isSpot(target));
        return { outcome: "short", targets, reason };
      }
      if (ACCOUNT_CAPACITY_ERRORS.has(name)) return { outcome: "short", targets: this.targets, reason };
      if (COUNT_EXCEEDED_ERRORS.has(name) || (THROTTLING_ERRORS.has(name) && /resource/i.test(message)))
        return { outcome: "tooMany", reason };
      if (THROTTLING_ERRORS.has(name)) return { outcome: "throttled", reason };
      throw error;
    }
  }

  async list(): Promise<ListedInstance[]> {
    // Without the tag, this stack's instances cannot be distinguished from others.
    if (this.#stack === undefined) return [];
    const Filters = [
      { Name: "tag-key", Values: [LAUNCH_TAG] },
      { Name: `tag:${STACK_TAG}`, Values: [this.#stack] },
    ];
    const all: Instance[] = [];
    for await (const { Reservations = [] } of paginateDescribeInstances({ client: this.#ec2 }, { Filters }))
      all.push(...Reservations.flatMap((reservation) => reservation.Instances ?? []));
    return all.flatMap(({ InstanceId: instance, Tags = [], State }) => {
      const launch = Tags.find(({ Key }) => Key === LAUNCH_TAG)?.Value;
      const state = State?.Name ?? "";
      if (instance === undefined || launch === undefined) return [];
      // A stopped instance does no work, but costs money and could be started again.
      const ended = state === "terminated" || state === "stopped";
      return [{ instance, launch, ended, isTerminating: state === "terminated" || state === "shutting-down" }];
    });
  }

  async terminate(instances: readonly string[]): Promise<void> {
    const all = [...new Set(instances)];
    for (let at = 0; at < all.length; at += STOP_SIZE) await this.#terminate(all.slice(at, at + STOP_SIZE));
  }

  /** Terminates instances, even if EC2 no longer has some of them. */
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
}
