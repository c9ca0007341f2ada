import { getRoleOutput } from "@pulumi/aws/iam/getRole.js";
import { getUserOutput } from "@pulumi/aws/iam/getUser.js";
import type { Provider } from "@pulumi/aws/provider.js";
import { getParameterOutput } from "@pulumi/aws/ssm/getParameter.js";
import * as pulumi from "@pulumi/pulumi";
import { Access } from "../infra/access.ts";
import { Api } from "../infra/api.ts";
import { Buckets } from "../infra/buckets.ts";
import { Database, databaseEnvironment } from "../infra/database.ts";
import { DISPATCHER, Dispatcher } from "../infra/dispatcher.ts";
import { Ec2Runner } from "../infra/ec2Runner.ts";
import { GlueRunner } from "../infra/glueRunner.ts";
import { Images } from "../infra/images.ts";
import { DEPLOYMENT_TASK_FACTOR } from "../infra/limits/capacity.ts";
import { Migrations } from "../infra/migrations.ts";
import { Monitoring } from "../infra/monitoring/monitoring.ts";
import { Network } from "../infra/network.ts";
import { Queues } from "../infra/queues.ts";
import { withBoundary } from "../infra/shared/iam.ts";
import { Smoke } from "../infra/smoke.ts";
import { Tracking } from "../infra/tracking.ts";
import { readerSlots } from "../runtime/platform/postgres.ts";
import { glueCatalog } from "../runtime/runner/glue/catalog.ts";
import { callerRules, ownPrincipal, smokeRule } from "./config/callers.ts";
import { resourceNames } from "./config/checks.ts";
import { stackSettings } from "./config/settings.ts";
import { permissions } from "./permissions.ts";
import { memoryOf } from "./planning/plan.ts";
import type { ValidatedStack } from "./program.ts";

/**
 * Outputs of a stack for the `rates` command and for services. A value that is also in .local/platform.json has the same
 * key there.
 */
export type Outputs = Record<string, pulumi.Input<unknown>>;

/** File in the image with RDS's certificate authorities (runtime/Dockerfile). */
const IMAGE_CA = "/app/rds-ca.pem";
/** Retention of responses in days: SQS's maximum, for long outages of a consumer. */
export const RESPONSE_DAYS = 14;

