import assert from "node:assert/strict";
import { foreignResource, packFor } from "../testing/foreign.ts";
import { UNKNOWN_TEXT } from "../unknownValues.ts";

const BALANCER = "aws:lb/loadBalancer:LoadBalancer";
const QUEUE = "aws:sqs/queue:Queue";

describe("other programs", () => {
  const findingsOf = packFor("limits");

  describe("a queue with the function that reads it", () => {
    const FUNCTION = "aws:lambda/function:Function";
    const MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping";
    const READS = {
      eventSourceArn: [QUEUE, "orders"] as [string, string],
      functionName: [FUNCTION, "worker"] as [string, string],
    };

    it("is checked with a separate redrive policy resource", async () => {
      const program = [
        foreignResource(QUEUE, "dead", { messageRetentionSeconds: 3_600 }),
        foreignResource(QUEUE, "orders"),
        foreignResource(
          "aws:sqs/redrivePolicy:RedrivePolicy",
          "orders",
          { redrivePolicy: '{"maxReceiveCount": 3}' },
          { queueUrl: [QUEUE, "orders"], redrivePolicy: [QUEUE, "dead"] },
        ),
      ];
      assert.deepEqual(
        await findingsOf(
          program,
          "sqs-receives-before-dead-letter",
          "sqs-dead-letter-retention",
          "sqs-response-retention",
        ),
        [
          "sqs-receives-before-dead-letter orders: maxReceiveCount is 3, 2 less than the minimum of 5: throttles would use it up. Raise it.",
          "sqs-dead-letter-retention dead: messageRetentionSeconds is 3600, not more than the 345600 of orders, whose messages keep their age: raise it.",
        ],
      );
    });

    it("must not deliver more batches than the executions that no function reserves", async () => {
      const program = (max: number) => [
        foreignResource(QUEUE, "orders"),
        foreignResource(FUNCTION, "worker"),
        foreignResource(FUNCTION, "other", { reservedConcurrentExecutions: 300 }),
        foreignResource(MAPPING, "orders", { scalingConfig: { maximumConcurrency: max } }, READS),
      ];
      assert.deepEqual(await findingsOf(program(700), "lambda-event-source-concurrency"), []);
      assert.deepEqual(await findingsOf(program(701), "lambda-event-source-concurrency"), [
        "orders: queues may deliver 701 batches at once to functions without a reservation, 1 more than the 700 executions that reservations leave of the quota of 1000 (L-B99A9384): lower scalingConfig.maximumConcurrency (701 here), or have the quota raised.",
      ]);
    });

    it("is reported as unknown when only its ARN is given, but a stream is not", async () => {
      const mapping = (eventSourceArn: string, links: Record<string, [string, string]> = {}) => [
        foreignResource(FUNCTION, "worker"),
        foreignResource(MAPPING, "reads", { eventSourceArn }, { functionName: [FUNCTION, "worker"], ...links }),
      ];
      const RULE = "sqs-visibility-covers-function";
      assert.deepEqual(await findingsOf(mapping("arn:aws:sqs:eu-west-1:333333333333:orders"), RULE), [
        "reads: the queue that it reads is unknown: set eventSourceArn to the arn output of the queue (aws.sqs.Queue.get returns a queue of another program).",
      ]);
      assert.equal((await findingsOf(mapping(UNKNOWN_TEXT), RULE)).length, 1);
      assert.deepEqual(await findingsOf(mapping("arn:aws:kinesis:eu-west-1:333333333333:stream/s"), RULE), []);
      const STREAM = "aws:kinesis/stream:Stream";
      const stream = [foreignResource(STREAM, "s"), ...mapping(UNKNOWN_TEXT, { eventSourceArn: [STREAM, "s"] })];
      assert.deepEqual(
        await findingsOf(stream, RULE, "lambda-event-source-limits", "lambda-event-source-concurrency"),
        [],
      );
    });

    it("must report failed messages individually, unless the batch size is one", async () => {
      const reads = (props: Record<string, unknown>) => [
        foreignResource(QUEUE, "orders"),
        foreignResource(FUNCTION, "worker"),
        foreignResource(MAPPING, "orders", { scalingConfig: { maximumConcurrency: 2 }, ...props }, READS),
      ];
      assert.equal((await findingsOf(reads({}), "lambda-event-source-limits")).length, 1);
      assert.deepEqual(await findingsOf(reads({ batchSize: 1 }), "lambda-event-source-limits"), []);
      const mapping = reads({ functionResponseTypes: ["ReportBatchItemFailures"] });
      assert.deepEqual(await findingsOf(mapping, "lambda-event-source-limits"), []);
    });
  });

  describe("a Glue job", () => {
    const JOB = "aws:glue/job:Job";
    const RULE = "glue-dpus";

    it("has the DPUs of all its workers, by their type", async () => {
      const job = (props: Record<string, unknown>) => [foreignResource(JOB, "etl", { timeout: 60, ...props })];
      const reportedDpus = async (props: Record<string, unknown>) => {
        const [message = ""] = await findingsOf(job(props), RULE);
        return /may use ([\d.]+) DPUs/.exec(message)?.[1];
      };
      assert.equal(await reportedDpus({ workerType: "G.1X", numberOfWorkers: 1_000 }), undefined);
      assert.equal(await reportedDpus({ workerType: "G.2X", numberOfWorkers: 501 }), "1002");
      assert.equal(await reportedDpus({ workerType: "G.99X", numberOfWorkers: 101 }), "1616");
      assert.equal(
        await reportedDpus({ maxCapacity: 0, workerType: "G.2X", numberOfWorkers: 501 }),
        "1002",
        "a maxCapacity of 0 counts as missing",
      );
      assert.equal(
        await reportedDpus({ executionProperty: { maxConcurrentRuns: 101 } }),
        "1010",
        "a Spark job without a size",
      );
      const shell = { command: { name: "pythonshell" } };
      assert.equal(await reportedDpus({ ...shell, executionProperty: { maxConcurrentRuns: 1_000 } }), undefined);
      assert.equal(await reportedDpus({ ...shell, executionProperty: { maxConcurrentRuns: 16_016 } }), "1001");
    });

    it("is reported when it uses the most DPUs of all jobs", async () => {
      const sized = (name: string, runs: number, maxCapacity: number) =>
        foreignResource(JOB, name, { maxCapacity, executionProperty: { maxConcurrentRuns: runs } });
      const program = [sized("many", 900, 1), sized("large", 10, 100), sized("small", 2, 1)];
      for (const resources of [program, program.toReversed()])
        assert.match((await findingsOf(resources, RULE))[0] ?? "", /^large: .* may use 1902 DPUs at once/);
    });

    it("may have a timeout of days but not of a week; a streaming job needs no timeout", async () => {
      const timeout = async (props: Record<string, unknown>) =>
        (await findingsOf([foreignResource(JOB, "etl", props)], "glue-job-limits"))[0];
      assert.equal(await timeout({ timeout: 4_000 }), undefined);
      assert.equal(await timeout({ timeout: 10_080 }), "etl: timeout is 10080 minutes: set it between 1 and 10079.");
      assert.equal(await timeout({ timeout: 0 }), "etl: timeout is 0 minutes: set it between 1 and 10079.");
      assert.equal(await timeout({ command: { name: "gluestreaming" } }), undefined);
      assert.equal(
        await timeout({}),
        "etl: timeout is not set, so Glue stops a run only after 2880 minutes (480 in recent Glue versions): set it.",
      );
    });
  });

  describe("instances and tasks", () => {
    const INSTANCE = "aws:ec2/instance:Instance";
    const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
    const SERVICE = "aws:ecs/service:Service";
    const TASK = "aws:ecs/taskDefinition:TaskDefinition";

    it("count vCPUs by the size in the name of a standard type, and require configuration for others", async () => {
      const vcpus = async (instanceType: string) =>
        (await findingsOf([foreignResource(INSTANCE, "web", { instanceType })], "ec2-vcpus"))[0];
      assert.equal(await vcpus("m5.xlarge"), undefined);
      assert.match((await vcpus("m5.2xlarge")) ?? "", /may have 8 vCPUs at once, 3 more than the quota of 5/);
      assert.match((await vcpus("c6a.48xlarge")) ?? "", /may have 192 vCPUs/);
      for (const type of ["g5.xlarge", "m7i.metal-24xl", "m5"])
        assert.equal(
          await vcpus(type),
          `web: the vCPUs of ${type} in this quota are unknown: enter them under \`vcpus\` in the pack's configuration.`,
        );
      assert.match(
        (await findingsOf([foreignResource(INSTANCE, "web")], "ec2-vcpus"))[0] ?? "",
        /names no instanceType/,
      );
    });

    it("inherit their type from their template, and are counted one by one", async () => {
      const program = (instanceType: string) => [
        foreignResource(TEMPLATE, "web", { instanceType }),
        foreignResource(
          INSTANCE,
          "one",
          { launchTemplate: { id: UNKNOWN_TEXT } },
          { launchTemplate: [TEMPLATE, "web"] },
        ),
        foreignResource(
          INSTANCE,
          "two",
          { launchTemplate: { id: UNKNOWN_TEXT } },
          { launchTemplate: [TEMPLATE, "web"] },
        ),
      ];
      assert.deepEqual(await findingsOf(program("m5.large"), "ec2-vcpus"), []);
      assert.match((await findingsOf(program("m5.xlarge"), "ec2-vcpus"))[0] ?? "", /^one: .* may have 8 vCPUs at once/);
    });

    it("on EC2 capacity do not count against Fargate's quota", async () => {
      const program = (props: Record<string, unknown>, task: Record<string, unknown> = {}) => [
        foreignResource(TASK, "web", { cpu: "4096", ...task }),
        foreignResource(SERVICE, "web", { desiredCount: 10, ...props }, { taskDefinition: [TASK, "web"] }),
      ];
      const countFindings = async (...programArgs: Parameters<typeof program>) =>
        (await findingsOf(program(...programArgs), "fargate-vcpus")).length;
      assert.equal(await countFindings({}), 1);
      assert.equal(await countFindings({ launchType: "FARGATE" }, { requiresCompatibilities: ["EC2"] }), 1);
      assert.equal(await countFindings({ launchType: "EC2" }), 0);
      assert.equal(await countFindings({ capacityProviderStrategies: [{ capacityProvider: "own" }] }), 0);
      assert.equal(await countFindings({ capacityProviderStrategies: [{ capacityProvider: "FARGATE_SPOT" }] }), 1);
      assert.equal(await countFindings({}, { requiresCompatibilities: ["EC2"] }), 0);
      const max = { launchType: "FARGATE", desiredCount: 1, deploymentMaximumPercent: 150 };
      assert.equal(await countFindings(max, { cpu: "6144" }), 0, "ECS rounds 1.5 tasks down");
    });
  });

  describe("network load balancers", () => {
    it("have their own quota", async () => {
      const balancers = (loadBalancerType: string) =>
        Array.from({ length: 51 }, (_, index) => foreignResource(BALANCER, `tcp-${index}`, { loadBalancerType }));
      assert.deepEqual(await findingsOf(balancers("network"), "account-counts"), []);
      assert.equal((await findingsOf(balancers("application"), "account-counts")).length, 1);
    });
  });

  describe("a provider", () => {
    const RULE = "aws-provider-pinned";
    const unpinned = { urn: "urn:pulumi:test::test::pulumi:providers:docker::default", name: "default", props: {} };

    it("is required for AWS resources only", async () => {
      const { provider: _, ...withoutProvider } = foreignResource(QUEUE, "orders");
      assert.deepEqual(await findingsOf([withoutProvider], RULE), ["orders: it has no explicit provider: pass one."]);
      const uncheckedTypes = ["pulumi:pulumi:Stack", "shop:index:Part", "docker:index/image:Image"];
      assert.deepEqual(
        await findingsOf(
          uncheckedTypes.map((type) => ({ ...withoutProvider, type })),
          RULE,
        ),
        [],
      );
      assert.deepEqual(
        await findingsOf([{ ...withoutProvider, type: "docker:index/image:Image", provider: unpinned }], RULE),
        [],
      );
      assert.equal((await findingsOf([{ ...withoutProvider, provider: unpinned }], RULE)).length, 1);
    });
  });

  describe("a database", () => {
    it("needs reserved concurrency for a function that events invoke", async () => {
      const worker = (more: ReturnType<typeof foreignResource>[]) => [
        foreignResource(DATABASE, "db", { engine: "postgres", instanceClass: "db.t4g.micro" }),
        foreignResource("aws:lambda/function:Function", "worker", {}, { environment: [DATABASE, "db"] }),
        ...more,
      ];
      const permission = foreignResource(
        "aws:lambda/permission:Permission",
        "worker",
        {},
        { function: ["aws:lambda/function:Function", "worker"] },
      );
      assert.deepEqual(await findingsOf(worker([]), "rds-connections"), [], "only the program itself calls it, once");
      assert.deepEqual(await findingsOf(worker([permission]), "rds-connections"), [
        "worker: reservedConcurrentExecutions is not set, so its database connections are unlimited: set it.",
      ]);
    });

    const DATABASE = "aws:rds/instance:Instance";

    it("is reported if plain instances may open more connections than its Postgres class allows", async () => {
      const program = (engine: string, instanceClass = "db.t4g.micro") => [
        foreignResource(DATABASE, "db", { engine, instanceClass }),
        ...Array.from({ length: 22 }, (_, index) =>
          foreignResource("aws:ec2/instance:Instance", `web-${index}`, {}, { userData: [DATABASE, "db"] }),
        ),
      ];
      const [message = ""] = await findingsOf(program("postgres"), "rds-connections");
      assert.match(
        message,
        /^db: 88 connections may be open at once .*, 3 more than the 85 usable connections of about 112 on db\.t4g\.micro: use a larger instanceClass, or lower one of these numbers\.$/,
      );
      assert.match(
        (await findingsOf(program("postgres", "db.x99.large"), "rds-connections"))[0] ?? "",
        /, 3 more than the 85 usable connections of about 112 on the smallest class, because db\.x99\.large is an unknown class: set max_connections in a parameter group, or lower one of these numbers\.$/,
      );
      assert.deepEqual(await findingsOf(program("mysql"), "rds-connections"), []);
    });
  });

  describe("cost of a program", () => {
    const budget = (props: Record<string, unknown>) =>
      foreignResource("aws:budgets/budget:Budget", "all", { budgetType: "COST", ...props });
    const RULE = "monthly-cost";

    it("is compared with the monthly amount of the smallest cost budget", async () => {
      const balancer = foreignResource(BALANCER, "web");
      const usage = budget({ budgetType: "USAGE", limitAmount: "1", timeUnit: "MONTHLY" });
      const larger = foreignResource("aws:budgets/budget:Budget", "larger", { limitAmount: "15", timeUnit: "MONTHLY" });
      assert.deepEqual(
        await findingsOf([balancer, usage, budget({ limitAmount: "240", timeUnit: "ANNUALLY" })], RULE),
        [],
      );
      assert.deepEqual(
        await findingsOf([balancer, usage, larger, budget({ limitAmount: "120", timeUnit: "ANNUALLY" })], RULE),
        ["all: fixed cost is about 20 US dollars per month, 10 more than the budget of 10: web 20."],
      );
    });

    it("is not compared with a budget in another currency", async () => {
      const euros = budget({ limitAmount: "10", limitUnit: "EUR", timeUnit: "MONTHLY" });
      assert.deepEqual(await findingsOf([foreignResource(BALANCER, "web"), euros], RULE), []);
    });

    it("includes the storage of every OpenSearch node", async () => {
      const domain = foreignResource("aws:opensearch/domain:Domain", "search", {
        clusterConfig: { instanceCount: 2, instanceType: "m7g.large.search" },
        ebsOptions: { ebsEnabled: true, volumeSize: 10_000 },
      });
      const [finding = ""] = await findingsOf([domain, budget({ limitAmount: "2904", timeUnit: "MONTHLY" })], RULE);
      assert.match(finding, /^all: fixed cost is about 3[0-9]{3} US dollars per month/);
    });

    it("includes interface endpoints in every subnet, and no gateway endpoints", async () => {
      const endpoint = (name: string, vpcEndpointType: string) =>
        foreignResource("aws:ec2/vpcEndpoint:VpcEndpoint", name, { vpcEndpointType, subnetIds: ["a", "b"] });
      const program = [
        endpoint("logs", "Interface"),
        endpoint("s3", "Gateway"),
        budget({ limitAmount: "10", timeUnit: "MONTHLY" }),
      ];
      assert.deepEqual(await findingsOf(program, RULE), [
        "all: fixed cost is about 18 US dollars per month, 8 more than the budget of 10: logs 18.",
      ]);
    });

    it("includes an interface endpoint whose subnets are unknown in a preview", async () => {
      const inputs = { vpcEndpointType: "Interface", subnetIds: UNKNOWN_TEXT };
      const program = [
        foreignResource("aws:ec2/vpcEndpoint:VpcEndpoint", "logs", inputs),
        budget({ limitAmount: "5", timeUnit: "MONTHLY" }),
      ];
      assert.deepEqual(await findingsOf(program, RULE), [
        "all: fixed cost is about 9 US dollars per month, 4 more than the budget of 5: logs 9.",
      ]);
    });

    it("is reported as unknown when a price is unknown", async () => {
      const program = [
        budget({ limitAmount: "100", timeUnit: "MONTHLY" }),
        foreignResource("aws:ec2/instance:Instance", "web", { instanceType: "x2.huge" }),
      ];
      assert.deepEqual(await findingsOf(program, RULE), [
        "web: the price of x2.huge is unknown and not counted: enter it in infra/limits/prices.ts, or add its cost to the total yourself.",
      ]);
    });
  });
});
