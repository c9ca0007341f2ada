import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Connection } from "@pulumi/aws/glue/connection.js";
import { Job } from "@pulumi/aws/glue/job.js";
import { RolePolicy } from "@pulumi/aws/iam/index.js";
import type { Bucket } from "@pulumi/aws/s3/bucket.js";
import { BucketObjectv2 } from "@pulumi/aws/s3/bucketObjectv2.js";
import * as pulumi from "@pulumi/pulumi";
import { rdsBundle } from "../runtime/image/rdsCa.ts";
import { privateBucket } from "./buckets.ts";
import { type DatabaseEndpoint, databaseClientGroup } from "./database.ts";
import { textAsset } from "./shared/asset.ts";
import { policyDocument, roleFor, type Statement } from "./shared/iam.ts";
import { egressRule, ingressRule, type Placement } from "./shared/securityGroups.ts";

/**
 * Arguments of the runner for reads.
 *
 * @example
 * ```ts
 * import type { Database } from "./database.ts";
 * import { GlueRunner } from "./glueRunner.ts";
 * import type { Network } from "./network.ts";
 *
 * export const createGlueRunner = ({ placement, zones }: Network, database: Database) =>
 *   new GlueRunner("rates-dev-glue", {
 *     placement,
 *     zones,
 *     database: database.endpoint,
 *     settings: "{}",
 *     catalog: JSON.stringify({ errors: {} }),
 *     maxConcurrentRuns: 8,
 *     dpuPerRun: 0.0625,
 *     timeoutMinutes: 300,
 *     statements: [],
 *     keepData: false,
 *     region: "eu-central-1",
 *     accountId: "123456789012",
 *   });
 * ```
 */
export interface GlueRunnerArgs {
  /** Private subnets of the runs. */
  readonly placement: Placement;
  /** Zone of each private subnet, in the same order. */
  readonly zones: readonly string[];
  /** Database of prices and jobs. */
  readonly database: DatabaseEndpoint;
  /** RATES_SETTINGS, as JSON; contains no secret. */
  readonly settings: pulumi.Input<string>;
  /** Data that the Python runner reads from the TypeScript code, as JSON (runtime/runner/glue/catalog.ts). */
  readonly catalog: string;
  /** Maximum number of runs at once. */
  readonly maxConcurrentRuns: number;
  /** DPUs of a run: 0.0625 or 1. */
  readonly dpuPerRun: number;
  /** DPUs of a larger run, for a read that ran out of memory; at most one such run exists at a time. */
  readonly largerDpu?: number;
  /** Time limit of a Glue run in minutes. */
  readonly timeoutMinutes: number;
  /** Permissions of a run. */
  readonly statements: readonly Statement[];
  /** Keeps the scripts when the stack is destroyed. */
  readonly keepData: boolean;
  /** Region code, for example `eu-central-1`. */
  readonly region: string;
  /** Id of the AWS account: 12 digits. */
  readonly accountId: string;
}

const SCRIPT = new URL("../runtime/runner/glue/runner.py", import.meta.url);
/** Prefix of Glue's log groups, which all Glue jobs of the account share; stacks/account/ sets their retention. */
const LOGS = "/aws-glue/python-jobs";

/**
 * The Glue Python shell job whose runs execute reads. Script, catalog and certificate authorities are stored under keys
 * with their hashes, and are kept when newer ones are added, so that a run that starts during a deployment finds its
 * version. The dispatcher starts each run with the script and catalog of its own version.
 *
 * A Glue connection is in one subnet, so the job has one per zone. For each run, Glue uses the first connection whose
 * subnet has free addresses and whose zone is available (AWS Glue User Guide, VPC failover behaviour of jobs). If a
 * zone fails, its runs end, and later runs start in another zone.
 */
export class GlueRunner extends pulumi.ComponentResource {
  /** Glue job, whose runs claim the platform's jobs. */
  readonly job: Job;
  /** Security group of the runs. */
  readonly group: SecurityGroup;
  /** Permissions of the dispatcher to start, find and end runs. */
  readonly launchStatements: Statement[];
  /** Permissions of the smoke task to read the job, its runs and its connections, and to stop a run. */
  readonly checkStatements: Statement[];
  /** Fields of the runtime's settings. */
  readonly settings: pulumi.Output<{
    jobName: string;
    maxCapacity: number;
    largerCapacity?: number;
    arguments: { "--scriptLocation": string; "--catalog": string };
  }>;

