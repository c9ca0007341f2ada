import type { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Cluster } from "@pulumi/aws/ecs/cluster.js";
import { TaskDefinition } from "@pulumi/aws/ecs/taskDefinition.js";
import * as pulumi from "@pulumi/pulumi";
import { pullImage } from "./api.ts";
import { roleFor, type Statement } from "./shared/iam.ts";
import { allow, allowHttps, type Placement, securityGroup } from "./shared/securityGroups.ts";

/** Access to a stack whose API is not reachable from the operator's networks. */
export interface AccessArgs {
  readonly placement: Placement;
  /** Image by digest. */
  readonly image: pulumi.Input<string>;
  readonly repositoryArn: pulumi.Input<string>;
  readonly arch: "x86_64" | "arm64";
  /** The load balancer's security group, host name and port. */
  readonly loadBalancer: {
    readonly group: SecurityGroup;
    readonly host: pulumi.Input<string>;
    readonly port: number;
  };
}

/** Seconds after which a task ends, even if the command that started it never stops it. */
export const ACCESS_SECONDS = 3_600;

/** Actions of the ECS Exec agent; Session Manager supports no resources for its channels. */
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
 * Directories that the agent writes to; with volumes there, the root file system may be read-only
 * (containers-roadmap#1359).
 */
const AGENT_DIRECTORIES = ["/managed-agents", "/var/lib/amazon/ssm", "/var/log/amazon/ssm"];

/**
 * A task that forwards a port to the load balancer over a Systems Manager session. IAM rights to start it and to open a
 * session are enough to reach the API. Nothing runs or costs anything until `rates connect` starts the task; it ends
 * with that command, and after an hour at the latest. It has no other rights in the platform and no route to the
 * database.
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
    const child = { parent: this };
    const group = securityGroup(name, { vpcId: placement.vpcId, description: "access for operators" }, child);
    allowHttps(name, group, child);
    allow(
      `${name}-balancer`,
      { from: group, to: loadBalancer.group.id, port: loadBalancer.port, description: "access to balancer" },
      child,
    );
    const start = roleFor(
      `${name}-start`,
      { service: "ecs-tasks.amazonaws.com", statements: pullImage(args.repositoryArn) },
      child,
    );
    const own = roleFor(name, { service: "ecs-tasks.amazonaws.com", statements: [SESSIONS] }, child);
    // A cluster of its own, so that operators' rights on its tasks do not cover the API's tasks.
    const cluster = new Cluster(name, { settings: [{ name: "containerInsights", value: "enabled" }] }, child);
    const volumes = AGENT_DIRECTORIES.map((containerPath) => ({
      name: containerPath.slice(1).replaceAll("/", "-"),
      containerPath,
    }));
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
        executionRoleArn: start.role.arn,
        taskRoleArn: own.role.arn,
        volumes: volumes.map(({ name }) => ({ name })),
        containerDefinitions: pulumi.jsonStringify([
          {
            name: "access",
            image: args.image,
            essential: true,
            user: "1000:1000",
            readonlyRootFilesystem: true,
            // Overrides the image's health check: this container serves nothing.
            command: ["sleep", String(ACCESS_SECONDS)],
            healthCheck: { command: ["CMD", "true"] },
            mountPoints: volumes.map(({ name, containerPath }) => ({
              sourceVolume: name,
              containerPath,
              readOnly: false,
            })),
            stopTimeout: 2,
            // Ends the agent's processes, and makes sleep end on SIGTERM.
            linuxParameters: { initProcessEnabled: true },
          },
        ]),
      },
      { ...child, dependsOn: [...start.policies, ...own.policies] },
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
