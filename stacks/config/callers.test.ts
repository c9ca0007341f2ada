import assert from "node:assert/strict";
import { readSettings } from "../../runtime/platform/settings.ts";
import { rawConfig } from "../testing/config.ts";
import { callerRules, DEFAULT_CALLER_RULES, ownPrincipal } from "./callers.ts";
import { parseStackConfig } from "./parse.ts";

const ACCOUNT = "111111111111";
const parse = (callers: object[]) =>
  parseStackConfig(
    rawConfig((base) => ({ ...base, account: { ...base.account, id: ACCOUNT }, callers })),
    "dev",
  );
const rulesOf = (callers: object[], ids: string[] = []) => {
  const { config, problems } = parse(callers);
  assert(config, JSON.stringify(problems));
  return callerRules(config.callers, () => ids);
};

describe("the callers of a stack", () => {
  it("become rules for their unique ids, with their tenants and scopes", () => {
    const principal = `arn:aws:iam::${ACCOUNT}:role/team/orders`;
    const rules = rulesOf([{ principal, tenants: ["a", "b"], scopes: ["read", "update"] }, { principal }], ["AROAX"]);
    assert.deepEqual(rules, [
      { senderId: "AROAX", tenants: ["a", "b"], scopes: ["read", "update"] },
      { senderId: "AROAX", tenants: ["default"], scopes: ["read"] },
    ]);
    assert.equal(readSettings({ RATES_SETTINGS: JSON.stringify({ callers: rules }) }).callers?.length, 2);
  });

  it("are all principals, for the default tenant only, if none are configured", () => {
    assert.deepEqual(rulesOf([]), DEFAULT_CALLER_RULES);
    assert.deepEqual(DEFAULT_CALLER_RULES[0]?.tenants, ["default"]);
  });

  it("need a configured id unless they are roles or users of the stack's account", () => {
    for (const principal of ["arn:aws:iam::222222222222:role/x", `arn:aws:iam::${ACCOUNT}:root`]) {
      assert.equal(parse([{ principal }]).problems?.[0]?.key, "callers.0.senderIds");
      assert.deepEqual(
        rulesOf([{ principal, senderIds: ["AROAEXAMPLE000000000"] }])[0]?.senderId,
        "AROAEXAMPLE000000000",
      );
    }
  });

  it("are looked up by name, without a path", () => {
    assert.deepEqual(ownPrincipal(`arn:aws:iam::${ACCOUNT}:role/a/b/c`, ACCOUNT), { kind: "role", name: "c" });
    assert.deepEqual(ownPrincipal(`arn:aws-cn:iam::${ACCOUNT}:user/u`, ACCOUNT), { kind: "user", name: "u" });
    assert.equal(ownPrincipal("arn:aws:iam::222222222222:role/c", ACCOUNT), undefined);
  });
});
