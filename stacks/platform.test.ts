import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { accountProvider } from "../infra/account.ts";
import { ENDPOINTS } from "../infra/network.ts";
import { type MockOptions, mocked, type Registered, type Registry } from "../infra/testing/mocks.ts";
import { planStack } from "./config/parse.ts";
import { shippedStacks } from "./planning/shipped.ts";
import { platform } from "./platform.ts";
import type { ValidatedStack } from "./program.ts";
import { rawConfig } from "./testing/config.ts";

const buildRegistry = async (
  { name, config, plan }: ValidatedStack,
  calls: MockOptions["calls"] = {},
): Promise<Registry> => {
  const provider = () => accountProvider("account", { ...config.account, tags: {} });
  return (await mocked(() => platform({ name, config, plan }, provider()), { stack: name, calls })).registry;
};
const stackWith = (change: Parameters<typeof rawConfig>[0] & object): ValidatedStack => {
  const { config, plan, problems } = planStack(rawConfig(change), "dev");
  assert(config && plan, JSON.stringify(problems));
  return { name: "dev", config, plan };
};
const validatedStacks: ValidatedStack[] = shippedStacks().map(({ stack, ...validated }) => ({
  name: stack,
  ...validated,
}));

/** Returns the expected number of resources of each listed type, from a stack's configuration. */
const expectedCountsOf = ({ config }: ValidatedStack): Record<string, number> => {
  const { zones, nat } = config.network;
  const queues = 4 + config.tenants.length;
  const search = config.tracking.store === "opensearch" ? 1 : 0;
  return {
    "awsx:ec2:Vpc": 1,
    "aws:ec2/vpcEndpoint:VpcEndpoint": 1 + (nat === "none" ? ENDPOINTS.length : 0),
    "aws:sqs/queue:Queue": queues,
    "aws:sqs/queuePolicy:QueuePolicy": queues,
    // Results, uploads, scripts of Glue, the load balancer's log.
    "aws:s3/bucket:Bucket": 4,
    "aws:s3/bucketPolicy:BucketPolicy": 4,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": 4,
    "aws:rds/instance:Instance": 1,
    "aws:opensearch/domain:Domain": search,
    "aws:ecr/repository:Repository": 1,
    "docker:index/image:Image": 2,
    "aws:lambda/function:Function": 2,
    "aws:lambda/eventSourceMapping:EventSourceMapping": 2,
    // Roles, migrations, and the drain.
    "aws:lambda/invocation:Invocation": 3,
    "aws:cloudwatch/eventRule:EventRule": 3,
    "aws:glue/job:Job": 1,
    "aws:glue/connection:Connection": zones.length,
    "aws:ec2/launchTemplate:LaunchTemplate": 1,
    "aws:ecs/service:Service": 1,
    "aws:lb/loadBalancer:LoadBalancer": 1,
    "aws:lb/listener:Listener": config.api.certificateArn === undefined ? 1 : 2,
    "aws:route53/record:Record": config.api.hostedZoneId === undefined ? 0 : 1,
    // One per component, the execution roles of API, access and smoke tasks, RDS's enhanced monitoring, and flow logs.
    "aws:iam/role:Role": 12,
    "aws:cloudwatch/dashboard:Dashboard": 1,
    "aws:budgets/budget:Budget": 1,
  };
};

/** Resources that exist once per account, created by the account program (stacks/account/), not by stacks. */
const SINGLETON_TYPES =
  /serviceLinkedRole|openIdConnectProvider|serviceQuota|logResourcePolicy|accountPublicAccessBlock/i;

/** Interface endpoints of each service that roles may call; S3 has a gateway endpoint. */
const SERVICE_ENDPOINTS: Record<string, readonly string[]> = {
  ec2: ["ec2"],
  ecr: ["ecr.api", "ecr.dkr"],
  glue: ["glue"],
  logs: ["logs"],
  secretsmanager: ["secretsmanager"],
  sqs: ["sqs"],
  ssmmessages: ["ssmmessages"],
  s3: [],
  // Inside the network, or not called at all.
  "rds-db": [],
  es: [],
  iam: [],
};
/** Endpoints that are required in addition to those of the roles' actions. */
const REQUIRED_ENDPOINTS = ["ec2", "ecr.api", "ecr.dkr", "kms", "sts", "monitoring", "lambda", "ssm", "logs"];

/** Types of resources that the drain needs. */
const NEEDED_BY_DRAIN =
  /^awsx:ec2:Vpc$|^aws:(ec2\/(vpcEndpoint|launchTemplate)|rds\/(instance|parameterGroup|subnetGroup)|glue\/job):/;
