import { Policy } from "@pulumi/aws/appautoscaling/policy.js";
import { Target } from "@pulumi/aws/appautoscaling/target.js";
import type { LogGroup } from "@pulumi/aws/cloudwatch/logGroup.js";
import type { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Cluster } from "@pulumi/aws/ecs/cluster.js";
import { Service } from "@pulumi/aws/ecs/service.js";
import { TaskDefinition } from "@pulumi/aws/ecs/taskDefinition.js";
import type { LoadBalancer } from "@pulumi/aws/lb/loadBalancer.js";
import type { TargetGroup } from "@pulumi/aws/lb/targetGroup.js";
import { Record as DnsRecord } from "@pulumi/aws/route53/record.js";
import * as pulumi from "@pulumi/pulumi";
import { type DatabaseEndpoint, databaseClientGroup } from "./database.ts";
import { createLoadBalancer, type LoadBalancerArgs } from "./loadBalancer.ts";
import { pullImage, roleFor, type Statement, writeLogs } from "./shared/iam.ts";
import { logGroup } from "./shared/logs.ts";
import { allow } from "./shared/securityGroups.ts";

/**
 * Arguments of the HTTP API of a stack.
 *
 * @example
 * ```ts
 * import { Api } from "./api.ts";
 * import type { Database } from "./database.ts";
 * import type { Images } from "./images.ts";
 * import type { Network } from "./network.ts";
 *
 * export const createApi = (network: Network, database: Database, images: Images) =>
 *   new Api("rates-dev-api", {
 *     placement: network.placement,
 *     publicSubnetIds: network.publicSubnetIds,
 *     public: false,
 *     image: images.image,
 *     repositoryArn: images.repository.arn,
 *     arch: "arm64",
 *     vcpus: 0.25,
 *     minTasks: 1,
 *     maxTasks: 2,
 *     deploymentMaximumPercent: 200,
 *     environment: { RATES_SETTINGS: "{}" },
 *     database: database.endpoint,
 *     statements: [],
 *     cidr: network.cidr,
 *     allowedCidrs: [],
 *     retentionDays: 30,
 *     deletionProtection: false,
 *     keepData: false,
 *     region: "eu-central-1",
 *     accountId: "123456789012",
 *   });
 * ```
 */
export interface ApiArgs extends LoadBalancerArgs {
  /** Host name of the certificate. */
  readonly domainName?: string | undefined;
  /** Id of the Route 53 zone in which a record of `domainName` is created. */
  readonly hostedZoneId?: string | undefined;
  /** Image by digest. */
  readonly image: pulumi.Input<string>;
  /** ARN of the repository that has the image. */
  readonly repositoryArn: pulumi.Input<string>;
  /** Processor architecture of the image and the tasks. */
  readonly arch: "x86_64" | "arm64";
  /** vCPUs of a task; it has twice as many GiB of memory. */
  readonly vcpus: number;
  /** Minimum number of tasks. */
  readonly minTasks: number;
  /** Maximum number of tasks. */
  readonly maxTasks: number;
  /** Maximum number of previous and new tasks during a deployment, in percent of the desired count. */
  readonly deploymentMaximumPercent: number;
  /** Environment of the container; contains no secret. */
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;
  /** Database of prices and jobs. */
  readonly database: DatabaseEndpoint;
  /** Permissions of the tasks. */
  readonly statements: readonly Statement[];
  /** Region code, for example `eu-central-1`. */
  readonly region: string;
}

const PORT = 3000;
/**
 * Seconds in which a task finishes its requests before it stops; longer than the load balancer's deregistration delay.
 */
const STOP_SECONDS = 60;
/** Target of autoscaling: average CPU in percent. */
const CPU_PERCENT = 60;
/** Target of autoscaling: requests per minute and task. */
const REQUESTS_PER_TASK = 60_000;

