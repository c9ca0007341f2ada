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
import { counted } from "../contract/counted.ts";
import type { SmokeOutputs } from "../contract/stackOutputs.ts";
import { LAUNCH_TAG, RUNNER_TAG, STACK_TAG } from "../dispatcher/launchers/ec2.ts";
import type { Target } from "./target.ts";

/** A guarantee that only a real account can prove. */
export interface CloudCheck {
  readonly guarantee: string;
  /** Instructions for a check by hand, if the guarantee has no automated check. */
  readonly byHand?: string;
  /** Reason why a task in the stack's network cannot check this guarantee. */
  readonly notInside?: string;
  /** Returns what was observed; throws if the guarantee does not hold. */
  readonly try?: (outputs: SmokeOutputs, target: Target, client: Pick<Client, "json">) => Promise<string>;
}

/** Database metrics in an admin's response of GET /stats/figures. */
interface Figures {
  readonly database?: { readonly connections: number; readonly maxConnections: number };
}

/**
 * Number of connections that Postgres reserves for superusers (superuser_reserved_connections). A parameter group cannot
 * change it.
 */
const SUPERUSER_RESERVED = 3;

const ACTIVE_STATES = ["pending", "running"];

/** Lists current and recent instances of this stack: EC2 shows an instance and its tags for an hour after its end. */
const instancesOf = async ({ region, stack }: SmokeOutputs): Promise<Instance[]> => {
  const ec2 = new EC2Client({ region });
  const Filters = [{ Name: `tag:${STACK_TAG}`, Values: [`rates-${stack}-ec2`] }];
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters }));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
};
const isActive = ({ State }: Instance): boolean => ACTIVE_STATES.includes(State?.Name ?? "");

/** Tag keys of a stack's instances, set by the launch template or by the launch request. */
const TAGS = ["Name", "stack", "owner", "costCentre", STACK_TAG, LAUNCH_TAG, RUNNER_TAG];

/** Returns a service's endpoint without TLS. */
const plainEndpoint = (service: string, region: string): string =>
  (process.env.AWS_ENDPOINT_URL ?? `https://${service}.${region}.amazonaws.com`).replace(/^https:/, "http:");

/** Sends the same request twice: the service must accept it over TLS, and refuse with 403 without TLS. */
async function assertRequiresTls(
  service: string,
  overTls: () => Promise<unknown>,
  withoutTls: () => Promise<unknown>,
): Promise<void> {
  await overTls();
  const error = await withoutTls().then(
    () => undefined,
    (refusal: { $metadata?: { httpStatusCode?: number }; message: string }) => refusal,
  );
  assert.ok(error, `${service} accepts requests without TLS`);
  assert.equal(error.$metadata?.httpStatusCode, 403, `${service} without TLS: ${error.message}`);
}

