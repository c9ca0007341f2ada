import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as pulumi from "@pulumi/pulumi";
import { Ec2Runner, type Ec2RunnerArgs } from "./ec2Runner.ts";
import { DATABASE, mocked, resolved } from "./testing/mocks.ts";

const create = async (change: Partial<Ec2RunnerArgs> = {}, preview = false) =>
  mocked(
    () =>
      new Ec2Runner("r", {
        placement: { vpcId: "vpc-1", subnetIds: ["subnet-1", "subnet-2"] },
        image: "111111111111.dkr.ecr.eu-central-1.amazonaws.com/images@sha256:abc",
        repositoryArn: "arn:repository",
        amiId: "ami-1",
        instanceType: "t4g.small",
        spot: false,
        onDemandFallback: true,
        lifetimeSeconds: 3_600,
        maxTimeoutSeconds: 600,
        environment: { RATES_SETTINGS: '{"a":"b c"}', DATABASE_HOST: "db" },
        database: DATABASE,
        statements: [],
        retentionDays: 30,
        maxInstances: 4,
        tags: { owner: "team", stack: "dev" },
        region: "eu-central-1",
        accountId: "111111111111",
        ...change,
      }),
    { preview },
  );
const template = async (change: Partial<Ec2RunnerArgs> = {}) =>
  (await create(change)).registry.resource("aws:ec2/launchTemplate:LaunchTemplate").inputs;

describe("the EC2 runner of a stack", () => {
  it("has no key pair, requires IMDSv2, and terminates instances with their encrypted disk when they shut down", async () => {
    const inputs = await template();
    assert.equal(inputs.instanceInitiatedShutdownBehavior, "terminate");
    assert.equal(inputs.keyName, undefined);
    assert.deepEqual(
      [inputs.metadataOptions.httpTokens, inputs.metadataOptions.httpPutResponseHopLimit],
      ["required", 1],
    );
    assert.deepEqual(
      [inputs.metadataOptions.httpEndpoint, inputs.metadataOptions.instanceMetadataTags],
      ["enabled", "enabled"],
      "a run reads its tags and credentials there",
    );
    const [disk] = inputs.blockDeviceMappings;
    assert.deepEqual([disk.ebs.encrypted, disk.ebs.deleteOnTermination], ["true", "true"]);
  });

  it("has no network interfaces in its template, so that the dispatcher chooses the subnet", async () => {
    const inputs = await template();
    assert.equal(inputs.networkInterfaces, undefined);
    assert.deepEqual(inputs.vpcSecurityGroupIds, ["r-id"]);
    const { result } = await create();
    assert.deepEqual((await resolved(result.settings)).subnetIds, ["subnet-1", "subnet-2"]);
  });

  it("gives the dispatcher the template version of its deployment, even when newer versions exist", async () => {
    const { result } = await create();
    const { launchTemplateId, launchTemplateVersion } = await resolved(result.settings);
    assert.deepEqual([launchTemplateId, launchTemplateVersion], ["r-id", "7"]);
  });

  it("has its maximum number of instances in a tag, for checks of a deployed stack", async () => {
    assert.equal((await template({ maxInstances: 7 })).tags["rates:max-instances"], "7");
  });

  it("tags launched instances, disks and interfaces, which the provider's default tags do not reach", async () => {
    const { tagSpecifications } = await template();
    assert.deepEqual(
      tagSpecifications.map(({ resourceType }: { resourceType: string }) => resourceType),
      ["instance", "volume", "network-interface"],
    );
    for (const { tags } of tagSpecifications)
      assert.deepEqual(tags, { Name: "r", owner: "team", stack: "dev", "rates:stack": "r" });
  });

  it("leaves Spot to the dispatcher, since a template with Spot could not fall back to On-Demand", async () => {
    assert.equal((await template({ spot: true })).instanceMarketOptions, undefined);
    for (const market of [
      { spot: false, onDemandFallback: true },
      { spot: true, onDemandFallback: false },
    ]) {
      const { spot, onDemandFallback } = await resolved((await create(market)).result.settings);
      assert.deepEqual({ spot, onDemandFallback }, market);
    }
  });

  it("has a valid bash script as user data, with every placeholder replaced", async () => {
    const script = Buffer.from((await template()).userData, "base64").toString();
    assert.doesNotMatch(script, /@[A-Z_]+@/);
    assert.ok(script.includes('RATES_SETTINGS={"a":"b c"}\n'));
    assert.ok(script.includes("pull --quiet 111111111111.dkr.ecr.eu-central-1.amazonaws.com/images@sha256:abc"));
    assert.ok(script.includes("(4800 + 59) / 60"), "its lifetime, the longest job, and a margin");
    execFileSync("bash", ["-n"], { input: script });
  });

  it("lets the dispatcher start instances of this template and end instances of this stack only", async () => {
    const { result } = await create();
    const find = (action: string) => result.launchStatements.find(({ actions }) => actions.includes(action));
    assert.deepEqual(find("ec2:TerminateInstances")?.conditions, {
      StringEquals: { "aws:ResourceTag/rates:stack": "r" },
    });
    const launches = result.launchStatements.filter(({ actions }) => actions.includes("ec2:RunInstances"));
    // EC2 does not pass the launch template for a Spot request.
    const spot = launches.filter(({ conditions }) => conditions === undefined);
    assert.deepEqual(await resolved(pulumi.output(spot.map(({ resources }) => resources))), [
      ["arn:aws:ec2:eu-central-1:111111111111:spot-instances-request/*"],
    ]);
    for (const { conditions } of launches.filter((launch) => !spot.includes(launch)))
      assert.equal(
        await resolved(pulumi.output(conditions?.ArnEquals?.["ec2:LaunchTemplate"])),
        "arn:aws:ec2:eu-central-1:111111111111:launch-template/r-id",
      );
    // Any image of the template, since a dispatcher of the previous version starts the previous image.
    const images = launches.find(({ resources }) => resources.includes("arn:aws:ec2:eu-central-1::image/*"));
    assert.deepEqual(images?.conditions?.Bool, { "ec2:IsLaunchTemplateResource": "true" });
    assert.deepEqual(find("iam:PassRole")?.conditions, {
      StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" },
    });
    assert.equal((await resolved(result.settings)).tags["rates:stack"], "r");
  });

  it("can be previewed before any resource exists", async () => {
    await create({}, true);
  });
});
