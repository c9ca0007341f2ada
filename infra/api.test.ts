import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { KEEP_ALIVE_SECONDS, SILENT_SECONDS } from "../runtime/api/timeouts.ts";
import { Api, type ApiArgs } from "./api.ts";
import { DATABASE, mocked, resolved } from "./testing/mocks.ts";

const CERTIFICATE = "arn:aws:acm:eu-central-1:111111111111:certificate/1";
const create = async (change: Partial<ApiArgs> = {}, preview = false) =>
  mocked(
    () =>
      new Api("a", {
        placement: { vpcId: "vpc-1", subnetIds: ["private-1", "private-2"] },
        publicSubnetIds: ["public-1", "public-2"],
        public: false,
        image: "repository@sha256:abc",
        repositoryArn: "arn:repository",
        arch: "arm64",
        vcpus: 0.5,
        minTasks: 2,
        maxTasks: 6,
        deploymentMaximumPercent: 200,
        environment: { RATES_SETTINGS: "{}" },
        database: DATABASE,
        statements: [{ actions: ["sqs:SendMessage"], resources: ["arn:queue"] }],
        cidr: "10.0.0.0/16",
        allowedCidrs: [],
        retentionDays: 30,
        deletionProtection: true,
        keepData: true,
        region: "eu-central-1",
        accountId: "111111111111",
        ...change,
      }),
    { preview },
  );
const loadBalancer = async (change: Partial<ApiArgs>) => {
  const { registry } = await create(change);
  const listeners = registry.ofType("aws:lb/listener:Listener").map(({ inputs }) => [inputs.port, inputs.protocol]);
  const rules = registry
    .ofType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    .filter(({ inputs }) => inputs.cidrIpv4 !== undefined)
    .map(({ inputs }) => [inputs.fromPort, inputs.cidrIpv4]);
  return { listeners, rules, balancer: registry.resource("aws:lb/loadBalancer:LoadBalancer").inputs };
};

