import { readFileSync } from "node:fs";
import type { LogGroup } from "@pulumi/aws/cloudwatch/logGroup.js";
import { LaunchTemplate } from "@pulumi/aws/ec2/launchTemplate.js";
import type { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { InstanceProfile } from "@pulumi/aws/iam/instanceProfile.js";
import * as pulumi from "@pulumi/pulumi";
import { type DatabaseEndpoint, databaseClientGroup } from "./database.ts";
import { INSTANCES_TAG } from "./limits/limits.ts";
import { pullImage, roleFor, type Statement, writeLogs } from "./shared/iam.ts";
import { logGroup } from "./shared/logs.ts";
import type { Placement } from "./shared/securityGroups.ts";

/**
 * Arguments of the runner for updates, and for reads that do not fit into Glue.
 *
 * @example
 * ```ts
 * import type { Database } from "./database.ts";
 * import { Ec2Runner } from "./ec2Runner.ts";
 * import type { Images } from "./images.ts";
 * import type { Network } from "./network.ts";
 *
 * export const createEc2Runner = ({ placement }: Network, database: Database, images: Images) =>
 *   new Ec2Runner("rates-dev-ec2", {
 *     placement,
 *     image: images.image,
 *     repositoryArn: images.repository.arn,
 *     amiId: "ami-0123456789abcdef0",
 *     instanceType: "t4g.small",
 *     spot: false,
 *     onDemandFallback: true,
 *     maxInstances: 4,
 *     lifetimeSeconds: 14_400,
 *     maxTimeoutSeconds: 14_400,
 *     environment: { RATES_SETTINGS: "{}" },
 *     database: database.endpoint,
 *     statements: [],
 *     retentionDays: 30,
 *     tags: { owner: "pricing" },
 *     region: "eu-central-1",
 *     accountId: "123456789012",
 *   });
 * ```
 */
export interface Ec2RunnerArgs {
  /** Private subnets of the instances. */
  readonly placement: Placement;
  /** Image by digest. */
  readonly image: pulumi.Input<string>;
  /** ARN of the repository that has the image. */
  readonly repositoryArn: pulumi.Input<string>;
  /** Machine image: an ECS-optimized Amazon Linux 2023 of the architecture. */
  readonly amiId: pulumi.Input<string>;
  /** EC2 instance type, for example `c7g.large`. */
  readonly instanceType: string;
  /**
   * Launches Spot Instances. The dispatcher requests Spot in its calls, since a template with Spot could not start
   * On-Demand Instances.
   */
  readonly spot: boolean;
  /** Launches On-Demand Instances when no zone has Spot capacity. */
  readonly onDemandFallback: boolean;
  /** Maximum number of instances at once, enforced by the dispatcher. */
  readonly maxInstances: number;
  /** Age in seconds after which an instance claims no further job. */
  readonly lifetimeSeconds: number;
  /** Time limit in seconds of the longest job, which may continue after `lifetimeSeconds`. */
  readonly maxTimeoutSeconds: number;
  /** Environment of the container; contains no secret. */
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;
  /** Database of prices and jobs. */
  readonly database: DatabaseEndpoint;
  /** Permissions of a run. */
  readonly statements: readonly Statement[];
  /** Retention of logs in days. */
  readonly retentionDays: number;
  /**
   * Tags of instances, volumes and network interfaces: the provider's default tags do not reach resources that the
   * dispatcher launches.
   */
  readonly tags: Readonly<Record<string, string>>;
  /** Region code, for example `eu-central-1`. */
  readonly region: string;
  /** Id of the AWS account: 12 digits. */
  readonly accountId: string;
}

/** Tag of this stack's instances; the permission to terminate depends on it. */
export const STACK_TAG = "rates:stack";
/** GiB of disk for the system, the image and its log. */
const DISK_GB = 30;
/** Seconds for booting and stopping, which are added to the maximum lifetime of an instance. */
const SHUTDOWN_MARGIN_SECONDS = 600;
/** Seconds that a shutdown gives the runner to stop before it is killed, even with a job in progress. */
const STOP_SECONDS = 60;

/**
 * The launch template of EC2 runs. An instance pulls the image and executes one run of the launch that its tags name.
 * It shuts down, which terminates it, when the run has ended or crashed, or after its maximum lifetime. It has no key
 * pair and no ingress. Old versions are kept, since a dispatcher starts the version that it was deployed with.
 */
export class Ec2Runner extends pulumi.ComponentResource {
  /** Launch template from which the dispatcher starts instances. */
  readonly launchTemplate: LaunchTemplate;
  /** Log of all instances. */
  readonly logGroup: LogGroup;
  /** Security group of the instances. */
  readonly group: SecurityGroup;
  /** Permissions of the dispatcher to start, find and end instances. */
  readonly launchStatements: Statement[];
  /** Permissions of the smoke task to read the launch template and instances, and to terminate an instance. */
  readonly checkStatements: Statement[];
  /** Fields of the runtime's settings. */
  readonly settings: pulumi.Output<{
    launchTemplateId: string;
    launchTemplateVersion: string;
    subnetIds: string[];
    spot: boolean;
    onDemandFallback: boolean;
    tags: Record<string, string>;
  }>;

  constructor(name: string, args: Ec2RunnerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Ec2Runner", name, {}, opts);
    const { placement, database } = args;
    const child = { parent: this };

    this.group = databaseClientGroup(name, { placement, database, clientName: "EC2 runs" }, child).group;
    this.logGroup = logGroup(name, { retentionDays: args.retentionDays }, child);
    const { role, policies } = roleFor(
      name,
      {
        service: "ec2.amazonaws.com",
        statements: [...pullImage(args.repositoryArn), writeLogs(this.logGroup.arn), ...args.statements],
      },
      child,
    );
    const profile = new InstanceProfile(name, { role: role.name }, child);
    const tags = { ...args.tags, Name: name, [STACK_TAG]: name };
    this.launchTemplate = new LaunchTemplate(
      name,
      {
        imageId: args.amiId,
        // Policy packs read this tag when they check a deployed stack without this program.
        tags: { [INSTANCES_TAG]: String(args.maxInstances) },
        instanceType: args.instanceType,
        iamInstanceProfile: { arn: profile.arn },
        instanceInitiatedShutdownBehavior: "terminate",
        // Network interfaces in the template would prevent the dispatcher from choosing the subnet.
        vpcSecurityGroupIds: [this.group.id],
        metadataOptions: {
          httpEndpoint: "enabled",
          httpTokens: "required",
          // Only the instance itself; the container is on its network (ec2Runner.sh) and adds no hop.
          httpPutResponseHopLimit: 1,
          instanceMetadataTags: "enabled",
        },
        blockDeviceMappings: [
          {
            deviceName: "/dev/xvda",
            ebs: { volumeSize: DISK_GB, volumeType: "gp3", encrypted: "true", deleteOnTermination: "true" },
          },
        ],
        monitoring: { enabled: true },
        tagSpecifications: ["instance", "volume", "network-interface"].map((resourceType) => ({ resourceType, tags })),
        updateDefaultVersion: true,
        userData: userData(args, this.logGroup.name),
      },
      { ...child, dependsOn: policies },
    );
    this.settings = pulumi.output({
      launchTemplateId: this.launchTemplate.id,
      launchTemplateVersion: this.launchTemplate.latestVersion.apply(String),
      subnetIds: pulumi.output(placement.subnetIds),
      spot: args.spot,
      onDemandFallback: args.onDemandFallback,
      tags: tags as Record<string, string>,
    });
    this.launchStatements = launchStatements(this.launchTemplate, this.group, role.arn, name, args);
    this.checkStatements = [
      terminateStatement(name, args),
      { actions: ["ec2:DescribeInstances", "ec2:DescribeLaunchTemplateVersions"], resources: ["*"] },
    ];
    this.registerOutputs({ launchTemplate: this.launchTemplate.id });
  }
}

/** Returns the user data script with this stack's values for its placeholders (`@NAME@`). */
function userData(args: Ec2RunnerArgs, logs: pulumi.Input<string>): pulumi.Output<string> {
  const script = readFileSync(new URL("ec2Runner.sh", import.meta.url), "utf8");
  const environment = pulumi
    .jsonStringify(args.environment)
    .apply((json) => Object.entries(JSON.parse(json) as Record<string, string>).sort(([a], [b]) => a.localeCompare(b)));
  return pulumi.all([args.image, logs, environment]).apply(([image, group, variables]) => {
    const values: Record<string, string> = {
      IMAGE: image,
      REGISTRY: image.split("/")[0] ?? "",
      REGION: args.region,
      LOG_GROUP: group,
      LIFETIME: String(args.lifetimeSeconds + args.maxTimeoutSeconds + SHUTDOWN_MARGIN_SECONDS),
      STOP: String(STOP_SECONDS),
      // One per line, as `docker run --env-file` reads them.
      ENVIRONMENT: variables.map(([key, value]) => `${key}=${value}`).join("\n"),
    };
    const filled = script.replace(/@([A-Z_]+)@/g, (placeholder, key: string) => values[key] ?? placeholder);
    return Buffer.from(filled).toString("base64");
  });
}

/** Returns the permission to terminate instances with the stack's tag. */
const terminateStatement = (
  stackTag: string,
  { region, accountId }: Pick<Ec2RunnerArgs, "region" | "accountId">,
): Statement => ({
  actions: ["ec2:TerminateInstances"],
  resources: [`arn:aws:ec2:${region}:${accountId}:instance/*`],
  conditions: { StringEquals: { [`aws:ResourceTag/${STACK_TAG}`]: stackTag } },
});

function launchStatements(
  template: LaunchTemplate,
  group: SecurityGroup,
  roleArn: pulumi.Output<string>,
  stackTag: string,
  { region, accountId, placement }: Ec2RunnerArgs,
): Statement[] {
  const ec2 = (path: pulumi.Input<string>) => pulumi.interpolate`arn:aws:ec2:${region}:${accountId}:${path}`;
  const templateArn = ec2(pulumi.interpolate`launch-template/${template.id}`);
  const fromTemplate = { ArnEquals: { "ec2:LaunchTemplate": templateArn } };
  return [
    {
      actions: ["ec2:RunInstances"],
      resources: [
        templateArn,
        ec2(pulumi.interpolate`security-group/${group.id}`),
        ...["network-interface/*", "volume/*", "instance/*"].map(ec2),
      ],
      conditions: fromTemplate,
    },
    // EC2 does not pass the launch template for this resource (Service Authorization Reference, RunInstances), so with
    // the condition no Spot Instance would start. All other resources of the request have the condition.
    { actions: ["ec2:RunInstances"], resources: [ec2("spot-instances-request/*")] },
    {
      // Any image of the template: during a deployment a dispatcher may still start the previous version.
      actions: ["ec2:RunInstances"],
      resources: [`arn:aws:ec2:${region}::image/*`],
      conditions: { ...fromTemplate, Bool: { "ec2:IsLaunchTemplateResource": "true" } },
    },
    {
      actions: ["ec2:RunInstances"],
      resources: [ec2("subnet/*")],
      conditions: {
        ArnEquals: { ...fromTemplate.ArnEquals, "ec2:Vpc": ec2(pulumi.interpolate`vpc/${placement.vpcId}`) },
      },
    },
    {
      actions: ["ec2:CreateTags"],
      resources: [ec2("instance/*"), ec2("volume/*"), ec2("network-interface/*")],
      conditions: { StringEquals: { "ec2:CreateAction": "RunInstances" } },
    },
    terminateStatement(stackTag, { region, accountId }),
    // DescribeInstances has no resource-level permissions.
    { actions: ["ec2:DescribeInstances"], resources: ["*"] },
    {
      actions: ["iam:PassRole"],
      resources: [roleArn],
      conditions: { StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" } },
    },
  ];
}
