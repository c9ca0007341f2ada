import * as pulumi from "@pulumi/pulumi";
import { type OnDemandTaskArgs, onDemandTask } from "./onDemandTask.ts";
import { writeLogs } from "./shared/iam.ts";
import { logGroup } from "./shared/logs.ts";

/**
 * Arguments of the task that checks a stack inside its own network.
 *
 * @example
 * ```ts
 * import type { Api } from "./api.ts";
 * import type { Images } from "./images.ts";
 * import type { Migrations } from "./migrations.ts";
 * import type { Network } from "./network.ts";
 * import { Smoke } from "./smoke.ts";
 *
 * export const createSmoke = ({ placement }: Network, images: Images, api: Api, migrations: Migrations) =>
 *   new Smoke("rates-dev-smoke", {
 *     placement,
 *     image: images.smokeImage,
 *     repositoryArn: images.repository.arn,
 *     arch: "arm64",
 *     loadBalancer: api.loadBalancerEndpoint,
 *     statements: [],
 *     outputs: { stack: "dev", api: api.url },
 *     migrationsFunction: migrations.functionName,
 *     retentionDays: 30,
 *     region: "eu-central-1",
 *   });
 * ```
 */
export interface SmokeArgs
  extends Pick<OnDemandTaskArgs, "placement" | "image" | "repositoryArn" | "arch" | "loadBalancer" | "statements"> {
  /** Outputs of the stack for the checks, in the form of SmokeOutputs (runtime/contract/stackOutputs.ts). */
  readonly outputs: Readonly<Record<string, pulumi.Input<string | number>>>;
  /** Name of the migrations function, which stores the hash of the task's token. */
  readonly migrationsFunction: pulumi.Input<string>;
  /** Retention of the task's log in days. */
  readonly retentionDays: number;
  /** Region code, for example `eu-central-1`. */
  readonly region: string;
}

/** Name of the container, and prefix of its log streams. */
const CONTAINER = "smoke";

/**
 * A task that runs the smoke checks of a stack inside its network (`npm run smoke -- --inside`). Nothing runs and no costs
 * arise until the command starts it. It reaches the API through the load balancer, like any client, and AWS's services
 * over HTTPS; its security group allows no other ports. The task creates its own token and sends it only to the API.
 * Its log contains the token's id and hash.
 */
export class Smoke extends pulumi.ComponentResource {
  /** Inputs of the command (runtime/smoke/inside.ts). */
  readonly settings: pulumi.Output<{
    cluster: string;
    taskDefinition: string;
    subnets: string[];
    securityGroup: string;
    container: string;
    logGroup: string;
    logStreams: string;
    migrationsFunction: string;
  }>;
  /** Unique id of the task's role, as SQS shows it in SenderId. */
  readonly senderId: pulumi.Output<string>;

  constructor(name: string, args: SmokeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Smoke", name, {}, opts);
    const child = { parent: this };
    const logs = logGroup(name, { retentionDays: args.retentionDays }, child);
    const { group, cluster, definition, taskRole } = onDemandTask(
      name,
      {
        ...args,
        descriptions: { group: "smoke task", toBalancer: "smoke task to balancer" },
        startStatements: [writeLogs(logs.arn)],
        container: CONTAINER,
        settings: {
          environment: [
            { name: "AWS_REGION", value: args.region },
            { name: "SMOKE_OUTPUTS", value: pulumi.jsonStringify(args.outputs) },
          ],
          logConfiguration: {
            logDriver: "awslogs",
            options: {
              "awslogs-group": logs.name,
              "awslogs-region": args.region,
              "awslogs-stream-prefix": CONTAINER,
              // The log has the result of each check, so no line may be dropped.
              mode: "blocking",
            },
          },
        },
      },
      child,
    );
    this.senderId = taskRole.role.uniqueId;
    this.settings = pulumi.output({
      cluster: cluster.name,
      taskDefinition: definition.arn,
      subnets: pulumi.output(args.placement.subnetIds),
      securityGroup: group.id,
      container: CONTAINER,
      logGroup: logs.name,
      logStreams: `${CONTAINER}/${CONTAINER}`,
      migrationsFunction: args.migrationsFunction,
    });
    this.registerOutputs({ settings: this.settings });
  }
}
