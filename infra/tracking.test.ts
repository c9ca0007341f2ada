import assert from "node:assert/strict";
import { Provider } from "@pulumi/aws/provider.js";
import * as pulumi from "@pulumi/pulumi";
import Value from "typebox/value";
import { Settings } from "../runtime/platform/settings.ts";
import { requireEngine } from "../stacks/testing/command.ts";
import { type Engine, engine } from "../stacks/testing/engine.ts";
import { mocked, REGION, resolved, UNKNOWN } from "./testing/mocks.ts";
import { Tracking, type TrackingArgs } from "./tracking.ts";

const args = (change: Partial<TrackingArgs> = {}): TrackingArgs => ({
  placement: { vpcId: "vpc-1", subnetIds: ["subnet-a", "subnet-b", "subnet-c"] },
  instanceType: "m7g.medium.search",
  instanceCount: 3,
  zoneCount: 3,
  storageGb: 20,
  retentionDays: 14,
  keepData: true,
  ...change,
});
const domainOf = async (change: Partial<TrackingArgs> = {}) => {
  const { registry } = await mocked(() => new Tracking("rates-dev", args(change)));
  return registry.resource("aws:opensearch/domain:Domain").inputs;
};

describe("the OpenSearch domain of a stack", () => {
  it("is encrypted at rest and between nodes, and accepts TLS 1.2 or newer only", async () => {
    const domain = await domainOf();
    assert.deepEqual(domain.encryptAtRest, { enabled: true });
    assert.deepEqual(domain.nodeToNodeEncryption, { enabled: true });
    assert.deepEqual(domain.domainEndpointOptions, {
      enforceHttps: true,
      tlsSecurityPolicy: "Policy-Min-TLS-1-2-PFS-2023-10",
    });
    assert.equal(domain.ebsOptions.volumeType, "gp3");
    assert.equal(domain.ebsOptions.volumeSize, 20);
    assert.equal(domain.accessPolicies, undefined);
  });

  it("has a subnet per zone, with zone awareness for several zones", async () => {
    const multiZone = await domainOf();
    assert.deepEqual(multiZone.vpcOptions.subnetIds, ["subnet-a", "subnet-b", "subnet-c"]);
    assert.deepEqual(multiZone.clusterConfig.zoneAwarenessConfig, { availabilityZoneCount: 3 });
    const singleZone = await domainOf({ zoneCount: 1, instanceCount: 1 });
    assert.deepEqual(singleZone.vpcOptions.subnetIds, ["subnet-a"]);
    assert.equal(singleZone.clusterConfig.zoneAwarenessEnabled, false);
    assert.equal(singleZone.clusterConfig.zoneAwarenessConfig, undefined);
  });

  it("has dedicated master nodes if it has at least ten data nodes", async () => {
    assert.equal((await domainOf({ instanceCount: 9 })).clusterConfig.dedicatedMasterEnabled, false);
    assert.equal((await domainOf({ instanceCount: 10 })).clusterConfig.dedicatedMasterCount, 3);
  });

  it("writes logs to a group that the account's log resource policy covers, with the stack's retention", async () => {
    const { registry } = await mocked(() => new Tracking("rates-dev", args({ keepData: false })));
    const group = registry.resource("aws:cloudwatch/logGroup:LogGroup");
    assert.equal(group.inputs.namePrefix, "/aws/OpenSearchService/rates/rates-dev-");
    assert.equal(group.inputs.retentionInDays, 14);
    assert.equal(group.inputs.skipDestroy, false);
    const [log] = registry.resource("aws:opensearch/domain:Domain").inputs.logPublishingOptions;
    assert.match(log.cloudwatchLogGroupArn, /rates-dev-log$/);
    const component = registry.resource("rates:infra:Tracking").urn;
    assert.ok(registry.all.filter(({ type }) => type.startsWith("aws:")).every(({ parent }) => parent === component));
  });

  it("allows writers exactly the store's calls, and readers only to search the indices with the runtime's prefix", async () => {
    const { result } = await mocked(() => new Tracking("rates-dev", args()));
    const actionsOf = (statements: Tracking["statements"]) =>
      Promise.all(
        statements.flatMap(({ actions, resources }) =>
          resources.map(async (resource) => {
            const arn = await resolved(pulumi.output(resource));
            return `${actions.join()} ${arn.replace(/^.*?\//, "")}`;
          }),
        ),
      );
    assert.deepEqual(await actionsOf(result.readStatements), ["es:ESHttpPost rates-jobs-*/_search"]);
    assert.deepEqual(await actionsOf(result.statements), [
      "es:ESHttpPost _bulk",
      "es:ESHttpPost rates-jobs-*/_delete_by_query",
      "es:ESHttpHead,es:ESHttpPut _index_template/rates-jobs",
      "es:ESHttpGet _cat/indices/rates-jobs-*",
      "es:ESHttpDelete rates-jobs-*",
    ]);
    const settings = Value.Default(Settings, { tracking: { endpoint: "https://x" } }) as Settings;
    assert.equal(settings.tracking?.indexPrefix, "rates-jobs");
  });

  it("allows connections from security groups over TLS", async () => {
    const { registry } = await mocked(() => {
      const tracking = new Tracking("rates-dev", args());
      tracking.allowFrom("rates-dev-api-in", { id: tracking.securityGroupId });
    });
    const rule = registry.resource(
      "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
      "rates-dev-api-in",
    ).inputs;
    assert.deepEqual([rule.fromPort, rule.toPort, rule.ipProtocol], [443, 443, "tcp"]);
    assert.equal(rule.cidrIpv4, undefined);
  });

  it("can be previewed with unknown values", async () => {
    const { registry } = await mocked(() => new Tracking("rates-dev", args()), { preview: true });
    assert.deepEqual(registry.resource("aws:opensearch/domain:Domain").inputs.vpcOptions.securityGroupIds, [UNKNOWN]);
  });
});

describe("the OpenSearch domain in the real engine", function () {
  this.timeout(120_000);
  let dev: Engine | undefined;
  before(function () {
    requireEngine(this);
  });
  afterEach(() => dev?.close());

  it("has a valid domain name, no changes when nothing changed, and is updated in place when its size changes", async () => {
    const program = (change: Partial<TrackingArgs>) => async () => {
      const provider = new Provider("aws", { region: REGION });
      const tracking = new Tracking("rates-dev-anna-bobby", args(change), { providers: { aws: provider } });
      return { endpoint: tracking.endpoint };
    };
    dev = await engine({ program: program({}) });
    await dev.preview();
    await dev.up();
    assert.match(
      String((await dev.outputs()).endpoint),
      /^https:\/\/vpc-rates-dev-anna-bobby[^.]*\.eu-central-1\.es\.amazonaws\.com$/,
    );
    assert.deepEqual(Object.keys((await dev.preview()).changes), ["same"]);
    dev.use(program({ storageGb: 40, instanceCount: 6 }));
    const changed = (await dev.up()).steps.filter(({ op }) => op !== "same");
    assert.deepEqual(
      changed.map(({ op, type }) => [op, type]),
      [["update", "aws:opensearch/domain:Domain"]],
    );
  });
});