/**
 * The API as Fargate tasks in all zones behind a load balancer. A deployment starts new tasks before it stops old ones,
 * and rolls back if the new ones do not become healthy. The health check of a task, /healthz, does not use the
 * database, so that tasks survive a restart of the database.
 */
export class Api extends pulumi.ComponentResource {
  /** URL for clients. */
  readonly url: pulumi.Output<string>;
  /** Load balancer in front of the tasks. */
  readonly loadBalancer: LoadBalancer;
  /** Target group with the tasks; the load balancer forwards to the healthy ones. */
  readonly targetGroup: TargetGroup;
  /** ECS cluster of the service. */
  readonly cluster: Cluster;
  /** ECS service that keeps the tasks running. */
  readonly service: Service;
  /** Log of the tasks. */
  readonly logGroup: LogGroup;
  /** Unique id of the tasks' role, as SQS shows it in SenderId. */
  readonly senderId: pulumi.Output<string>;
  /** Security group of the tasks. */
  readonly group: SecurityGroup;
  /** The load balancer's security group and the port on which it serves the API. */
  readonly loadBalancerEndpoint: { readonly group: SecurityGroup; readonly port: number };

  constructor(name: string, args: ApiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Api", name, {}, opts);
    const { placement, certificateArn, domainName } = args;
    const child = { parent: this };

    const balancer = createLoadBalancer(name, args, PORT, child);
    this.loadBalancer = balancer.loadBalancer;
    this.targetGroup = balancer.targetGroup;
    this.loadBalancerEndpoint = { group: balancer.group, port: certificateArn === undefined ? 80 : 443 };

    const client = databaseClientGroup(
      `${name}-task`,
      { placement, database: args.database, clientName: "API tasks" },
      child,
    );
    this.group = client.group;
    const fromBalancer = allow(
      `${name}-task`,
      { from: balancer.group, to: this.group.id, port: PORT, description: "balancer to API" },
      child,
    );

    this.logGroup = logGroup(name, { retentionDays: args.retentionDays }, child);
    this.cluster = new Cluster(name, { settings: [{ name: "containerInsights", value: "enabled" }] }, child);
    const task = this.#createTaskDefinition(name, args);
    this.senderId = task.senderId;
    this.service = new Service(
      name,
      {
        cluster: this.cluster.arn,
        taskDefinition: task.definition.arn,
        desiredCount: args.minTasks,
        launchType: "FARGATE",
        platformVersion: "LATEST",
        networkConfiguration: {
          subnets: placement.subnetIds,
          securityGroups: [this.group.id],
          assignPublicIp: false,
        },
        loadBalancers: [{ targetGroupArn: this.targetGroup.arn, containerName: "api", containerPort: PORT }],
        deploymentCircuitBreaker: { enable: true, rollback: true },
        deploymentMinimumHealthyPercent: 100,
        deploymentMaximumPercent: args.deploymentMaximumPercent,
        healthCheckGracePeriodSeconds: 60,
        availabilityZoneRebalancing: "ENABLED",
        enableEcsManagedTags: true,
        propagateTags: "SERVICE",
        waitForSteadyState: true,
      },
      {
        ...child,
        // ECS refuses a service whose target group has no listener; tasks cannot start without their policies and
        // security group rules.
        dependsOn: [...balancer.listeners, ...fromBalancer, ...task.policies, ...client.rules],
        // Autoscaling sets the desired count.
        ignoreChanges: ["desiredCount"],
      },
    );
    this.#configureScaling(name, args);

    const host = domainName ?? this.loadBalancer.dnsName;
    this.url = pulumi.interpolate`${certificateArn === undefined ? "http" : "https"}://${host}`;
    if (domainName !== undefined && args.hostedZoneId !== undefined)
      new DnsRecord(
        name,
        {
          zoneId: args.hostedZoneId,
          name: domainName,
          type: "A",
          aliases: [{ name: this.loadBalancer.dnsName, zoneId: this.loadBalancer.zoneId, evaluateTargetHealth: true }],
        },
        child,
      );
    this.registerOutputs({ url: this.url });
  }

