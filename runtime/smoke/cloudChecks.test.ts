import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  CreateLaunchTemplateCommand,
  DeleteTagsCommand,
  DescribeSubnetsCommand,
  EC2Client,
  type RequestLaunchTemplateData,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { CreateConnectionCommand, CreateJobCommand, GlueClient } from "@aws-sdk/client-glue";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SmokeOutputs } from "../contract/stackOutputs.ts";
import { Ec2Launcher, LAUNCH_TAG, STACK_TAG } from "../dispatcher/launchers/ec2.ts";
import { type Moto, startMoto } from "../testing/moto/server.ts";
import { requirePython } from "../testing/python/python.ts";
import { CLOUD_CHECKS } from "./cloudChecks.ts";

describe("the smoke run's cloud checks, on AWS as simulated by moto", () => {
  let moto: Moto;
  let sqs: SQSClient;
  let glue: GlueClient;
  let ec2: EC2Client;
  const env = { ...process.env };
  before(async function () {
    moto = await startMoto(requirePython(this, "moto_server"));
    // The checks create their own clients from the environment, as in an account.
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: moto.endpoint,
      AWS_ACCESS_KEY_ID: moto.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: moto.credentials.secretAccessKey,
    });
    const { region } = moto;
    [sqs, glue, ec2] = [new SQSClient({ region }), new GlueClient({ region }), new EC2Client({ region })];
  });
  after(async () => {
    for (const key of ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
      if (env[key] === undefined) delete process.env[key];
      else process.env[key] = env[key];
    for (const client of [sqs, glue, ec2]) client?.destroy();
    await moto?.stop();
  });

  /** Response of GET /stats/figures. */
  let figures: object = {};
  /** Runs the check whose guarantee contains a text, on a stack with these outputs. */
  const check = (guarantee: string, outputs: Partial<SmokeOutputs>): Promise<string> => {
    const [match, ...others] = CLOUD_CHECKS.filter((candidate) => candidate.guarantee.includes(guarantee));
    assert.ok(match?.try && others.length === 0, guarantee);
    const allOutputs = { region: moto.region, stack: "dev", ...outputs } as SmokeOutputs;
    const client = { json: async () => figures as never };
    return match.try(
      allOutputs,
      { ...allOutputs, name: "dev", token: "none", sqs, outputs: allOutputs, killRun: async () => undefined },
      client,
    );
  };

  const queue = async (Attributes: Record<string, string>) => {
    const QueueName = `queue-${randomUUID()}`;
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
    return QueueUrl;
  };
  const redrive = async (maxReceiveCount: number) => {
    const dead = (await queue({})).split("/").at(-1);
    const deadLetterTargetArn = `arn:aws:sqs:${moto.region}:123456789012:${dead}`;
    return JSON.stringify({ deadLetterTargetArn, maxReceiveCount });
  };

  it("accept only an encrypted request queue whose messages can be received many times", async () => {
    const guarantee = "the request queue is encrypted";
    const good = await queue({
      SqsManagedSseEnabled: "true",
      VisibilityTimeout: "360",
      RedrivePolicy: await redrive(1_000),
    });
    assert.equal(await check(guarantee, { requestQueueUrl: good }), "visibility 360 s");
    const fewReceives = await queue({ SqsManagedSseEnabled: "true", RedrivePolicy: await redrive(3) });
    await assert.rejects(check(guarantee, { requestQueueUrl: fewReceives }));
    const unencrypted = await queue({ SqsManagedSseEnabled: "false", RedrivePolicy: await redrive(1_000) });
    await assert.rejects(check(guarantee, { requestQueueUrl: unencrypted }));
  });

  it("reject a request queue that accepts requests without TLS", async () => {
    const Bucket = `bucket-${randomUUID()}`;
    const s3 = new S3Client({ region: moto.region, forcePathStyle: true });
    await s3.send(
      new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } }),
    );
    s3.destroy();
    await assert.rejects(
      check("refuse requests without TLS", { resultsBucket: Bucket, requestQueueUrl: await queue({}) }),
      /the request queue accepts requests without TLS/,
    );
  });

  it("accept only a database with as many connections as its parameter group specifies", async () => {
    const guarantee = "RDS provides as many connections";
    figures = { database: { connections: 7, maxConnections: 397 } };
    assert.equal(await check(guarantee, { maxConnections: 400 }), "7 of 397");
    await assert.rejects(check(guarantee, { maxConnections: 450 }), /restart the database/);
    await assert.rejects(check(guarantee, {}), /no output maxConnections/);
    figures = {};
    await assert.rejects(check(guarantee, { maxConnections: 400 }), /scope admin/);
  });

  const job = async (zones: readonly string[], more: object = {}) => {
    const Name = `job-${randomUUID()}`;
    const connections = zones.map((zone, index) => [`${Name}-${index}`, zone] as const);
    for (const [name, AvailabilityZone] of connections)
      await glue.send(
        new CreateConnectionCommand({
          ConnectionInput: {
            Name: name,
            ConnectionType: "NETWORK",
            ConnectionProperties: {},
            PhysicalConnectionRequirements: { AvailabilityZone, SubnetId: "subnet-1" },
          },
        }),
      );
    await glue.send(
      new CreateJobCommand({
        Name,
        Role: "arn:aws:iam::123456789012:role/glue",
        Command: { Name: "pythonshell", ScriptLocation: "s3://scripts/runner.py", PythonVersion: "3.9" },
        ExecutionProperty: { MaxConcurrentRuns: 8 },
        MaxRetries: 0,
        Connections: { Connections: connections.map(([name]) => name) },
        ...more,
      }),
    );
    return Name;
  };

  it("accept only a Glue job without retries and with connections in several zones", async () => {
    const good = await job(["eu-central-1a", "eu-central-1b"]);
    assert.equal(await check("Glue job neither retries", { glueJob: good }), "8 runs");
    assert.equal(await check("connections in two zones", { glueJob: good }), "eu-central-1a, eu-central-1b");
    const nonCompliant = await job(["eu-central-1a", "eu-central-1a"], { MaxRetries: 2 });
    await assert.rejects(check("Glue job neither retries", { glueJob: nonCompliant }));
    await assert.rejects(
      check("connections in two zones", { glueJob: nonCompliant }),
      /connections in eu-central-1a, eu-central-1a/,
    );
    await assert.rejects(check("Glue runs find psycopg2", { glueJob: nonCompliant }), /no run has SUCCEEDED yet/);
  });

  const template = async (data: RequestLaunchTemplateData) => {
    const LaunchTemplateName = `template-${randomUUID()}`;
    const created = await ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName, LaunchTemplateData: data }));
    return created.LaunchTemplate?.LaunchTemplateId ?? "";
  };
  const compliant: RequestLaunchTemplateData = {
    InstanceInitiatedShutdownBehavior: "terminate",
    MetadataOptions: { HttpTokens: "required" },
  };

  it("accept only launch templates with IMDSv2 and without a key pair, and instances with all tags", async () => {
    const guarantee = "instances accept only IMDSv2";
    assert.equal(
      await check(guarantee, { launchTemplate: await template(compliant) }),
      "version 1, 0 running instances",
    );
    await assert.rejects(check(guarantee, { launchTemplate: await template({ ...compliant, KeyName: "mine" }) }));
    const withImdsV1 = { ...compliant, MetadataOptions: { HttpTokens: "optional" } } as const;
    await assert.rejects(check(guarantee, { launchTemplate: await template(withImdsV1) }));

    const tagged = "tags of the launch template and of the request";
    await assert.rejects(check(tagged, {}), /no update has used an instance/);
    const { Subnets: [subnet] = [] } = await ec2.send(new DescribeSubnetsCommand({}));
    const target = subnet?.SubnetId ?? "";
    const launcher = new Ec2Launcher(
      {
        launchTemplateId: await template({ ...compliant, ImageId: "ami-12c6146b" }),
        launchTemplateVersion: "1",
        tags: { Name: "x", stack: "dev", owner: "x", costCentre: "x", [STACK_TAG]: "rates-dev-ec2" },
        subnetIds: [target],
        spot: false,
        onDemandFallback: true,
      },
      ec2,
    );
    const launched = await launcher.launch(
      { launch: randomUUID(), send: 1, request: launcher.request, target, instances: 1, sendMs: 1_000 },
      () => undefined,
    );
    const Resources = launched.outcome === "started" ? [...launched.instances] : [];
    assert.equal(await check(tagged, {}), "1 instance");
    await ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: LAUNCH_TAG }] }));
    await assert.rejects(check(tagged, {}), /lacks tags/);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: Resources }));
    assert.equal(await check("an idle stack has no instance", {}), "no instance left");
  });
});