/** Cloud checks, in the order in which they run. */
export const CLOUD_CHECKS: readonly CloudCheck[] = [
  {
    guarantee: "the request queue is encrypted, and moves a message to the dead-letter queue only after many receives",
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
    guarantee: "the request queue and the results bucket refuse requests without TLS",
    notInside: "the task's security group allows TLS only; run the smoke checks without --inside to check it",
    async try({ region, resultsBucket: Bucket, requestQueueUrl: QueueUrl }, { sqs }) {
      const probe = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] });
      // Without these options, the SDK would send the request to the host in the queue's URL, over TLS.
      const plainOptions = { region, useQueueUrlAsEndpoint: false, endpoint: plainEndpoint("sqs", region) };
      await assertRequiresTls(
        "the request queue",
        () => sqs.send(probe),
        () => new SQSClient(plainOptions).send(probe),
      );
      const head = new HeadBucketCommand({ Bucket });
      await assertRequiresTls(
        "the results bucket",
        () => new S3Client({ region }).send(head),
        () => new S3Client({ region, endpoint: plainEndpoint("s3", region) }).send(head),
      );
      return "both refuse";
    },
  },
  {
    guarantee: "components log in to RDS with IAM tokens over TLS",
    byHand: "verified by the checks above",
  },
  {
    guarantee: "RDS provides as many connections as its parameter group specifies",
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
    guarantee: "a stack without NAT reaches all services through endpoints",
    byHand: "deploy a stack with network.nat none: the checks above must pass there too",
  },
  {
    guarantee: "the Glue job neither retries nor queues its runs",
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
    guarantee: "Glue runs find psycopg2 and the certificate authorities",
    async try({ region, glueJob }) {
      const { JobRuns = [] } = await new GlueClient({ region }).send(
        new GetJobRunsCommand({ JobName: glueJob, MaxResults: 20 }),
      );
      assert.ok(
        JobRuns.some(({ JobRunState }) => JobRunState === "SUCCEEDED"),
        "no run has SUCCEEDED yet",
      );
      return counted(JobRuns.length, "run");
    },
  },
  {
    guarantee: "a run that Glue refuses late because of a quota uses none of its job's attempts",
    byHand:
      "use up the account's Glue runs with another job, submit reads, and check `rates show ID`: attempts is empty",
  },
  {
    guarantee: "a Glue run that runs out of memory is repeated with a larger MaxCapacity",
    byHand:
      "a read at runners.glue.dpu 0.0625 of a row of 500 MB (select repeat('x', 500000000)): its second attempt runs on EC2 or, with jobs.readsOnEc2 false, in a run of 1 DPU (`rates show ID --json` has memoryBytes)",
  },
  {
    guarantee: "Glue starts runs in another zone when one fails",
    byHand: "remove the routes from the first connection's subnet, and submit reads",
  },
  {
    guarantee: "the script given when a Glue run starts overrides the job's script",
    byHand: "start a run whose --scriptLocation is another script in the stack's scripts bucket",
  },
  {
    guarantee: "instances accept only IMDSv2, and have no key and no public address",
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
      for (const instance of active)
        assert.deepEqual(
          [instance.MetadataOptions?.HttpTokens, instance.KeyName || undefined, instance.PublicIpAddress || undefined],
          ["required", undefined, undefined],
          instance.InstanceId,
        );
      return `version ${latest?.VersionNumber}, ${counted(active.length, "running instance")}`;
    },
  },
  {
    guarantee: "the machine image has docker, and a curl that signs requests",
    byHand: "verified by the update above that SUCCEEDED: its instance needs both",
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
      return counted(instances.length, "instance");
    },
  },
  {
    guarantee: "a launch whose response was lost is found by its client token and starts no second instance",
    byHand: `let a dispatcher time out in RunInstances (timeout 1 s) for one job: exactly one instance is started, and its tag ${LAUNCH_TAG} has the launch's id`,
  },
  {
    guarantee: "an instance whose runner hangs terminates itself at its maximum lifetime",
    byHand:
      "send SIGSTOP to the container of an idle runner, with runners.ec2.lifetimeSeconds 300 and a short jobs.maxTimeoutSeconds",
  },
  {
    guarantee: "a Spot interruption notice drains the run",
    byHand: "send one with the Fault Injection Service while a job is running",
  },
  {
    guarantee: "both queues invoke the dispatcher's alias, with at most the planned concurrency",
    byHand: "`aws lambda list-event-source-mappings`: FunctionArn ends in :live, ScalingConfig matches the plan",
  },
  {
    guarantee: "log groups exist before their components write to them, and have a retention",
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
    guarantee: "an idle stack has no instance",
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
    guarantee: "destroy drains runs first, ends cleanly, and keeps the data that data.keep names",
    byHand: "run `pulumi destroy` on a copy of the stack while `rates load` of a large file is running",
  },
  {
    guarantee: "the image is pushed with the credential helper, once per content, and the state contains no token",
    byHand: "a second `pulumi up` pushes nothing; `pulumi stack export` contains no registryAuth and no password",
  },
  {
    guarantee: "a wrong account is refused before anything is created",
    byHand: "`npm run pulumi -- preview -s <another stack>` with these credentials",
  },
  {
    guarantee: "a pull request's role changes nothing and reads no data, and a deployment can take longer than an hour",
    byHand: "`aws sqs receive-message` as rates-preview is refused; the first or second `up` of prod completes",
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
    byHand: "confirm the subscription, then run `aws cloudwatch set-alarm-state` for an alarm",
  },
];
