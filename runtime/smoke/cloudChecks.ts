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
import type { SmokeOutputs } from "../contract/stackOutputs.ts";
import type { Target } from "./target.ts";

/** A guarantee that only a real account can prove. */
export interface CloudCheck {
  readonly guarantee: string;
  /** Manual check, if it cannot be automated here. */
  readonly byHand?: string;
  /** Reason why a task in the stack's network cannot check it. */
  readonly notInside?: string;
  /** Returns what was observed; throws if the guarantee does not hold. */
  readonly try?: (outputs: SmokeOutputs, target: Target, client: Pick<Client, "json">) => Promise<string>;
}

/** Database part of an admin's GET /stats/figures. */
interface Figures {
  readonly database?: { readonly connections: number; readonly maxConnections: number };
}

/**
 * Connections of max_connections that Postgres reserves for superusers (superuser_reserved_connections); not
 * configurable in a parameter group.
 */
const SUPERUSER_RESERVED = 3;

const ACTIVE_STATES = ["pending", "running"];

/** Lists current and recent instances of this stack: EC2 shows an instance and its tags for an hour after its end. */
const instancesOf = async ({ region, stack }: SmokeOutputs): Promise<Instance[]> => {
  const ec2 = new EC2Client({ region });
  const Filters = [{ Name: "tag:rates:stack", Values: [`rates-${stack}-ec2`] }];
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters }));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
};
const isActive = ({ State }: Instance): boolean => ACTIVE_STATES.includes(State?.Name ?? "");

/** Keys of the tags of a stack's instances, set by the launch template, and of a run, set by the request. */
const TAGS = ["Name", "stack", "owner", "costCentre", "rates:stack", "rates:runs-0", "rates:runner"];

/** Returns a service's endpoint for the SDK, without TLS. */
const withoutTls = (service: string, region: string): string =>
  (process.env.AWS_ENDPOINT_URL ?? `https://${service}.${region}.amazonaws.com`).replace(/^https:/, "http:");

/** Sends the same request twice: it must be answered over TLS, and be refused with 403 without. */
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