  constructor(name: string, args: GlueRunnerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:GlueRunner", name, {}, opts);
    const { placement, database } = args;
    const child = { parent: this };
    const glueArn = (path: pulumi.Input<string>) =>
      pulumi.interpolate`arn:aws:glue:${args.region}:${args.accountId}:${path}`;

    const { bucket: scripts } = privateBucket(`${name}-scripts`, { keepData: args.keepData }, child);
    const object = (fileName: string, content: string, type: string) =>
      retainedObject(`${name}-${fileName.split(".")[0]}`, scripts, fileName, content, type, child);
    const script = object("runner.py", readFileSync(SCRIPT, "utf8"), "text/x-python");
    const catalog = object("catalog.json", args.catalog, "application/json");
    const ca = object("rds-ca.pem", rdsBundle(), "application/x-pem-file");

    const { role, policies } = roleFor(
      name,
      {
        service: "glue.amazonaws.com",
        statements: [
          { actions: ["s3:GetObject"], resources: [pulumi.interpolate`${scripts.arn}/*`] },
          {
            actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
            resources: [`arn:aws:logs:${args.region}:${args.accountId}:log-group:${LOGS}/*`],
          },
          ...networkInterfaces(args),
          ...args.statements,
        ],
      },
      child,
    );
    // Glue uses the job's role to delete a run's network interfaces, sometimes minutes after the run. The security group
    // can be deleted only after the interfaces, so role and policies must be deleted after the group.
    const roleDependent = { ...child, dependsOn: policies };
    this.group = databaseClientGroup(name, { placement, database, clientName: "Glue runs" }, roleDependent).group;
    this.#allowGlueConnections(name);
    const connections = args.zones.map(
      (availabilityZone, index) =>
        new Connection(
          `${name}-${availabilityZone}`,
          {
            connectionType: "NETWORK",
            physicalConnectionRequirements: {
              availabilityZone,
              subnetId: pulumi.output(placement.subnetIds).apply((ids) => ids[index] ?? ""),
              securityGroupIdLists: [this.group.id],
            },
          },
          child,
        ),
    );
    const getConnections: Statement = {
      actions: ["glue:GetConnection"],
      resources: [
        glueArn("catalog"),
        ...connections.map((connection) => glueArn(pulumi.interpolate`connection/${connection.name}`)),
      ],
    };
    const connect = new RolePolicy(
      `${name}-connect`,
      { role: role.id, policy: policyDocument([getConnections]) },
      child,
    );
    this.job = new Job(
      name,
      {
        roleArn: role.arn,
        command: { name: "pythonshell", pythonVersion: "3.9", scriptLocation: script },
        connections: connections.map((connection) => connection.name),
        // Version for Python 3.9 (aws-cdk's PythonShellJob); the default is 0.9 (AWS Glue API, CreateJob).
        glueVersion: "3.0",
        maxCapacity: args.dpuPerRun,
        executionProperty: { maxConcurrentRuns: args.maxConcurrentRuns },
        timeout: args.timeoutMinutes,
        // The dispatcher replaces failed runs, and a start without capacity must fail immediately.
        maxRetries: 0,
        jobRunQueuingEnabled: false,
        defaultArguments: {
          "--library-set": "analytics",
          "--region": args.region,
          "--settings": args.settings,
          "--catalog": catalog,
          "--database-host": database.host,
          "--database-port": String(database.port),
          "--database-name": database.name,
          "--database-auth": "iam",
          "--database-ca": ca,
        },
      },
      { ...child, dependsOn: [...policies, connect] },
    );
    this.launchStatements = [
      {
        actions: ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"],
        resources: [glueArn(pulumi.interpolate`job/${this.job.name}`)],
      },
    ];
    this.checkStatements = [
      {
        actions: ["glue:GetJob", "glue:GetJobRuns", "glue:BatchStopJobRun"],
        resources: [glueArn(pulumi.interpolate`job/${this.job.name}`)],
      },
      getConnections,
    ];
    this.settings = pulumi.output({
      jobName: this.job.name,
      maxCapacity: args.dpuPerRun,
      ...(args.largerDpu === undefined ? {} : { largerCapacity: args.largerDpu }),
      // These arguments of a run override the job's script (AWS Glue API, special parameters).
      arguments: { "--scriptLocation": script, "--catalog": catalog },
    });
    this.registerOutputs({ job: this.job.name });
  }

  /** Opens all ports between the runs, as Glue requires for its connections (User Guide, VPC for JDBC). */
  #allowGlueConnections(name: string): void {
    const rule = {
      group: this.group.id,
      peer: { group: this.group.id },
      ports: [0, 65_535] as const,
      description: "between Glue runs",
    };
    ingressRule(name, rule, { parent: this });
    egressRule(name, rule, { parent: this });
  }
}

/**
 * Uploads an object under a key with its content's hash. The object is kept when a newer version is uploaded.
 *
 * @returns Its S3 location.
 */
function retainedObject(
  name: string,
  bucket: Bucket,
  file: string,
  content: string,
  contentType: string,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 16);
  const { key } = new BucketObjectv2(
    name,
    { bucket: bucket.bucket, key: file.replace(".", `-${hash}.`), source: textAsset(file, content), contentType },
    { ...opts, retainOnDelete: true },
  );
  return pulumi.interpolate`s3://${bucket.bucket}/${key}`;
}

/**
 * Returns the permissions for network interfaces that a job with connections needs (AWS managed policy
 * AWSGlueServiceRole).
 */
const networkInterfaces = ({ region, accountId }: GlueRunnerArgs): Statement[] => [
  {
    actions: [
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcAttribute",
      "ec2:DescribeVpcEndpoints",
      "ec2:DescribeRouteTables",
    ],
    resources: ["*"],
  },
  {
    actions: ["ec2:CreateTags", "ec2:DeleteTags"],
    resources: [`arn:aws:ec2:${region}:${accountId}:network-interface/*`],
    conditions: { "ForAllValues:StringEquals": { "aws:TagKeys": ["aws-glue-service-resource"] } },
  },
];