/** Creates the components of infra/ and connects them. */
export async function platform({ name: stack, config, plan }: ValidatedStack, provider: Provider): Promise<Outputs> {
  const { account, api: apiConfig, data, runners, tracking: trackingConfig, arch, callers, tenants } = config;
  const { region, id: accountId } = account;
  const location = { region, accountId };
  const { retentionDays, keep: keepData } = data;
  const retention = { retentionDays, keepData };
  const options: pulumi.ComponentResourceOptions = {
    providers: { aws: provider },
    transformations: [withBoundary(accountId)],
  };
  const nameOf = (component: string) => `rates-${stack}-${component}`;

  const network = new Network(nameOf("network"), { ...config.network, region, retentionDays }, options);
  const { placement } = network;
  const queues = new Queues(
    nameOf("queues"),
    { consumer: DISPATCHER, tenants, callers, responseDays: RESPONSE_DAYS },
    options,
  );
  const buckets = new Buckets(nameOf("buckets"), { ...retention, callers }, options);
  const images = new Images(nameOf("images"), { arch, keepData }, options);
  const { maxConnections } = plan.database;
  const database = new Database(
    nameOf("database"),
    { ...config.database, ...retention, placement, maxConnections },
    options,
  );
  const slots = readerSlots(config.jobs.rawSql, { glue: plan.glue.maxConcurrentRuns, ec2: plan.ec2.maxInstances });
  const migrations = new Migrations(
    nameOf("migrations"),
    { ...location, outbound: network.outbound, placement, database, arch, retentionDays, slots },
    options,
  );
  const tracking =
    trackingConfig.store === "opensearch"
      ? new Tracking(resourceNames(stack).domain, { ...trackingConfig, ...retention, placement }, options)
      : undefined;

  const configured = stackSettings(config, plan);
  const settings = {
    ...configured,
    api: { ...configured.api, signIn: { ...configured.api.signIn, platform: `${config.account.id}-${stack}` } },
    ...(configured.traces === undefined ? {} : { traces: { ...configured.traces, environment: stack } }),
    version: images.version,
    queues: queues.settings,
    buckets: buckets.settings,
    ...(tracking ? { tracking: { endpoint: tracking.endpoint, region } } : {}),
  };
  const settingsJson = (additional: object = {}) => pulumi.jsonStringify({ ...settings, ...additional });
  const environment: Record<string, pulumi.Input<string>> = {
    ...databaseEnvironment(database.endpoint, IMAGE_CA),
    AWS_REGION: region,
    RATES_SETTINGS: settingsJson(),
  };
  const statements = permissions({
    ...location,
    rawSql: config.jobs.rawSql,
    headersSecret: config.traces?.headersSecret,
    queues,
    buckets,
    database,
    tracking,
  });
  const image = { image: images.image, repositoryArn: images.repository.arn };
  /** Options of components that connect to the database, so that they are created after its roles and tables. */
  const afterMigrations: pulumi.ComponentResourceOptions = { ...options, dependsOn: migrations };

  const glue = new GlueRunner(
    nameOf("glue"),
    {
      ...location,
      ...plan.glue,
      placement,
      keepData,
      zones: network.zones,
      database: database.endpoint,
      settings: settingsJson(),
      catalog: glueCatalog(),
      timeoutMinutes: runners.glue.timeoutMinutes,
      statements: statements.glue,
    },
    afterMigrations,
  );
  const ec2 = new Ec2Runner(
    nameOf("ec2"),
    {
      ...location,
      ...image,
      placement,
      retentionDays,
      database: database.endpoint,
      amiId: machineImage(arch, runners.ec2.machineImage, provider),
      instanceType: runners.ec2.instanceType,
      spot: runners.ec2.spot,
      onDemandFallback: runners.ec2.onDemandFallback,
      maxInstances: plan.ec2.maxInstances,
      lifetimeSeconds: runners.ec2.lifetimeSeconds,
      maxTimeoutSeconds: config.jobs.maxTimeoutSeconds,
      environment,
      statements: statements.ec2,
      tags: { ...config.tags, stack },
    },
    afterMigrations,
  );
  const api = new Api(
    resourceNames(stack).loadBalancer,
    {
      ...apiConfig,
      ...image,
      ...retention,
      ...location,
      placement,
      arch,
      publicSubnetIds: network.publicSubnetIds,
      deletionProtection: config.database.deletionProtection,
      vcpus: apiConfig.taskVcpus,
      deploymentMaximumPercent: 100 * DEPLOYMENT_TASK_FACTOR,
      environment,
      database: database.endpoint,
      statements: statements.api,
      cidr: network.cidr,
    },
    afterMigrations,
  );
  const smoke = new Smoke(
    nameOf("smoke"),
    {
      image: images.smokeImage,
      repositoryArn: images.repository.arn,
      placement,
      arch,
      retentionDays,
      region,
      loadBalancer: api.loadBalancerEndpoint,
      outputs: {
        stack,
        region,
        api: api.url,
        requestQueueUrl: queues.requests.url,
        responseQueueUrl: queues.responses.url,
        deadLetterQueueUrl: queues.deadLetters.url,
        resultsBucket: buckets.results.bucket,
        glueJob: glue.job.name,
        launchTemplate: ec2.launchTemplate.id,
        maxConnections,
      },
      statements: [...statements.smoke, ...glue.checkStatements, ...ec2.checkStatements],
      migrationsFunction: migrations.functionName,
    },
    options,
  );
  const dispatcher = new Dispatcher(
    nameOf("dispatcher"),
    {
      ...plan.dispatcher,
      placement,
      outbound: network.outbound,
      queues,
      arch,
      retentionDays,
      database: database.endpoint,
      settings: settingsJson({
        glue: glue.settings,
        ec2: ec2.settings,
        callers: [
          ...callerRules(callers, ({ principal }) => senderIds(principal, account.id, provider)),
          ...smokeRule(callers, smoke.senderId),
        ],
        platformSenders: [api.senderId],
      }),
      statements: [...statements.dispatcher, ...glue.launchStatements, ...ec2.launchStatements],
      glueJobName: glue.job.name,
    },
    afterMigrations,
  );
  const access = new Access(
    nameOf("access"),
    {
      ...image,
      placement,
      arch,
      loadBalancer: { ...api.loadBalancerEndpoint, host: api.loadBalancer.dnsName },
    },
    options,
  );
  tracking?.allowFrom(nameOf("search-api"), api.group);
  tracking?.allowFrom(nameOf("search-dispatcher"), dispatcher.group);

  const monitoring = new Monitoring(
    nameOf("monitoring"),
    {
      ...location,
      ...config.budget,
      plan,
      queues: {
        requests: queues.requests.name,
        wakeups: queues.wakeups.name,
        deadLetters: queues.deadLetters.name,
        responses: queues.responses.name,
        tenants: Object.fromEntries(Object.entries(queues.tenants).map(([tenant, { name }]) => [tenant, name])),
      },
      responseDays: RESPONSE_DAYS,
      dispatcher: { functionName: dispatcher.function.name, timeoutSeconds: DISPATCHER.timeoutSeconds },
      database: { identifier: database.instance.identifier, storageGb: config.database.storageGb },
      api: {
        loadBalancer: api.loadBalancer.arnSuffix,
        targetGroup: api.targetGroup.arnSuffix,
        cluster: api.cluster.name,
        service: api.service.name,
      },
      ...(tracking && trackingConfig.store === "opensearch"
        ? {
            tracking: {
              domainName: tracking.domain.domainName,
              nodes: tracking.nodes,
              storageGb: trackingConfig.storageGb,
            },
          }
        : {}),
      jobSeconds: config.jobs.timeoutSeconds,
      runMemory: memoryOf(config),
    },
    options,
  );

  return {
    stack,
    account: accountId,
    region,
    api: api.url,
    loadBalancer: api.loadBalancer.dnsName,
    access: access.settings,
    smoke: smoke.settings,
    requestQueueUrl: queues.requests.url,
    responseQueueUrl: queues.responses.url,
    responseQueueUrls: queues.settings.tenants,
    deadLetterQueueUrl: queues.deadLetters.url,
    resultsBucket: buckets.results.bucket,
    uploadsBucket: buckets.uploads.bucket,
    dashboard: monitoring.url,
    databaseHost: database.endpoint.host,
    maxConnections,
    dispatcherFunction: dispatcher.function.name,
    migrationsFunction: migrations.functionName,
    glueJob: glue.job.name,
    launchTemplate: ec2.launchTemplate.id,
    version: images.version,
  };
}

/** Looks up the unique id of a role or user of the stack's account. Ids from other accounts must be configured. */
function senderIds(principal: string, account: string, provider: Provider): pulumi.Output<string>[] {
  const own = ownPrincipal(principal, account);
  if (own === undefined) return [];
  return [
    own.kind === "role"
      ? getRoleOutput({ name: own.name }, { provider }).uniqueId
      : getUserOutput({ userName: own.name }, { provider }).userId,
  ];
}

/**
 * Looks up the id of AWS's ECS-optimized Amazon Linux 2023 image, which has Docker (Amazon ECS Developer Guide,
 * retrieving AMI metadata).
 */
const machineImage = (arch: "x86_64" | "arm64", version: string, provider: Provider): pulumi.Output<string> =>
  getParameterOutput(
    {
      name: `/aws/service/ecs/optimized-ami/amazon-linux-2023/${arch === "arm64" ? "arm64/" : ""}${version}/image_id`,
    },
    { provider },
  ).value;
