import assert from "node:assert/strict";
import { accountProvider } from "../../infra/account.ts";
import { LIMITS, PULUMI_SUFFIX } from "../../infra/limits/limits.ts";
import { mocked, type Registry } from "../../infra/testing/mocks.ts";
import { parseStackConfig, planStack } from "../config/parse.ts";
import { platform } from "../platform.ts";
import { rawConfig } from "../testing/config.ts";
import { maxTenantCount, USE_WITHOUT_TENANTS } from "./tenantLimits.ts";

/** A stack name of the maximum length, which the load balancer's name limits. */
const STACK = "longest-stacks";

/** Returns tenants with names of the maximum length for this stack. */
const tenants = (count: number) =>
  Array.from({ length: count }, (_, index) => `tenant-${String(index).padStart(3, "0")}-${"x".repeat(23)}`);

/** Returns the configuration of a stack with all features that make policies and settings long. */
const raw = (count: number) =>
  rawConfig((base) => ({
    ...base,
    account: { ...base.account, region: "ap-southeast-2" },
    network: { zones: ["ap-southeast-2a", "ap-southeast-2b"] },
    database: { ...base.database, instanceClass: "db.r7g.xlarge" },
    tracking: { store: "opensearch", instanceType: "m7g.large.search", instanceCount: 2, zoneCount: 2, storageGb: 20 },
    quotas: { glueRuns: 1_000, glueDpus: 1_000, ec2Vcpus: 100 },
    tenants: tenants(count),
  }));

const buildStack = async (count: number, more: object = {}): Promise<Registry> => {
  const { config, plan, problems } = planStack({ ...raw(count), ...more }, STACK);
  assert(config && plan, JSON.stringify(problems));
  const provider = () => accountProvider("account", { ...config.account, tags: {} });
  return (await mocked(() => platform({ name: STACK, config, plan }, provider()), { stack: STACK })).registry;
};

/** Returns the length of a text with the suffixes that Pulumi adds to names in an account, but not under mocks. */
const deployedLength = (text: string) =>
  text.length + (text.match(/rates-longest-stacks/g)?.length ?? 0) * PULUMI_SUFFIX;

const policyOf = (registry: Registry) =>
  deployedLength(registry.resource("aws:iam/rolePolicy:RolePolicy", `rates-${STACK}-dispatcher`).inputs.policy);
const userDataOf = (registry: Registry) =>
  deployedLength(
    Buffer.from(registry.resource("aws:ec2/launchTemplate:LaunchTemplate").inputs.userData, "base64").toString("utf8"),
  );

describe("the tenants of a stack", () => {
  it("are rejected beyond the limits of IAM and EC2, with the limit, the excess and the remedy", () => {
    const { config, problems } = parseStackConfig(raw(0), STACK);
    assert(config, JSON.stringify(problems));
    const maxTenants = maxTenantCount({ ...config, tenants: tenants(200) }, STACK);
    assert.equal(parseStackConfig(raw(maxTenants), STACK).problems, undefined);
    const [problem, ...others] = parseStackConfig(raw(maxTenants + 1), STACK).problems ?? [];
    assert.deepEqual(others, []);
    assert.equal(problem?.key, "tenants");
    assert.equal(problem?.value, maxTenants + 1);
    assert.match(
      String(problem?.message),
      new RegExp(
        `^make the dispatcher's policy \\d+ characters long, \\d+ more than IAM allows \\(10240\\): ${maxTenants} of them fit`,
      ),
    );
  });

  it("keep policies and user data within the limits at their maximum number", async function () {
    this.timeout(60_000);
    const { config } = parseStackConfig(raw(0), STACK);
    assert(config);
    const registry = await buildStack(maxTenantCount({ ...config, tenants: tenants(200) }, STACK));
    const [policy, userData] = [policyOf(registry), userDataOf(registry)];
    assert.ok(policy <= LIMITS.rolePolicies.value && policy > 0.8 * LIMITS.rolePolicies.value, `policy ${policy}`);
    assert.ok(userData <= LIMITS.ec2UserData.value, `user data ${userData}`);
  });

  it("share what a stack without tenants leaves, which uses more than 80 % of USE_WITHOUT_TENANTS, and at most all of it", async function () {
    this.timeout(60_000);
    const registry = await buildStack(0);
    const [policy, userData] = [policyOf(registry), userDataOf(registry)];
    assert.ok(
      policy <= USE_WITHOUT_TENANTS.policies && policy > 0.8 * USE_WITHOUT_TENANTS.policies,
      `policy ${policy}`,
    );
    assert.ok(
      userData <= USE_WITHOUT_TENANTS.userData && userData > 0.8 * USE_WITHOUT_TENANTS.userData,
      `user data ${userData}`,
    );
  });

  it("leave space for long settings in user data; longer settings are rejected", async function () {
    this.timeout(60_000);
    const rule = { claim: "groups", value: "staff", tenant: "default", scopes: ["read"] };
    const long = (count: number) => ({
      api: {
        certificateArn: "arn:aws:acm:ap-southeast-2:111111111111:certificate/1",
        domainName: `${"rates.".repeat(20)}example.com`,
        signIn: { oidc: { issuer: "https://login.example.com", clientId: "rates", rules: [rule] } },
      },
      jobs: { sharedUploads: Array.from({ length: count }, (_, index) => `${index}/`.padEnd(200, "x")) },
      traces: { endpoint: `https://collector.example.com/${"x".repeat(200)}` },
    });
    const problemsOf = (count: number) => parseStackConfig({ ...raw(0), ...long(count) }, STACK).problems ?? [];
    const firstRejected = Array.from({ length: 100 }).findIndex((_, count) => problemsOf(count).length > 0);
    const [problem, ...others] = problemsOf(firstRejected);
    assert.deepEqual([problem?.key, others], ["jobs.sharedUploads", []]);
    assert.match(
      String(problem?.message),
      /^makes the EC2 runner's user data \d+ bytes long even without tenants, \d+ more than EC2 allows \(16384\)/,
    );
    const userData = userDataOf(await buildStack(0, long(firstRejected - 1)));
    const limit = LIMITS.ec2UserData.value;
    assert.ok(userData <= limit && userData > 0.95 * limit, `user data ${userData}`);
  });

  it("are rejected if their names and the stack's exceed SQS's limit", () => {
    const longName = rawConfig((base) => ({ ...base, tenants: ["x".repeat(40)] }));
    assert.equal(parseStackConfig(longName, "dev").problems, undefined);
    assert.deepEqual(parseStackConfig(longName, STACK).problems, [
      {
        key: "tenants.0",
        value: "x".repeat(40),
        message: `makes the name of its queue in stack '${STACK}' 86 characters long, and SQS's maximum is 80: shorten the tenant's or the stack's name by 6.`,
      },
    ]);
  });

  it("may have only as many callers as a queue's policy allows", () => {
    const callers = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        principal: `arn:aws:iam::222222222222:role/caller-${index}`,
        senderIds: ["AROAEXAMPLE000000000"],
      }));
    const problems = (count: number) =>
      parseStackConfig(
        rawConfig((base) => ({ ...base, callers: callers(count) })),
        "dev",
      ).problems;
    assert.equal(problems(50), undefined);
    assert.match(String(problems(51)?.[0]?.message), /^are 1 more than the 50 principals .* name an account/);
  });
});