describe("the API of a stack", () => {
  it("serves TLS when it has a certificate, and redirects plain HTTP to it", async () => {
    const { listeners, rules, balancer } = await loadBalancer({
      public: true,
      certificateArn: CERTIFICATE,
      allowedCidrs: ["0.0.0.0/0"],
    });
    assert.deepEqual(listeners.sort(), [
      [443, "HTTPS"],
      [80, "HTTP"],
    ]);
    assert.deepEqual(rules, [
      [443, "10.0.0.0/16"],
      [443, "0.0.0.0/0"],
      [80, "10.0.0.0/16"],
      [80, "0.0.0.0/0"],
    ]);
    assert.deepEqual([balancer.internal, balancer.subnets], [false, ["public-1", "public-2"]]);
    const { registry } = await create({ certificateArn: CERTIFICATE });
    const [action] = registry.resource("aws:lb/listener:Listener", "a-http").inputs.defaultActions;
    assert.equal(action.type, "redirect");
    assert.match(registry.resource("aws:lb/listener:Listener", "a-https").inputs.sslPolicy, /TLS13/);
  });

  it("logs requests to a bucket that only load balancers of its account may write to, and expires the logs", async () => {
    const { registry } = await create();
    const { inputs } = registry.resource("aws:lb/loadBalancer:LoadBalancer");
    assert.equal(inputs.accessLogs.enabled, true);
    assert.match(inputs.accessLogs.bucket, /^a-access/);
    const { Statement } = JSON.parse(registry.resource("aws:s3/bucketPolicy:BucketPolicy", "a-access").inputs.policy);
    assert.deepEqual(
      Statement.filter(({ Effect }: { Effect: string }) => Effect === "Allow").map(
        ({ Principal, Action, Resource }: Record<string, unknown>) => [
          Principal,
          Action,
          String(Resource).replace(/^.*?(?=\/AWSLogs)/, ""),
        ],
      ),
      [[{ Service: "logdelivery.elasticloadbalancing.amazonaws.com" }, "s3:PutObject", "/AWSLogs/111111111111/*"]],
    );
    const { rules } = registry.resource(
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      "a-access",
    ).inputs;
    assert.equal(rules[0].expiration.days, 30);
  });

  it("has deletion protection when the stack configures it, whether or not its logs are kept", async () => {
    for (const deletionProtection of [true, false])
      for (const keepData of [true, false]) {
        const { balancer } = await loadBalancer({ deletionProtection, keepData });
        assert.equal(balancer.enableDeletionProtection, deletionProtection, `keepData ${keepData}`);
      }
  });

  it("is reachable only from the VPC when it is internal and no other network is configured", async () => {
    const { listeners, rules, balancer } = await loadBalancer({});
    assert.deepEqual(listeners, [[80, "HTTP"]]);
    assert.deepEqual(rules, [[80, "10.0.0.0/16"]]);
    assert.deepEqual([balancer.internal, balancer.subnets], [true, ["private-1", "private-2"]]);
    assert.equal(balancer.dropInvalidHeaderFields, true);
  });

  it("is reachable from the VPC and the configured networks, with one rule for each", async () => {
    const { rules } = await loadBalancer({ allowedCidrs: ["192.168.0.0/24", "172.16.0.0/12", "10.0.0.0/16"] });
    assert.deepEqual(rules, [
      [80, "10.0.0.0/16"],
      [80, "192.168.0.0/24"],
      [80, "172.16.0.0/12"],
    ]);
  });

  it("has a DNS record when a zone and a host are configured", async () => {
    const change = { public: true, certificateArn: CERTIFICATE, domainName: "rates.example.com" };
    const { registry, result } = await create({ ...change, hostedZoneId: "Z1" });
    assert.equal(registry.resource("aws:route53/record:Record").inputs.name, "rates.example.com");
    assert.equal(await resolved(result.url), "https://rates.example.com");
    assert.equal((await create(change)).registry.ofType("aws:route53/record:Record").length, 0);
  });

  it("starts new tasks before it stops old ones, rolls back automatically, and scales between its limits", async () => {
    const { registry } = await create();
    const { inputs } = registry.resource("aws:ecs/service:Service");
    assert.deepEqual(inputs.deploymentCircuitBreaker, { enable: true, rollback: true });
    assert.deepEqual([inputs.deploymentMinimumHealthyPercent, inputs.deploymentMaximumPercent], [100, 200]);
    assert.equal(inputs.networkConfiguration.assignPublicIp, false);
    assert.deepEqual(inputs.networkConfiguration.subnets, ["private-1", "private-2"]);
    assert.equal(inputs.propagateTags, "SERVICE", "tasks have the service's tags");
    const target = registry.resource("aws:appautoscaling/target:Target").inputs;
    assert.deepEqual([target.minCapacity, target.maxCapacity], [2, 6]);
    const scalingMetrics = registry
      .ofType("aws:appautoscaling/policy:Policy")
      .map(({ inputs }) => inputs.targetTrackingScalingPolicyConfiguration.predefinedMetricSpecification);
    assert.deepEqual(scalingMetrics, [
      { predefinedMetricType: "ECSServiceAverageCPUUtilization" },
      {
        predefinedMetricType: "ALBRequestCountPerTarget",
        resourceLabel: "app/a/0123456789abcdef/targetgroup/a/0123456789abcdef",
      },
    ]);
  });

  it("checks the health of a task without the database, in the load balancer and in the container", async () => {
    const { registry } = await create();
    const { healthCheck } = registry.resource("aws:lb/targetGroup:TargetGroup").inputs;
    assert.deepEqual([healthCheck.path, healthCheck.matcher], ["/healthz", "200"]);
    const [container] = JSON.parse(
      registry.resource("aws:ecs/taskDefinition:TaskDefinition").inputs.containerDefinitions,
    );
    assert.match(container.healthCheck.command.at(-1), /:3000\/healthz$/);
    const [target] = registry.resource("aws:ecs/service:Service").inputs.loadBalancers;
    assert.deepEqual([target.containerName, target.containerPort], [container.name, 3000]);
  });

  it("has a load balancer that closes idle connections before the API does, but keeps event streams open", async () => {
    const { idleTimeout } = (await loadBalancer({})).balancer;
    assert.ok(
      idleTimeout < KEEP_ALIVE_SECONDS,
      `the API may close a connection that the balancer is about to use: ${idleTimeout} s`,
    );
    assert.ok(
      idleTimeout >= 2 * SILENT_SECONDS,
      `one late keep-alive comment would end an event stream: ${idleTimeout} s`,
    );
  });

  it("lets the load balancer stop sending requests before a task must stop", async () => {
    const { registry } = await create();
    const [container] = JSON.parse(
      registry.resource("aws:ecs/taskDefinition:TaskDefinition").inputs.containerDefinitions,
    );
    const { deregistrationDelay } = registry.resource("aws:lb/targetGroup:TargetGroup").inputs;
    assert.ok(deregistrationDelay < container.stopTimeout && container.stopTimeout <= 120);
  });

  it("mounts volumes only where the image declares them, so that the task's user may write to them", async () => {
    const { inputs } = (await create()).registry.resource("aws:ecs/taskDefinition:TaskDefinition");
    const [container] = JSON.parse(inputs.containerDefinitions);
    const dockerfile = readFileSync(new URL("../runtime/Dockerfile", import.meta.url), "utf8");
    const [, stage = ""] = /^FROM \S+ AS image\n([\s\S]*?)^FROM /m.exec(dockerfile) ?? [];
    const [, declared = "[]"] = /^VOLUME (.*)$/m.exec(stage) ?? [];
    assert.deepEqual(
      container.mountPoints.map(({ containerPath }: { containerPath: string }) => containerPath),
      JSON.parse(declared),
    );
  });

  it("does not run as root, and has a read-only file system and only the given environment and permissions", async () => {
    const { registry } = await create();
    const { inputs } = registry.resource("aws:ecs/taskDefinition:TaskDefinition");
    const [container] = JSON.parse(inputs.containerDefinitions);
    assert.deepEqual([container.readonlyRootFilesystem, container.user], [true, "1000:1000"]);
    assert.deepEqual([inputs.cpu, inputs.memory, inputs.runtimePlatform.cpuArchitecture], ["512", "1024", "ARM64"]);
    assert.deepEqual(
      container.environment.map(({ name }: { name: string }) => name),
      ["HOST", "PORT", "RATES_SETTINGS"],
    );
    assert.deepEqual(registry.statements("a"), [
      { Effect: "Allow", Action: ["sqs:SendMessage"], Resource: ["arn:queue"] },
    ]);
  });

  it("can be previewed before any resource exists", async () => {
    await create({}, true);
  });
});
