import assert from "node:assert/strict";
import { loadStack } from "./program.ts";
import { rawConfig } from "./testing/config.ts";

/** Returns a configuration in the form in which Pulumi passes it to a program. */
const asPulumiConfig = (config: Record<string, unknown>): Record<string, string> => ({
  "pulumi:disable-default-providers": '["aws"]',
  "aws:region": "us-east-1",
  ...Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      `rates-platform:${key}`,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]),
  ),
});
const errorLines = (config: Record<string, string>, env: Record<string, string> = {}): string[] => {
  try {
    loadStack("dev", config, env);
  } catch (error) {
    return (error as Error).message.split("\n");
  }
  throw new Error("loadStack accepted the configuration");
};

describe("configuration of a stack's program", () => {
  it("keeps the types of numbers and booleans inside objects", () => {
    const { config, plan } = loadStack(
      "dev",
      asPulumiConfig(rawConfig((base) => ({ ...base, data: { retentionDays: 3, keep: false } }))),
      {},
    );
    assert.deepEqual(config.data, { retentionDays: 3, keep: false, auditDays: 365 });
    assert.ok(plan.glue.maxConcurrentRuns > 0);
  });

  it("reports all problems of configuration, capacity and environment in one error", () => {
    const lines = errorLines(
      {
        ...asPulumiConfig({ ...rawConfig((base) => ({ ...base, quotas: { glueRuns: 0 }, budgt: {} })), arch: "arm" }),
        "pulumi:disable-default-providers": '["gcp"]',
      },
      { RATES_ROLE_ARN: "deploy" },
    );
    assert.equal(lines[0], "Pulumi.dev.yaml cannot be deployed:");
    assert.equal(lines.at(-1), "Nothing was changed.");
    for (const expected of [
      /disable-default-providers .*must be \["aws"\]/,
      /arch "arm" must be/,
      /budgt .*Did you mean 'budget'/,
      /runs, 1 more than quotas\.glueRuns 0/,
      /RATES_ROLE_ARN "deploy" is not a role ARN/,
    ])
      assert.ok(
        lines.some((line) => expected.test(line)),
        `${expected} in\n${lines.join("\n")}`,
      );
  });

  it("reads the role to assume from the environment, and accepts only roles of the stack's account", () => {
    const roleArn = "arn:aws:iam::111111111111:role/deploy";
    assert.equal(loadStack("dev", asPulumiConfig(rawConfig()), { RATES_ROLE_ARN: roleArn }).roleArn, roleArn);
    assert.equal(loadStack("dev", asPulumiConfig(rawConfig()), { RATES_ROLE_ARN: "" }).roleArn, undefined);
    const other = errorLines(asPulumiConfig(rawConfig()), { RATES_ROLE_ARN: "arn:aws:iam::222222222222:role/deploy" });
    assert.match(other[1] ?? "", /RATES_ROLE_ARN .*account 222222222222.*account\.id is 111111111111/);
    for (const arn of ["deploy", "arn:aws-us-gov:iam::111111111111:role/deploy"])
      assert.match(errorLines(asPulumiConfig(rawConfig()), { RATES_ROLE_ARN: arn })[1] ?? "", /is not a role ARN/);
  });

  it("reports a wrong role together with other problems", () => {
    const RATES_ROLE_ARN = "arn:aws:iam::222222222222:role/deploy";
    const wrong = asPulumiConfig({ ...rawConfig(), arch: "arm" });
    const lines = errorLines(wrong, { RATES_ROLE_ARN });
    assert.match(lines[1] ?? "", /^ {2}arch "arm" must be/);
    assert.match(lines[2] ?? "", /^ {2}RATES_ROLE_ARN .*account 222222222222/);
    const overQuota = asPulumiConfig({ ...rawConfig(), quotas: { glueRuns: 0 } });
    assert.ok(errorLines(overQuota, { RATES_ROLE_ARN }).some((line) => line.includes("RATES_ROLE_ARN")));
    // With an invalid account id, the role's account is not compared, but the role's format is still checked.
    const invalidAccount = asPulumiConfig(rawConfig((base) => ({ ...base, account: { ...base.account, id: "1" } })));
    assert.ok(!errorLines(invalidAccount, { RATES_ROLE_ARN }).some((line) => line.includes("RATES_ROLE_ARN")));
    assert.ok(errorLines(invalidAccount, { RATES_ROLE_ARN: "deploy" }).some((line) => line.includes("RATES_ROLE_ARN")));
  });

  it("does not show values of unknown keys, which may be secrets", () => {
    const lines = errorLines({ ...asPulumiConfig(rawConfig()), "rates-platform:dbPassword": "correct-horse" }).join(
      "\n",
    );
    assert.match(lines, /dbPassword/);
    assert.doesNotMatch(lines, /correct-horse/);
  });
});
