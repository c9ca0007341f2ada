import assert from "node:assert/strict";
import {
  DescribeInstancesCommand,
  DescribeLaunchTemplateVersionsCommand,
  EC2Client,
  type Instance,
} from "@aws-sdk/client-ec2";
import { GetConnectionCommand, GetJobCommand, GetJobRunsCommand, GlueClient } from "@aws-sdk/client-glue";
import { HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Client } from "../cli/lib/apiClient.ts";
import type { SmokeOutputs } from "./outputs.ts";
import type { Target } from "./target.ts";

/** A claim of the design that only a real account can prove. */
export interface CloudCheck {
  readonly guarantee: string;
  /** Manual check, if it cannot be automated here. */
  readonly byHand?: string;
  /** Why a task in the stack's network cannot check it. */
  readonly notInside?: string;
  /** Answers what was seen; throws where it does not hold. */
  readonly try?: (outputs: SmokeOutputs, target: Target, client: Pick<Client, "json">) => Promise<string>;
}

/** Database part of GET /stats/figures for an admin. */
interface Figures {
  readonly database?: { readonly connections: number; readonly maxConnections: number };
}

/** Of max_connections, what Postgres keeps for superusers (superuser_reserved_connections); no parameter group changes it. */
const SUPERUSER_RESERVED = 3;

const LIVING = ["pending", "running"];

/** Instances that this stack has, and has had: EC2 shows one for an hour after its end, its tags too. */
const instancesOf = async ({ region, stack }: SmokeOutputs): Promise<Instance[]> => {
  const ec2 = new EC2Client({ region });
  const Filters = [{ Name: "tag:rates:stack", Values: [`rates-${stack}-ec2`] }];
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters }));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
};
const isLiving = ({ State }: Instance): boolean => LIVING.includes(State?.Name ?? "");

/** Tags of a stack's instances, and of a run: on the template, and on the request. */
const TAGS = ["Name", "stack", "owner", "costCentre", "rates:stack", "rates:runs-0", "rates:runner"];

/** Endpoint of a service for the SDK, without TLS. */
const withoutTls = (service: string, region: string): string =>
  (process.env.AWS_ENDPOINT_URL ?? `https://${service}.${region}.amazonaws.com`).replace(/^https:/, "http:");

/** Asks the same twice: over TLS, which must be answered, and without, which must be forbidden and nothing else. */
async function refusesPlain(
  what: string,
  overTls: () => Promise<unknown>,
  plain: () => Promise<unknown>,
): Promise<void> {
  await overTls();
  const error = await plain().then(
    () => undefined,
    (refusal: { $metadata?: { httpStatusCode?: number }; message: string }) => refusal,
  );
  assert.ok(error, `${what} answers without TLS`);
  assert.equal(error.$metadata?.httpStatusCode, 403, `${what} without TLS: ${error.message}`);
}

