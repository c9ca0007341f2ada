import * as pulumi from "@pulumi/pulumi";
import { type OnDemandTaskArgs, onDemandTask } from "./onDemandTask.ts";
import type { Statement } from "./shared/iam.ts";

/**
 * Arguments of the access to a stack whose API is not reachable from the operator's networks.
 *
 * @example
 * ```ts
 * import { Access } from "./access.ts";
 * import type { Api } from "./api.ts";
 * import type { Images } from "./images.ts";
 * import type { Network } from "./network.ts";
 *
 * export const createAccess = ({ placement }: Network, images: Images, api: Api) =>
 *   new Access("rates-dev-access", {
 *     placement,
 *     image: images.image,
 *     repositoryArn: images.repository.arn,
 *     arch: "arm64",
 *     loadBalancer: { ...api.loadBalancerEndpoint, host: api.loadBalancer.dnsName },
 *   });
 * ```
 */
export interface AccessArgs extends Pick<OnDemandTaskArgs, "placement" | "image" | "repositoryArn" | "arch"> {
  /** The load balancer's security group, host name and port. */
  readonly loadBalancer: OnDemandTaskArgs["loadBalancer"] & { readonly host: pulumi.Input<string> };
}

/** Seconds after which a task ends if the command that started it does not stop it. */
export const ACCESS_SECONDS = 3_600;

/** Permissions of the ECS Exec agent; Session Manager's channels have no resource-level permissions. */
const SESSIONS: Statement = {
  actions: [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
  ],
  resources: ["*"],
};

/**
 * Directories that the agent writes to. Volumes there allow a read-only root file system (containers-roadmap#1359).
 */
const AGENT_DIRECTORIES = ["/managed-agents", "/var/lib/amazon/ssm", "/var/log/amazon/ssm"];

/**
 * A task that forwards a port to the load balancer over a Systems Manager session. IAM permissions to start it and to
 * open a session are enough to reach the API. Nothing runs and no costs arise until `rates connect` starts the task,
 * which ends with that command, and after an hour at the latest. The task's own role may only open the session's
 * channels, and its security group does not allow connections to the database.
 */
export class Access extends pulumi.ComponentResource {
  /** Inputs of `rates connect`. */
  readonly settings: pulumi.Output<{
    cluster: string;
    taskDefinition: string;
    subnets: string[];
    securityGroup: string;
    host: string;
    port: number;
  }>;

  constructor(name: string, args: AccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Access", name, {}, opts);
    const { placement, loadBalancer } = args;
    const volumes = AGENT_DIRECTORIES.map((containerPath) => ({
      name: containerPath.slice(1).replaceAll("/", "-"),
      containerPath,
    }));
    const { group, cluster, definition } = onDemandTask(
      name,
      {
        ...args,
        descriptions: { group: "access for operators", toBalancer: "access to balancer" },
        statements: [SESSIONS],
        container: "access",
        volumes: volumes.map((volume) => volume.name),
        settings: {
          command: ["sleep", String(ACCESS_SECONDS)],
          mountPoints: volumes.map((volume) => ({
            sourceVolume: volume.name,
            containerPath: volume.containerPath,
            readOnly: false,
          })),
        },
      },
      { parent: this },
    );
    this.settings = pulumi.output({
      cluster: cluster.name,
      taskDefinition: definition.arn,
      subnets: pulumi.output(placement.subnetIds),
      securityGroup: group.id,
      host: loadBalancer.host,
      port: loadBalancer.port,
    });
    this.registerOutputs({ settings: this.settings });
  }
}