  /** Creates the task definition with its execution role and its task role. */
  #createTaskDefinition(name: string, args: ApiArgs) {
    const child = { parent: this };
    const executionRole = roleFor(
      `${name}-start`,
      {
        service: "ecs-tasks.amazonaws.com",
        statements: [...pullImage(args.repositoryArn), writeLogs(this.logGroup.arn)],
      },
      child,
    );
    const taskRole = roleFor(name, { service: "ecs-tasks.amazonaws.com", statements: args.statements }, child);
    const definition = new TaskDefinition(
      name,
      {
        family: name,
        requiresCompatibilities: ["FARGATE"],
        networkMode: "awsvpc",
        cpu: String(args.vcpus * 1024),
        memory: String(args.vcpus * 2048),
        runtimePlatform: {
          cpuArchitecture: args.arch === "arm64" ? "ARM64" : "X86_64",
          operatingSystemFamily: "LINUX",
        },
        executionRoleArn: executionRole.role.arn,
        taskRoleArn: taskRole.role.arn,
        volumes: [{ name: "tmp" }],
        containerDefinitions: pulumi.jsonStringify([
          {
            name: "api",
            image: args.image,
            essential: true,
            user: "1000:1000",
            readonlyRootFilesystem: true,
            portMappings: [{ containerPort: PORT, protocol: "tcp" }],
            mountPoints: [{ sourceVolume: "tmp", containerPath: "/tmp", readOnly: false }],
            environment: Object.entries({ HOST: "0.0.0.0", PORT: String(PORT), ...args.environment })
              .sort(([a], [b]) => a.localeCompare(b))
              .map(([key, value]) => ({ name: key, value })),
            healthCheck: {
              command: ["CMD", "node", "runtime/image/health.ts", `http://127.0.0.1:${PORT}/healthz`],
              interval: 10,
              timeout: 5,
              retries: 3,
              startPeriod: 30,
            },
            stopTimeout: STOP_SECONDS,
            linuxParameters: { initProcessEnabled: false },
            logConfiguration: {
              logDriver: "awslogs",
              options: {
                "awslogs-group": this.logGroup.name,
                "awslogs-region": args.region,
                "awslogs-stream-prefix": "api",
                // Logging must not block a request.
                mode: "non-blocking",
              },
            },
          },
        ]),
      },
      child,
    );
    return {
      definition,
      policies: [...executionRole.policies, ...taskRole.policies],
      senderId: taskRole.role.uniqueId,
    };
  }

  #configureScaling(name: string, { minTasks, maxTasks }: ApiArgs): void {
    const child = { parent: this };
    const target = new Target(
      name,
      {
        serviceNamespace: "ecs",
        scalableDimension: "ecs:service:DesiredCount",
        resourceId: pulumi.interpolate`service/${this.cluster.name}/${this.service.name}`,
        minCapacity: minTasks,
        maxCapacity: maxTasks,
      },
      child,
    );
    const scaleOn = (
      suffix: string,
      targetValue: number,
      metric: { predefinedMetricType: string; resourceLabel?: pulumi.Input<string> },
    ) =>
      new Policy(
        `${name}-${suffix}`,
        {
          policyType: "TargetTrackingScaling",
          serviceNamespace: target.serviceNamespace,
          scalableDimension: target.scalableDimension,
          resourceId: target.resourceId,
          targetTrackingScalingPolicyConfiguration: { targetValue, predefinedMetricSpecification: metric },
        },
        child,
      );
    scaleOn("cpu", CPU_PERCENT, { predefinedMetricType: "ECSServiceAverageCPUUtilization" });
    scaleOn("requests", REQUESTS_PER_TASK, {
      predefinedMetricType: "ALBRequestCountPerTarget",
      resourceLabel: pulumi.interpolate`${this.loadBalancer.arnSuffix}/${this.targetGroup.arnSuffix}`,
    });
  }
}
