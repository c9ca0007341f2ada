import type { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Cluster } from "@pulumi/aws/ecs/cluster.js";
import { TaskDefinition } from "@pulumi/aws/ecs/taskDefinition.js";
import * as pulumi from "@pulumi/pulumi";
import { pullImage, roleFor, type Statement } from "./shared/iam.ts";
import { allow, allowHttps, type Placement, securityGroup } from "./shared/securityGroups.ts";

/**
 * Arguments of a task that a command starts in the stack's network. Its security group allows connections to the load
 * balancer, and to any address on port 443, which AWS's services need.
 */
export interface OnDemandTaskArgs {
  /** Private subnets of the task. */
  readonly placement: Placement;
  /** Image by digest. */
  readonly image: pulumi.Input<string>;
  /** ARN of the repository that has the image. */
  readonly repositoryArn: pulumi.Input<string>;
  /** Processor architecture of the image and the task. */
  readonly arch: "x86_64" | "arm64";
  /** The load balancer's security group and port. */
  readonly loadBalancer: { readonly group: SecurityGroup; readonly port: number };
  /** Descriptions of the task's security group and of the rule to the load balancer, in characters that EC2 accepts. */
  readonly descriptions: { readonly group: string; readonly toBalancer: string };
  /** Permissions of the task. */
  readonly statements: readonly Statement[];
  /** Permissions of ECS for starting the task, in addition to those to pull its image. */
  readonly startStatements?: readonly Statement[];
  /** Name of the task's container. */
  readonly container: string;
  /** Further settings of the container (ECS's container definition). */
  readonly settings: Readonly<Record<string, pulumi.Input<unknown>>>;
  /** Names of volumes, which are deleted with the task. */
  readonly volumes?: readonly string[];
}

/** Resources of an on-demand task. */
export interface OnDemandTask {
  /** Security group of the task. */
  readonly group: SecurityGroup;
  /** ECS cluster of the task. */
  readonly cluster: Cluster;
  /** Task definition that a command starts. */
  readonly definition: TaskDefinition;
  /** Role that the task's container uses. */
  readonly taskRole: ReturnType<typeof roleFor>;
}

/**
 * Creates a Fargate task definition with its own roles, security group and cluster. Nothing runs and no costs arise
 * until a command starts the task.
 */
export function onDemandTask(
  name: string,
  args: OnDemandTaskArgs,
  child: { readonly parent: pulumi.Resource },
): OnDemandTask {
  const { placement, loadBalancer, descriptions } = args;
  const group = securityGroup(name, { vpcId: placement.vpcId, description: descriptions.group }, child);
  allowHttps(name, group, child);
  allow(
    `${name}-balancer`,
    { from: group, to: loadBalancer.group.id, port: loadBalancer.port, description: descriptions.toBalancer },
    child,
  );
  const service = "ecs-tasks.amazonaws.com";
  const executionRole = roleFor(
    `${name}-start`,
    { service, statements: [...pullImage(args.repositoryArn), ...(args.startStatements ?? [])] },
    child,
  );
  const taskRole = roleFor(name, { service, statements: args.statements }, child);
  // A separate cluster, so that permissions on its tasks do not include other components' tasks.
  const cluster = new Cluster(name, { settings: [{ name: "containerInsights", value: "enabled" }] }, child);
  const definition = new TaskDefinition(
    name,
    {
      family: name,
      requiresCompatibilities: ["FARGATE"],
      networkMode: "awsvpc",
      cpu: "256",
      memory: "512",
      runtimePlatform: {
        cpuArchitecture: args.arch === "arm64" ? "ARM64" : "X86_64",
        operatingSystemFamily: "LINUX",
      },
      executionRoleArn: executionRole.role.arn,
      taskRoleArn: taskRole.role.arn,
      ...(args.volumes ? { volumes: args.volumes.map((volume) => ({ name: volume })) } : {}),
      containerDefinitions: pulumi.jsonStringify([
        {
          name: args.container,
          image: args.image,
          essential: true,
          user: "1000:1000",
          readonlyRootFilesystem: true,
          // Overrides the image's health check, since this container serves no requests.
          healthCheck: { command: ["CMD", "true"] },
          stopTimeout: 2,
          // Adds an init process, which forwards SIGTERM and reaps processes that the container's program leaves behind.
          linuxParameters: { initProcessEnabled: true },
          ...args.settings,
        },
      ]),
    },
    { ...child, dependsOn: [...executionRole.policies, ...taskRole.policies] },
  );
  return { group, cluster, definition, taskRole };
}
