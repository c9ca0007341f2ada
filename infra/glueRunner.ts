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
import { type DatabaseEndpoint, databaseClient } from "./database.ts";
import { textAsset } from "./shared/asset.ts";
import { policyDocument, roleFor, type Statement } from "./shared/iam.ts";
import { egressRule, ingressRule, type Placement } from "./shared/securityGroups.ts";

/** What runs reads. */
export interface GlueRunnerArgs {
  readonly placement: Placement;
  /** The zone of each of its subnets. */
  readonly zones: readonly string[];
  readonly database: DatabaseEndpoint;
  /** RATES_SETTINGS, as JSON; no secret is in it. */
  readonly settings: pulumi.Input<string>;
  /** The registry of errors, as JSON `{ errors }` (runtime/contract/errors.ts): the runner's words are everybody's. */
  readonly catalog: string;
  readonly maxConcurrentRuns: number;
  /** DPUs of a run: 0.0625 or 1. */
  readonly dpuPerRun: number;
  /** DPUs of the one run at a time that may be larger. */
  readonly largerDpu?: number;
  /** When Glue ends a run, whatever it does. */
  readonly timeoutMinutes: number;
  /** What a run may do. */
  readonly statements: readonly Statement[];
  /** Whether destroy leaves the scripts behind. */
  readonly keepData: boolean;
  readonly region: string;
  readonly accountId: string;
}

const SCRIPT = new URL("../runtime/runner/glue/runner.py", import.meta.url);
/** Log groups that Glue makes, one of each an account: stacks/account/ sets their retention. */
const LOGS = "/aws-glue/python-jobs";

/**
 * The Glue Python shell job whose runs do reads. Script, catalogue and certificate authorities lie under keys with their
 * hash and stay when newer ones come, so that a run which starts during a deployment finds what it was started with. The
 * dispatcher names script and catalogue with each run, so that they are those of its own version.
 *
 * A connection of Glue stands in one subnet, so the job has one for each zone. For each run Glue takes the first whose
 * subnet has addresses and whose zone is well (AWS Glue User Guide, VPC failover behaviour of jobs): a zone that fails
 * ends the runs in it, and those after them start in the next.
 */
export class GlueRunner extends pulumi.ComponentResource {
  readonly job: Job;
  readonly group: SecurityGroup;
  /** For the dispatcher: to start, find and end runs. */
  readonly launchStatements: Statement[];
  /** For the smoke task: to look at the job, its runs and its connections, and to end a run. */
  readonly checkStatements: Statement[];
  /** What the runtime's settings say of it. */
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
    const glueArn = (what: pulumi.Input<string>) =>
      pulumi.interpolate`arn:aws:glue:${args.region}:${args.accountId}:${what}`;

    const { bucket: scripts } = privateBucket(`${name}-scripts`, { keepData: args.keepData }, child);
    const object = (what: string, content: string, type: string) =>
      retainedObject(`${name}-${what.split(".")[0]}`, scripts, what, content, type, child);
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
    // Glue deletes a run's network interfaces by the job's role, perhaps minutes after the run: the role and this policy
    // must outlive the group, which is deleted only after the last of its interfaces.
    const lasting = { ...child, dependsOn: policies };
    this.group = databaseClient(name, { placement, database, what: "Glue runs" }, lasting).group;
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
      resources: [glueArn("catalog"), ...connections.map((one) => glueArn(pulumi.interpolate`connection/${one.name}`))],
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
        connections: connections.map((one) => one.name),
        // What goes with Python 3.9 (aws-cdk's PythonShellJob); a job that names none gets 0.9 (AWS Glue API, CreateJob).
        glueVersion: "3.0",
        maxCapacity: args.dpuPerRun,
        executionProperty: { maxConcurrentRuns: args.maxConcurrentRuns },
        timeout: args.timeoutMinutes,
        // A run that failed is the dispatcher's to replace, and one that finds no room must say so at once.
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
      // Glue takes the first of these before the script that the job itself names (AWS Glue API, special parameters).
      arguments: { "--scriptLocation": script, "--catalog": catalog },
    });
    this.registerOutputs({ job: this.job.name });
  }

  /** Glue wants every port between the members of a connection's group (AWS Glue User Guide, VPC for JDBC). */
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

/** An object under a key with its content's hash; answers its location. It stays when another takes its place. */
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

/** The role of a job with a connection makes and tags its network interfaces (AWS managed policy AWSGlueServiceRole). */
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