/** Checks in the order in which they run. */
export const CLOUD_CHECKS: readonly CloudCheck[] = [
  {
    guarantee: "queues are encrypted, and move a message to the dead-letter queue only after many receives",
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
    guarantee: "queues and buckets refuse requests without TLS",
    notInside: "the task's security group allows TLS only; run the smoke checks without --inside to check it",
    async try({ region, resultsBucket: Bucket, requestQueueUrl: QueueUrl }, { sqs }) {
      const probe = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] });
      // The SDK calls the host in a queue's URL unless an endpoint is configured.
      const plain = { region, useQueueUrlAsEndpoint: false, endpoint: withoutTls("sqs", region) };
      await refusesPlain(
        "the request queue",
        () => sqs.send(probe),
        () => new SQSClient(plain).send(probe),
      );
      const head = new HeadBucketCommand({ Bucket });
      await refusesPlain(
        "the results bucket",
        () => new S3Client({ region }).send(head),
        () => new S3Client({ region, endpoint: withoutTls("s3", region) }).send(head),
      );
      return "both refuse";
    },
  },
  {
    guarantee: "services log in to RDS with IAM tokens over TLS",
    byHand: "verified by the checks above",
  },
  {
    guarantee: "RDS provides as many connections as its parameter group says",
    async try({ maxConnections }, _target, client) {
      assert.ok(maxConnections, "the stack has no output maxConnections: run `pulumi up`");
      const { database } = await client.json<Figures>("GET", "/stats/figures");
      assert.ok(database, "the token lacks the scope admin, which the database metrics need");
      assert.equal(
        database.maxConnections,
        maxConnections - SUPERUSER_RESERVED,
        "restart the database: the parameter is static",
      );
      return `${database.connections} of ${database.maxConnections}`;
    },
  },
  {
    guarantee: "without NAT all services are reached through endpoints",
    byHand: "deploy a stack with network.nat none: the checks above pass there too",
  },
  {
    guarantee: "the Glue job allows as many runs as the capacity plan, and neither retries nor queues them (23, 24)",
    async try({ region, glueJob }) {
      const { Job } = await new GlueClient({ region }).send(new GetJobCommand({ JobName: glueJob }));
      assert.deepEqual([Job?.MaxRetries, Job?.JobRunQueuingEnabled ?? false], [0, false]);
      return `${Job?.ExecutionProperty?.MaxConcurrentRuns} runs`;
    },
  },
  {
    guarantee: "the Glue job has connections in two zones or more",
    async try({ region, glueJob }) {
      const glue = new GlueClient({ region });
      const { Job } = await glue.send(new GetJobCommand({ JobName: glueJob }));
      const names = Job?.Connections?.Connections ?? [];
      const connections = await Promise.all(names.map((Name) => glue.send(new GetConnectionCommand({ Name }))));
      const zones = connections.map(
        (connection) => connection.Connection?.PhysicalConnectionRequirements?.AvailabilityZone,
      );
      assert.ok(new Set(zones).size >= 2 && new Set(zones).size === zones.length, `connections in ${zones.join(", ")}`);
      return zones.join(", ");
    },
  },
  {
    guarantee: "Glue runs find psycopg2 and the certificate authorities, and claim further reads before they end",
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
    guarantee: "a run that Glue refuses late because of a quota uses none of its job's attempts",
    byHand:
      "use up the account's Glue runs with another job, submit reads, and check `rates show ID`: attempts is empty",
  },
  {
    guarantee: "a Glue run that is out of memory is repeated with a larger MaxCapacity",
    byHand:
      "a read at runners.glue.dpu 0.0625 of a row of 500 MB (select repeat('x', 500000000)): its second attempt runs on EC2 or, with jobs.readsOnEc2 false, in a run of 1 DPU (`rates show ID --json` has memoryBytes)",
  },
  {
    guarantee: "Glue starts runs in another zone when one fails",
    byHand: "remove the routes from the first connection's subnet, and submit reads",
  },
  {
    guarantee: "the script that a Glue run is started with overrides the job's",
    byHand: "start a run with --scriptLocation of another script in the stack's scripts bucket",
  },
  {
    guarantee: "instances accept IMDSv2 only, and have no key and no public address",
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
      const active = (await instancesOf(outputs)).filter(isActive);
      for (const task of active)
        assert.deepEqual(
          [task.MetadataOptions?.HttpTokens, task.KeyName || undefined, task.PublicIpAddress || undefined],
          ["required", undefined, undefined],
          task.InstanceId,
        );
      return `version ${latest?.VersionNumber}, ${active.length} running instances`;
    },
  },
  {
    guarantee: "the machine image has docker, and a curl that signs requests",
    byHand: "verified: the instance of the SUCCEEDED update above needed both",
  },
  {
    guarantee: "an instance has the tags of the launch template and of the request",
    async try(outputs) {
      const instances = await instancesOf(outputs);
      assert.ok(instances.length > 0, "no update has used an instance in the last hour");
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
    guarantee: "a launch whose answer was lost is found by its token, and not repeated",
    byHand:
      "let a dispatcher time out in RunInstances (timeout 1 s): exactly one instance has the job's run among its rates:runs-0",
  },
  {
    guarantee: "an instance whose runner hangs ends itself at its maximum lifetime",
    byHand:
      "send SIGSTOP to the container of an idle runner, with runners.ec2.lifetimeSeconds 300 and a short jobs.maxTimeoutSeconds",
  },
  {
    guarantee: "a Spot interruption notice drains the run",
    byHand: "send one with the Fault Injection Service while a job is running",
  },
  {
    guarantee: "both queues invoke the dispatcher's alias, with at most the planned concurrency",
    byHand: "`aws lambda list-event-source-mappings`: FunctionArn ends in :live, ScalingConfig is that of the plan",
  },
  {
    guarantee: "log groups of services exist in advance and have a retention",
    byHand: "`aws logs describe-log-groups`: all of this stack's, RDS's, Glue's and OpenSearch's have retentionInDays",
  },
  {
    guarantee: "an event stream survives the load balancer's idle timeout and the end of its task",
    byHand: "run `rates watch ID` on a job of two minutes while the service is redeployed",
  },
  {
    guarantee: "OpenSearch without a domain policy applies its callers' policies, and refuses callers without one",
    byHand: "from within the VPC, `curl` of the domain returns 403, while `rates list` finds this run's jobs",
  },
  {
    guarantee: "an idle stack has no run and no instance",
    async try(outputs) {
      const deadline = Date.now() + 15 * 60_000;
      for (;;) {
        const remaining = (await instancesOf(outputs)).filter(isActive);
        if (remaining.length === 0) return "no instance left";
        if (Date.now() > deadline) throw new Error(`${remaining.length} instances still run after 15 minutes`);
        await new Promise((resolve) => setTimeout(resolve, 15_000));
      }
    },
  },
  {
    guarantee: "destroy drains runs first, ends cleanly, and keeps what data.keep says",
    byHand: "run `pulumi destroy` on a copy of the stack while `rates load` of a large file is running",
  },
  {
    guarantee: "the image is pushed with the credential helper, once per content, and the state has no token",
    byHand: "a second `pulumi up` pushes nothing; `pulumi stack export` has no registryAuth, and no password",
  },
  {
    guarantee: "a wrong account is refused before anything is created",
    byHand: "`npm run pulumi -- preview -s <another stack>` with these credentials",
  },
  {
    guarantee:
      "a pull request's role changes nothing and reads no data, and a deployment can take longer than an hour (35)",
    byHand:
      "`aws sqs receive-message` as rates-preview is refused; the first `up` of prod completes, or its second does",
  },
  {
    guarantee: "a second deployment of the stack waits or is refused while one is running",
    byHand: "run `pulumi up` twice at once: one reports that the stack is locked",
  },
  {
    guarantee: "a deployment stops no run and loses no response",
    byHand: "run `pulumi up` while `rates load` of a large file is running",
  },
  {
    guarantee: "alarms reach the stack's email address",
    byHand: "confirm the subscription, then run `aws cloudwatch set-alarm-state` on one",
  },
];