const isNeededByDrain = ({ type, name }: Registered, prefix: string): boolean =>
  NEEDED_BY_DRAIN.test(type) ||
  name === `${prefix}-network-endpoints` ||
  (name === `${prefix}-dispatcher` &&
    /^aws:(iam\/role|ec2\/securityGroup|cloudwatch\/logGroup|lambda\/alias)/.test(type)) ||
  [`${prefix}-dispatcher-database`, `${prefix}-dispatcher-https`].includes(name);

describe("the whole platform", function () {
  this.timeout(60_000);
  const registries = new Map<string, Registry>();
  const registryOf = (stack: ValidatedStack): Registry => {
    const registry = registries.get(stack.name);
    assert.ok(registry);
    return registry;
  };
  before(async () => {
    for (const stack of validatedStacks) registries.set(stack.name, await buildRegistry(stack));
  });

  for (const stack of validatedStacks) {
    it(`has the expected number of resources of each main type in ${stack.name}, and none that exist once per account`, () => {
      const { all } = registryOf(stack);
      const expectedCounts = expectedCountsOf(stack);
      const actualCounts = Object.fromEntries(
        Object.keys(expectedCounts).map((key) => [key, all.filter(({ type }) => type === key).length]),
      );
      assert.deepEqual(actualCounts, expectedCounts);
      assert.deepEqual(
        all.filter(({ type }) => SINGLETON_TYPES.test(type)),
        [],
      );
    });

    it(`has the planned sizes in ${stack.name}`, () => {
      const registry = registryOf(stack);
      const { plan, config } = stack;
      const fullName = (name: string) => `rates-${stack.name}-${name}`;
      const input = (type: string, name?: string): Registered["inputs"] => registry.resource(type, name).inputs;
      assert.equal(
        input("aws:lambda/function:Function", fullName("dispatcher")).reservedConcurrentExecutions,
        plan.dispatcher.reservedConcurrency,
      );
      const maxConcurrency = (name: string) =>
        input("aws:lambda/eventSourceMapping:EventSourceMapping", fullName(name)).scalingConfig.maximumConcurrency;
      assert.equal(maxConcurrency("dispatcher-requests"), plan.dispatcher.eventSourceConcurrency);
      assert.equal(maxConcurrency("dispatcher-wakeups"), plan.dispatcher.wakeupConcurrency);
      const job = input("aws:glue/job:Job");
      assert.deepEqual(
        [job.executionProperty.maxConcurrentRuns, job.maxCapacity],
        [plan.glue.maxConcurrentRuns, plan.glue.dpuPerRun],
      );
      const template = input("aws:ec2/launchTemplate:LaunchTemplate");
      assert.equal(template.tags["rates:max-instances"], String(plan.ec2.maxInstances));
      assert.equal(template.instanceType, config.runners.ec2.instanceType);
      const { minCapacity, maxCapacity } = input("aws:appautoscaling/target:Target");
      assert.deepEqual([minCapacity, maxCapacity], [plan.api.minTasks, plan.api.maxTasks]);
      const { parameters } = input("aws:rds/parameterGroup:ParameterGroup");
      assert.equal(
        parameters.find(({ name }: { name: string }) => name === "max_connections").value,
        String(plan.database.maxConnections),
      );
      const [container] = JSON.parse(
        input("aws:ecs/taskDefinition:TaskDefinition", fullName("api")).containerDefinitions,
      );
      const settings = JSON.parse(
        container.environment.find(({ name }: { name: string }) => name === "RATES_SETTINGS").value,
      );
      assert.deepEqual(
        [settings.api.poolMax, settings.runners.glue.slots, settings.runners.ec2.slots],
        [plan.api.poolMax, plan.glue.maxConcurrentRuns, plan.ec2.maxInstances],
      );
    });

    it(`gives each resource of ${stack.name} a component as parent, and AWS resources the account's provider`, () => {
      const { all } = registryOf(stack);
      const components = new Set(all.filter(({ type }) => type.startsWith("rates:infra:")).map(({ urn }) => urn));
      const created = all.filter(({ type, urn }) => !type.startsWith("pulumi:providers:aws") && !components.has(urn));
      for (const { type, name, parent, provider } of created) {
        assert.ok(parent !== undefined && components.has(parent), `${type} ${name} has the parent ${parent}`);
        if (type.startsWith("aws:")) assert.match(provider, /pulumi:providers:aws::account::/, `${type} ${name}`);
        assert.ok(name.startsWith(`rates-${stack.name}`), `${type} is called ${name}`);
      }
      assert.ok(created.length > 150);
    });
  }

  it("gives the dispatcher the unique ids of the callers, the smoke task and the API, which redrives dead letters", async () => {
    const principal = "arn:aws:iam::111111111111:role/team/orders";
    const { inputs } = (
      await buildRegistry(
        stackWith((base) => ({
          ...base,
          account: { ...base.account, id: "111111111111" },
          callers: [{ principal, tenants: ["acme"] }],
        })),
        { "aws:iam/getRole:getRole": ({ name }) => ({ name, uniqueId: `AROA-of-${name}` }) },
      )
    ).resource("aws:lambda/function:Function", "rates-dev-dispatcher");
    const { path } = inputs.code.assets["settings.json"];
    const { callers, platformSenders } = JSON.parse(readFileSync(await path, "utf8"));
    const [smoke, ...others] = callers.toReversed();
    assert.deepEqual(others, [{ senderId: "AROA-of-orders", tenants: ["acme"], scopes: ["read"] }]);
    assert.deepEqual(smoke, { senderId: "AROA-rates-dev-smoke", tenants: ["default"], scopes: ["read", "update"] });
    assert.equal(platformSenders.length, 1);
    assert.match(platformSenders[0], /^AROA-.*api/);
  });

  it("migrates its database before creating anything that logs in to it", () => {
    for (const stack of validatedStacks) {
      const registry = registryOf(stack);
      const { urn } = registry.resource("aws:lambda/invocation:Invocation", `rates-${stack.name}-migrations`);
      const { dependencies } = registry.resource(
        "aws:lambda/invocation:Invocation",
        `rates-${stack.name}-migrations-roles`,
      );
      assert.ok(
        dependencies.includes(registry.resource("aws:rds/instance:Instance").urn),
        "the roles depend on the instance",
      );
      for (const component of ["Api", "Dispatcher", "GlueRunner", "Ec2Runner"])
        assert.ok(
          registry.resource(`rates:infra:${component}`).dependencies.includes(urn),
          `${component} of ${stack.name}`,
        );
    }
  });

  it("makes the drain depend on all resources that it needs, so that they outlive it", async () => {
    const withoutNat = await buildRegistry(
      stackWith((base) => ({ ...base, network: { ...base.network, nat: "none" } })),
    );
    for (const [registry, stack] of [
      ...validatedStacks.map((shipped) => [registryOf(shipped), shipped.name] as const),
      [withoutNat, "dev"] as const,
    ]) {
      const byUrn = new Map(registry.all.map((resource) => [resource.urn, resource]));
      const dependencies = new Set<string>();
      const addWithDependencies = (urn: string) => {
        if (dependencies.has(urn)) return;
        dependencies.add(urn);
        const resource = byUrn.get(urn);
        for (const dependency of resource?.dependencies ?? []) addWithDependencies(dependency);
        if (resource?.parent) addWithDependencies(resource.parent);
      };
      const drain = registry.resource("aws:lambda/invocation:Invocation", `rates-${stack}-dispatcher-drain`);
      addWithDependencies(drain.urn);
      const missing = registry.all.filter(
        (resource) => !dependencies.has(resource.urn) && isNeededByDrain(resource, `rates-${stack}`),
      );
      assert.deepEqual(
        missing.map(({ type, name }) => `${type} ${name}`),
        [],
        stack,
      );
    }
  });

  it("waits long enough during deletion for the remaining network interfaces of all security groups", () => {
    for (const stack of validatedStacks)
      for (const { name, deleteTimeout } of registryOf(stack).ofType("aws:ec2/securityGroup:SecurityGroup"))
        assert.ok(Number.parseInt(deleteTimeout, 10) >= 45, `${name}: ${deleteTimeout || "the provider's default"}`);
  });

  it("describes security groups and rules in characters that EC2 accepts, also without NAT", async () => {
    const registries = [
      ...validatedStacks.map(registryOf),
      await buildRegistry(stackWith((base) => ({ ...base, network: { ...base.network, nat: "none" } }))),
    ];
    for (const { all } of registries) {
      const groups = all.filter(({ type }) => /securityGroup(Ingress|Egress)?(Rule)?:/i.test(type));
      assert.ok(groups.length > 20, `${groups.length} groups and rules`);
      for (const { name, type, inputs } of groups)
        if (!type.includes("efaultSecurityGroup"))
          assert.match(inputs.description, /^[a-zA-Z0-9 ._\-:/()#,@[\]+=&;{}!$*]{1,255}$/, `${type} ${name}`);
    }
  });

  it("creates every role with the account's permissions boundary", () => {
    for (const stack of validatedStacks)
      for (const { name, inputs } of registryOf(stack).ofType("aws:iam/role:Role"))
        assert.equal(inputs.permissionsBoundary, `arn:aws:iam::${stack.config.account.id}:policy/rates-boundary`, name);
  });

  it("sends all alarms to one topic", () => {
    for (const stack of validatedStacks) {
      const registry = registryOf(stack);
      const alarms = registry.ofType("aws:cloudwatch/metricAlarm:MetricAlarm");
      const topic = `arn:aws:sns:eu-central-1:111111111111:rates-${stack.name}-monitoring`;
      assert.ok(alarms.length > 25, `${alarms.length} alarms`);
      for (const { name, inputs } of alarms)
        assert.deepEqual([inputs.alarmActions, inputs.okActions], [[topic], [topic]], name);
    }
  });

  it("has an endpoint for every service that its roles may call, without NAT", async () => {
    const registry = await buildRegistry(stackWith((base) => ({ ...base, network: { ...base.network, nat: "none" } })));
    const existing = registry
      .ofType("aws:ec2/vpcEndpoint:VpcEndpoint")
      .map(({ inputs }) => String(inputs.serviceName).replace("com.amazonaws.eu-central-1.", ""));
    const services = registry
      .ofType("aws:iam/role:Role")
      .flatMap(({ name }) => registry.statements(name))
      .flatMap(({ Action }) => Action.map((action) => action.replace(/:.*/, "")));
    assert.ok(services.includes("glue") && services.includes("sqs"), "the roles of all components exist");
    const required = new Set([...REQUIRED_ENDPOINTS, "s3"]);
    for (const service of new Set(services)) {
      const endpoints = SERVICE_ENDPOINTS[service];
      assert.ok(endpoints, `SERVICE_ENDPOINTS has no entry for ${service}`);
      for (const endpoint of endpoints) required.add(endpoint);
    }
    assert.deepEqual(
      [...required].filter((endpoint) => !existing.includes(endpoint)),
      [],
    );
  });

  const AMI_PARAMETERS = "/aws/service/ecs/optimized-ami/amazon-linux-2023/";
  for (const [arch, dockerPlatform, fargateArchitecture, instanceType, amiParameter] of [
    ["arm64", "linux/arm64", "ARM64", "t4g.small", `${AMI_PARAMETERS}arm64/recommended/image_id`],
    ["x86_64", "linux/amd64", "X86_64", "t3.small", `${AMI_PARAMETERS}recommended/image_id`],
  ] as const)
    it(`uses one architecture everywhere: ${arch}`, async () => {
      const requestedParameters: unknown[] = [];
      const stack = stackWith((base) => ({ ...base, arch, runners: { ec2: { instanceType } } }));
      const provider = () => accountProvider("account", { ...stack.config.account, tags: {} });
      const calls = {
        "aws:ssm/getParameter:getParameter": ({ name }: Record<string, unknown>) => {
          requestedParameters.push(name);
          return { value: "ami-1" };
        },
      };
      const { registry } = await mocked(() => platform(stack, provider()), { calls });
      for (const { inputs } of registry.ofType("docker:index/image:Image"))
        assert.equal(inputs.build.platform, dockerPlatform);
      for (const { inputs } of registry.ofType("aws:ecs/taskDefinition:TaskDefinition"))
        assert.equal(inputs.runtimePlatform.cpuArchitecture, fargateArchitecture);
      for (const { inputs } of registry.ofType("aws:lambda/function:Function"))
        assert.deepEqual(inputs.architectures, [arch]);
      const template = registry.resource("aws:ec2/launchTemplate:LaunchTemplate").inputs;
      assert.deepEqual(
        [requestedParameters, template.imageId, template.instanceType],
        [[amiParameter], "ami-1", instanceType],
      );
    });

  it("ships RDS's certificate authorities with each function, and for Glue", () => {
    for (const stack of validatedStacks) {
      const registry = registryOf(stack);
      for (const { inputs } of registry.ofType("aws:lambda/function:Function")) {
        assert.ok("rds-ca.pem" in inputs.code.assets);
        assert.equal(inputs.environment.variables.DATABASE_CA, "/var/task/rds-ca.pem");
      }
      assert.match(registry.resource("aws:glue/job:Job").inputs.defaultArguments["--database-ca"], /^s3:.*\/rds-ca-/);
    }
  });
});