/** In the order of the traps that they are about (the number in brackets). */
export const CLOUD_CHECKS: readonly CloudCheck[] = [
  {
    guarantee: "queues are encrypted, and give a message up after many receives only (7)",
    async try({ requestQueueUrl }, { sqs }) {
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: requestQueueUrl, AttributeNames: ["All"] }),
      );
      assert.equal(Attributes.SqsManagedSseEnabled, "true");
      assert.ok(JSON.parse(Attributes.RedrivePolicy ?? "{}").maxReceiveCount >= 100);
      return `visibility ${Attributes.VisibilityTimeout} s`;
    },
  },
  {
    guarantee: "queues and buckets refuse what does not come over TLS",
    notInside: "the task's security group lets it out over TLS only; a smoke run without --inside checks it",
    async try({ region, resultsBucket: Bucket, requestQueueUrl: QueueUrl }, { sqs }) {
      const look = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] });
      // The SDK calls the host of a queue's URL unless an endpoint is configured.
      const plain = { region, useQueueUrlAsEndpoint: false, endpoint: withoutTls("sqs", region) };
      await refusesPlain(
        "the request queue",
        () => sqs.send(look),
        () => new SQSClient(plain).send(look),
      );
      const head = new HeadBucketCommand({ Bucket });
      await refusesPlain(
        "the results' bucket",
        () => new S3Client({ region }).send(head),
        () => new S3Client({ region, endpoint: withoutTls("s3", region) }).send(head),
      );
      return "both are forbidden";
    },
  },
  {
    guarantee: "services log in to RDS by IAM tokens, over TLS alone (16)",
    byHand: "the checks above went through: every part logs in so",
  },
  {
    guarantee: "RDS gives the connections that its parameter group says (17)",
    async try({ maxConnections }, _target, client) {
      assert.ok(maxConnections, "the stack has no output maxConnections: run `pulumi up`");
      const { database } = await client.json<Figures>("GET", "/stats/figures");
      assert.ok(database, "the token lacks the scope admin, which shows the database's figures");
      assert.equal(database.maxConnections, maxConnections - SUPERUSER_RESERVED, "restart the database: it is static");
      return `${database.connections} of ${database.maxConnections}`;
    },
  },
  {
    guarantee: "without NAT every part reaches what it needs through the endpoints (21)",
    byHand: "a stack with network.nat none: the checks above go through there too",
  },
  {
    guarantee: "Glue's job takes as many runs as capacity says, and neither retries nor queues them (23, 24)",
    async try({ region, glueJob }) {
      const { Job } = await new GlueClient({ region }).send(new GetJobCommand({ JobName: glueJob }));
      assert.deepEqual([Job?.MaxRetries, Job?.JobRunQueuingEnabled ?? false], [0, false]);
      return `${Job?.ExecutionProperty?.MaxConcurrentRuns} runs`;
    },
  },
  {
    guarantee: "Glue's job has a way into two zones or more (22)",
    async try({ region, glueJob }) {
      const glue = new GlueClient({ region });
      const { Job } = await glue.send(new GetJobCommand({ JobName: glueJob }));
      const names = Job?.Connections?.Connections ?? [];
      const connections = await Promise.all(names.map((Name) => glue.send(new GetConnectionCommand({ Name }))));
      const zones = connections.map((one) => one.Connection?.PhysicalConnectionRequirements?.AvailabilityZone);
      assert.ok(new Set(zones).size >= 2 && new Set(zones).size === zones.length, `connections in ${zones.join(", ")}`);
      return zones.join(", ");
    },
  },
  {
    guarantee: "Glue's runs find psycopg2 and the certificate authorities, and take further reads before they end (24)",
    async try({ region, glueJob }) {
      const { JobRuns = [] } = await new GlueClient({ region }).send(
        new GetJobRunsCommand({ JobName: glueJob, MaxResults: 20 }),
      );
      assert.ok(
        JobRuns.some(({ JobRunState }) => JobRunState === "SUCCEEDED"),
        "no run has SUCCEEDED yet",
      );
      return `${JobRuns.length} runs for this run's reads`;
    },
  },
  {
    guarantee: "a run that Glue refuses late, for a quota, costs its job no attempt (23)",
    byHand: "hold the account's Glue runs with another job, submit reads, and see `rates show ID`: attempts is empty",
  },
  {
    guarantee: "a Glue run out of memory is done again with a larger MaxCapacity (24)",
    byHand:
      "a read at runners.glue.dpu 0.0625 of a row of 500 MB (select repeat('x', 500000000)): its second attempt is EC2's, or, with jobs.readsOnEc2 false, in a run of 1 DPU, whose memoryBytes `rates show ID --json` has",
  },
  {
    guarantee: "Glue starts runs in the next zone where one fails (22)",
    byHand: "take the routes out of the first connection's subnet, and submit reads",
  },
  {
    guarantee: "a Glue run takes the script that it is started with before the job's own (27)",
    byHand: "start a run with --scriptLocation of another script in the stack's scripts bucket",
  },
  {
    guarantee: "instances take IMDSv2 only, have no key and no public address (26)",
    async try(outputs) {
      const { region, launchTemplate } = outputs;
      const { LaunchTemplateVersions: [latest] = [] } = await new EC2Client({ region }).send(
        new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId: launchTemplate, Versions: ["$Latest"] }),
      );
      const { MetadataOptions, KeyName, InstanceInitiatedShutdownBehavior } = latest?.LaunchTemplateData ?? {};
      assert.deepEqual(
        [MetadataOptions?.HttpTokens, KeyName, InstanceInitiatedShutdownBehavior],
        ["required", undefined, "terminate"],
      );
      const living = (await instancesOf(outputs)).filter(isLiving);
      for (const one of living)
        assert.deepEqual(
          [one.MetadataOptions?.HttpTokens, one.KeyName || undefined, one.PublicIpAddress || undefined],
          ["required", undefined, undefined],
          one.InstanceId,
        );
      return `version ${latest?.VersionNumber}, and ${living.length} instances that run`;
    },
  },
  {
    guarantee: "the machine image has docker, and a curl that signs (26)",
    byHand: "an update has SUCCEEDED above: its instance needed both",
  },
  {
    guarantee: "tags of the launch template and of the request are both on an instance (25)",
    async try(outputs) {
      const instances = await instancesOf(outputs);
      assert.ok(instances.length > 0, "no update has had an instance in the last hour");
      for (const { InstanceId, Tags = [] } of instances)
        assert.deepEqual(
          TAGS.filter((tag) => !Tags.some(({ Key, Value }) => Key === tag && Value)),
          [],
          `${InstanceId} lacks tags`,
        );
      return `${instances.length} instances`;
    },
  },
  {
    guarantee: "a launch whose answer was lost is found by its token, and not made twice (25)",
    byHand:
      "time a dispatcher out in RunInstances (timeout 1 s): one instance has the job's run among its rates:runs-0",
  },
  {
    guarantee: "an instance whose runner hangs ends by itself, at the end of its longest life (26)",
    byHand:
      "SIGSTOP the container of an idle runner with runners.ec2.lifetimeSeconds 300 and a short jobs.maxTimeoutSeconds",
  },
  {
    guarantee: "a Spot notice drains the run (26)",
    byHand: "send one with the Fault Injection Service while a job runs",
  },
  {
    guarantee: "both queues invoke the dispatcher's alias, never more at once than capacity says (28)",
    byHand: "`aws lambda list-event-source-mappings`: FunctionArn ends in :live, ScalingConfig is the plan's",
  },
  {
    guarantee: "log groups that services make are there before them, and keep their lines for a time only (29)",
    byHand:
      "`aws logs describe-log-groups`: none of this stack's, RDS's, Glue's or OpenSearch's is without retentionInDays",
  },
  {
    guarantee: "a stream of events outlives the balancer's idle time, and the end of the task that sends it (30)",
    byHand: "`rates watch ID` of a job of two minutes, while the service is redeployed",
  },
  {
    guarantee: "OpenSearch without a policy of its own goes by its callers', and refuses who has none",
    byHand: "from within the VPC, `curl` of the domain is 403, while `rates list` finds this run's jobs",
  },
  {
    guarantee: "idle means no run and no instance (32)",
    async try(outputs) {
      const patience = Date.now() + 15 * 60_000;
      for (;;) {
        const left = (await instancesOf(outputs)).filter(isLiving);
        if (left.length === 0) return "none is left";
        if (Date.now() > patience) throw new Error(`${left.length} instances still run after 15 minutes`);
        await new Promise((resolve) => setTimeout(resolve, 15_000));
      }
    },
  },
  {
    guarantee: "destroy drains runs first, ends clean, and leaves what data.keep says (32)",
    byHand: "`pulumi destroy` of a copy of the stack while `rates load` of a large file runs",
  },
  {
    guarantee:
      "the image is pushed by the credential helper, once for each of its contents, and no token is in the state (33)",
    byHand: "a second `pulumi up` pushes nothing; `pulumi stack export` has no registryAuth, and no password",
  },
  {
    guarantee: "the wrong account is refused before anything is made (34)",
    byHand: "`npm run pulumi -- preview -s <another stack>` with these credentials",
  },
  {
    guarantee: "a pull request's role changes nothing and reads no data, and a deployment outlasts an hour (35)",
    byHand: "`aws sqs receive-message` as rates-preview is refused; a first `up` of prod ends, or its second does",
  },
  {
    guarantee: "a second deployment of the stack waits or is refused while one runs (36)",
    byHand: "`pulumi up` twice at once: one says that the stack is locked",
  },
  {
    guarantee: "a deployment stops no run and loses no response (27)",
    byHand: "`pulumi up` while `rates load` of a large file runs",
  },
  {
    guarantee: "alarms reach the stack's address",
    byHand: "confirm the subscription, then `aws cloudwatch set-alarm-state` on one",
  },
];
