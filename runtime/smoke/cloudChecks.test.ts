import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  CreateLaunchTemplateCommand,
  EC2Client,
  type RequestLaunchTemplateData,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { CreateConnectionCommand, CreateJobCommand, GlueClient } from "@aws-sdk/client-glue";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SmokeOutputs } from "../contract/stackOutputs.ts";
import { type Moto, startMoto } from "../testing/moto/server.ts";
import { requirePython } from "../testing/python/python.ts";
import { CLOUD_CHECKS } from "./cloudChecks.ts";

describe("the smoke run's cloud checks, on moto's AWS", () => {
  let moto: Moto;
  let sqs: SQSClient;
  let glue: GlueClient;
  let ec2: EC2Client;
  const env = { ...process.env };
  before(async function () {
    moto = await startMoto(requirePython(this, "moto_server"));
    // Checks create their own clients, as in an account.
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
  /** Runs the check whose name contains these words, on a stack with these outputs. */
  const check = (words: string, outputs: Partial<SmokeOutputs>): Promise<string> => {
    const [one, ...others] = CLOUD_CHECKS.filter((each) => each.guarantee.includes(words));
    assert.ok(one?.try && others.length === 0, words);
    const all = { region: moto.region, stack: "dev", ...outputs } as SmokeOutputs;
    const client = { json: async () => figures as never };
    return one.try(
      all,
      { ...all, name: "dev", token: "none", sqs, outputs: all, killRun: async () => undefined },
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

  it("accept only encrypted queues whose messages may be received many times", async () => {
    const words = "queues are encrypted";
    const good = await queue({
      SqsManagedSseEnabled: "true",
      VisibilityTimeout: "360",
      RedrivePolicy: await redrive(1_000),
    });
    assert.equal(await check(words, { requestQueueUrl: good }), "visibility 360 s");
    const hasty = await queue({ SqsManagedSseEnabled: "true", RedrivePolicy: await redrive(3) });
    await assert.rejects(check(words, { requestQueueUrl: hasty }));
    const plain = await queue({ SqsManagedSseEnabled: "false", RedrivePolicy: await redrive(1_000) });
    await assert.rejects(check(words, { requestQueueUrl: plain }));
  });

  it("reject a queue that answers without TLS", async () => {
    const Bucket = `bucket-${randomUUID()}`;
    const s3 = new S3Client({ region: moto.region, forcePathStyle: true });
    await s3.send(
      new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } }),
    );
    s3.destroy();
    await assert.rejects(
      check("refuse requests without TLS", { resultsBucket: Bucket, requestQueueUrl: await queue({}) }),
      /the request queue answers without TLS/,
    );
  });

  it("accept only a database with the connections of its parameter group", async () => {
    const words = "RDS provides as many connections";
    figures = { database: { connections: 7, maxConnections: 397 } };
    assert.equal(await check(words, { maxConnections: 400 }), "7 of 397");
    await assert.rejects(check(words, { maxConnections: 450 }), /restart the database/);
    await assert.rejects(check(words, {}), /no output maxConnections/);
    figures = {};
    await assert.rejects(check(words, { maxConnections: 400 }), /scope admin/);
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

  it("accept a Glue job without retries and in several zones", async () => {
    const good = await job(["eu-central-1a", "eu-central-1b"]);
    assert.equal(await check("Glue job allows as many runs", { glueJob: good }), "8 runs");
    assert.equal(await check("connections in two zones", { glueJob: good }), "eu-central-1a, eu-central-1b");
    const one = await job(["eu-central-1a", "eu-central-1a"], { MaxRetries: 2 });
    await assert.rejects(check("Glue job allows as many runs", { glueJob: one }));
    await assert.rejects(
      check("connections in two zones", { glueJob: one }),
      /connections in eu-central-1a, eu-central-1a/,
    );
    await assert.rejects(check("Glue runs find psycopg2", { glueJob: one }), /no run has SUCCEEDED yet/);
  });

  const template = async (data: RequestLaunchTemplateData) => {
    const LaunchTemplateName = `template-${randomUUID()}`;
    const made = await ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName, LaunchTemplateData: data }));
    return made.LaunchTemplate?.LaunchTemplateId ?? "";
  };
  const closed: RequestLaunchTemplateData = {
    InstanceInitiatedShutdownBehavior: "terminate",
    MetadataOptions: { HttpTokens: "required" },
  };

  it("accept a launch template with IMDSv2 and without a key pair, and instances with all their tags", async () => {
    const words = "instances accept IMDSv2 only";
    assert.equal(await check(words, { launchTemplate: await template(closed) }), "version 1, 0 running instances");
    await assert.rejects(check(words, { launchTemplate: await template({ ...closed, KeyName: "mine" }) }));
    const lax = { ...closed, MetadataOptions: { HttpTokens: "optional" } } as const;
    await assert.rejects(check(words, { launchTemplate: await template(lax) }));

    const tagged = "tags of the launch template and of the request";
    await assert.rejects(check(tagged, {}), /no update has used an instance/);
    const Tags = [
      { Key: "rates:stack", Value: "rates-dev-ec2" },
      ...["Name", "stack", "owner", "costCentre", "rates:runs-0", "rates:runner"].map((Key) => ({ Key, Value: "x" })),
    ];
    const start = async (tags: typeof Tags) => {
      const { Instances = [] } = await ec2.send(
        new RunInstancesCommand({
          ImageId: "ami-12c6146b",
          MinCount: 1,
          MaxCount: 1,
          TagSpecifications: [{ ResourceType: "instance", Tags: tags }],
        }),
      );
      return Instances[0]?.InstanceId ?? "";
    };
    const started = [await start(Tags)];
    assert.equal(await check(tagged, {}), "1 instances");
    started.push(await start(Tags.filter(({ Key }) => Key !== "rates:runs-0")));
    await assert.rejects(check(tagged, {}), /lacks tags/);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: started }));
    assert.equal(await check("idle stack has no run", {}), "no instance left");
  });
});
