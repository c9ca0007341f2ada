import type { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Cluster } from "@pulumi/aws/ecs/cluster.js";
import { TaskDefinition } from "@pulumi/aws/ecs/taskDefinition.js";
import * as pulumi from "@pulumi/pulumi";
import { pullImage } from "./api.ts";
import { roleFor, type Statement, writeLogs } from "./shared/iam.ts";
import { logGroup } from "./shared/logs.ts";
import { allow, allowHttps, type Placement, securityGroup } from "./shared/securityGroups.ts";

/** The checks of a stack that run in its own network. */
export interface SmokeArgs {
  readonly placement: Placement;
  /** The image of the smoke task, by digest. */
  readonly image: pulumi.Input<string>;
  readonly repositoryArn: pulumi.Input<string>;
  readonly arch: "x86_64" | "arm64";
  /** The load balancer's security group and port. */
  readonly loadBalancer: { readonly group: SecurityGroup; readonly port: number };
  /** Configuration of the task's checks, in the form of runtime/smoke/outputs.ts. */
  readonly outputs: Readonly<Record<string, pulumi.Input<string | number>>>;
  /** Permissions of the task. */
  readonly statements: readonly Statement[];
  /** Keeps the hash of the task's token. */
  readonly migrationsFunction: pulumi.Input<string>;
  /** Days that its log is kept. */
  readonly retentionDays: number;
  readonly region: string;
}

/** Name of the container, and prefix of its log streams. */
const CONTAINER = "smoke";

/**
 * A task that checks every claim on the stack from inside its network (`npm run smoke -- --inside`). Nothing runs, and
 * nothing costs, until the command starts it. It reaches the API through the load balancer like any client, AWS over HTTPS,
 * and nothing else; the token that it uses is created in it and never leaves it.
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
  /** Unique id of its role, as SQS shows it in SenderId. */
  readonly senderId: pulumi.Output<string>;

  constructor(name: string, args: SmokeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Smoke", name, {}, opts);
    const { placement, loadBalancer } = args;
    const child = { parent: this };
    const group = securityGroup(name, { vpcId: placement.vpcId, description: "smoke task" }, child);
    allowHttps(name, group, child);
    allow(
      `${name}-balancer`,
      { from: group, to: loadBalancer.group.id, port: loadBalancer.port, description: "smoke task to balancer" },
      child,
    );
    const logs = logGroup(name, { retentionDays: args.retentionDays }, child);
    const service = "ecs-tasks.amazonaws.com";
    const start = roleFor(
      `${name}-start`,
      { service, statements: [...pullImage(args.repositoryArn), writeLogs(logs.arn)] },
      child,
    );
    const own = roleFor(name, { service, statements: args.statements }, child);
    // Of its own, so that rights on tasks of this cluster are none on those of others.
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
        executionRoleArn: start.role.arn,
        taskRoleArn: own.role.arn,
        containerDefinitions: pulumi.jsonStringify([
          {
            name: CONTAINER,
            image: args.image,
            essential: true,
            user: "1000:1000",
            readonlyRootFilesystem: true,
            environment: [
              { name: "AWS_REGION", value: args.region },
              { name: "SMOKE_OUTPUTS", value: pulumi.jsonStringify(args.outputs) },
            ],
            // Not the image's: this container serves nothing.
            healthCheck: { command: ["CMD", "true"] },
            stopTimeout: 2,
            // Adds an init process, since node as process 1 does not end on SIGTERM.
            linuxParameters: { initProcessEnabled: true },
            logConfiguration: {
              logDriver: "awslogs",
              options: {
                "awslogs-group": logs.name,
                "awslogs-region": args.region,
                "awslogs-stream-prefix": CONTAINER,
                // The log is the verdict: no line may be dropped.
                mode: "blocking",
              },
            },
          },
        ]),
      },
      { ...child, dependsOn: [...start.policies, ...own.policies] },
    );
    this.senderId = own.role.uniqueId;
    this.settings = pulumi.output({
      cluster: cluster.name,
      taskDefinition: definition.arn,
      subnets: pulumi.output(placement.subnetIds),
      securityGroup: group.id,
      container: CONTAINER,
      logGroup: logs.name,
      logStreams: `${CONTAINER}/${CONTAINER}`,
      migrationsFunction: args.migrationsFunction,
    });
    this.registerOutputs({ settings: this.settings });
  }
}
