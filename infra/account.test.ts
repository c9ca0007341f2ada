import assert from "node:assert/strict";
import { type AccountArgs, accountProvider, verifyAccount } from "./account.ts";
import { ACCOUNT, mocked, REGION } from "./testing/mocks.ts";

const args: AccountArgs = { id: ACCOUNT, region: REGION, tags: { owner: "team" } };
const verified = (change: Partial<AccountArgs> = {}, calls = {}) =>
  mocked(
    async () => {
      const all = { ...args, ...change };
      await verifyAccount(accountProvider("account", all), all);
    },
    { calls },
  );
const IDENTITY = "aws:index/getCallerIdentity:getCallerIdentity";

describe("the account of a stack", () => {
  it("is the only account that the provider accepts, with the given role", async () => {
    const roleArn = `arn:aws:iam::${ACCOUNT}:role/deploy`;
    const { inputs } = (await verified({ roleArn })).registry.resource("pulumi:providers:aws");
    assert.deepEqual(JSON.parse(inputs.allowedAccountIds), [ACCOUNT]);
    assert.equal(JSON.parse(inputs.assumeRoles)[0].roleArn, roleArn);
    assert.deepEqual(JSON.parse(inputs.defaultTags), { tags: { owner: "team" } });
    const providerInputs = (await verified()).registry.resource("pulumi:providers:aws").inputs;
    assert.equal(providerInputs.assumeRoles, undefined);
  });

  it("must be the account of the credentials; the error names both accounts and the remedy", async () => {
    const calls = { [IDENTITY]: { accountId: "222222222222", arn: "arn:aws:iam::222222222222:user/anna" } };
    await assert.rejects(verified({}, calls), ({ message }: Error) => {
      assert.match(
        message,
        /account\.id 111111111111: .*account 222222222222 \(arn:aws:iam::222222222222:user\/anna\)/,
      );
      assert.match(message, /Nothing was changed\. Log in to the stack's account, or name its role in RATES_ROLE_ARN/);
      return true;
    });
    await assert.rejects(
      verified({ roleArn: "arn:aws:iam::222222222222:role/deploy" }, calls),
      /check that this role exists in account 1+ and allows you to assume it/,
    );
  });
});
