import assert from "node:assert/strict";
import { accountProvider } from "../../infra/account.ts";
import { LIMITS, PULUMI_SUFFIX } from "../../infra/limits/limits.ts";
import { mocked, type Registry } from "../../infra/testing/mocks.ts";
import { parseStackConfig, planStack } from "../config/parse.ts";
import { platform } from "../platform.ts";
import { rawConfig } from "../testing/config.ts";
import { tenantsWithin, WITHOUT_TENANTS } from "./tenantLimits.ts";

/** Maximum length of a stack name, limited by the load balancer's name. */
const STACK = "longest-stacks";

/** Tenants with names of the maximum length for this stack. */
const tenants = (count: number) =>
  Array.from({ length: count }, (_, index) => `tenant-${String(index).padStart(3, "0")}-${"x".repeat(23)}`);

/** A stack with everything that makes policies and settings long. */
const raw = (count: number) =>
  rawConfig((it) => ({
    ...it,
    account: { ...it.account, region: "ap-southeast-2" },
    network: { zones: ["ap-southeast-2a", "ap-southeast-2b"] },
    database: { ...it.database, instanceClass: "db.r7g.xlarge" },
    tracking: { store: "opensearch", instanceType: "m7g.large.search", instanceCount: 2, zoneCount: 2, storageGb: 20 },
    quotas: { glueRuns: 1_000, glueDpus: 1_000, ec2Vcpus: 100 },
    tenants: tenants(count),
  }));

const built = async (count: number): Promise<Registry> => {
  const { config, plan, problems } = planStack(raw(count), STACK);
  assert(config && plan, JSON.stringify(problems));
  const provider = () => accountProvider("account", { ...config.account, tags: {} });
  return (await mocked(() => platform({ name: STACK, config, plan }, provider()), { stack: STACK })).registry;
};

/** Length of a text with the suffixes that Pulumi's names have in an account, but not under mocks. */
const real = (text: string) => text.length + (text.match(/rates-longest-stacks/g)?.length ?? 0) * PULUMI_SUFFIX;

const policyOf = (registry: Registry) =>
  real(registry.one("aws:iam/rolePolicy:RolePolicy", `rates-${STACK}-dispatcher`).inputs.policy);
const userDataOf = (registry: Registry) =>
  real(Buffer.from(registry.one("aws:ec2/launchTemplate:LaunchTemplate").inputs.userData, "base64").toString("utf8"));

describe("the tenants of a stack", () => {
  it("are limited by IAM and EC2, and one more is rejected with the limit, the excess and the remedy", () => {
    const { config, problems } = parseStackConfig(raw(0), STACK);
    assert(config, JSON.stringify(problems));
    const maxTenants = tenantsWithin({ ...config, tenants: tenants(200) }, STACK);
    assert.equal(parseStackConfig(raw(maxTenants), STACK).problems, undefined);
    const [problem, ...others] = parseStackConfig(raw(maxTenants + 1), STACK).problems ?? [];
    assert.deepEqual(others, []);
    assert.equal(problem?.key, "tenants");
    assert.equal(problem?.value, maxTenants + 1);
    assert.match(
      String(problem?.message),
      new RegExp(
        `^make the dispatcher's policy \\d+ characters long, \\d+ more than IAM takes \\(10240\\): ${maxTenants} of them fit`,
      ),
    );
  });

  it("keep policies and user data within the limits at their maximum number", async function () {
    this.timeout(60_000);
    const { config } = parseStackConfig(raw(0), STACK);
    assert(config);
    const registry = await built(tenantsWithin({ ...config, tenants: tenants(200) }, STACK));
    const [policy, userData] = [policyOf(registry), userDataOf(registry)];
    assert.ok(policy <= LIMITS.rolePolicies.value && policy > 0.8 * LIMITS.rolePolicies.value, `policy ${policy}`);
    assert.ok(userData <= LIMITS.ec2UserData.value, `user data ${userData}`);
  });

  it("are counted in addition to the measured use of a stack without tenants", async function () {
    this.timeout(60_000);
    const registry = await built(0);
    const [policy, userData] = [policyOf(registry), userDataOf(registry)];
    assert.ok(policy <= WITHOUT_TENANTS.policies && policy > 0.8 * WITHOUT_TENANTS.policies, `policy ${policy}`);
    assert.ok(
      userData <= WITHOUT_TENANTS.userData && userData > 0.8 * WITHOUT_TENANTS.userData,
      `user data ${userData}`,
    );
  });

  it("have names that fit into SQS's limit together with the stack's", () => {
    const longName = rawConfig((it) => ({ ...it, tenants: ["x".repeat(40)] }));
    assert.equal(parseStackConfig(longName, "dev").problems, undefined);
    assert.deepEqual(parseStackConfig(longName, STACK).problems, [
      {
        key: "tenants.0",
        value: "x".repeat(40),
        message: `makes the name of its queue 86 characters long with the stack's '${STACK}'; SQS's maximum is 80: shorten one of the two by 6.`,
      },
    ]);
  });

  it("have no more principals than a queue's policy allows", () => {
    const callers = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        principal: `arn:aws:iam::222222222222:role/caller-${index}`,
        senderIds: ["AROAEXAMPLE000000000"],
      }));
    const problems = (count: number) =>
      parseStackConfig(
        rawConfig((it) => ({ ...it, callers: callers(count) })),
        "dev",
      ).problems;
    assert.equal(problems(50), undefined);
    assert.match(String(problems(51)?.[0]?.message), /^are 1 principals more than the 50 .* name an account/);
  });
});
