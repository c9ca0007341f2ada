import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { mocked } from "../../infra/testing/mocks.ts";
import { ROOT } from "../../runtime/platform/root.ts";
import { requireEngine } from "../testing/command.ts";
import { engine, moduleProgram } from "../testing/engine.ts";
import { Cloud } from "../testing/provider/cloud.ts";
import { accountOf } from "../workflows/account.ts";
import { Boundaries } from "./boundary.ts";
import { accountConfig } from "./config.ts";
import { State } from "./state.ts";
import { WorkflowRoles } from "./workflowRoles.ts";

const settings = fileURLToPath(new URL("Pulumi.example.yaml", import.meta.url));
const roles = async () =>
  (
    await mocked(() => {
      const state = new State("s", { id: "111111111111", region: "eu-central-1" });
      const boundaries = new Boundaries("b", { accountId: "111111111111", state });
      return new WorkflowRoles("w", {
        accountId: "111111111111",
        repository: "o/r",
        stacks: ["dev", "qa"],
        state,
        boundaryArn: boundaries.deployment.arn,
      });
    })
  ).registry;

/** Actions that a deployment need not reverse. */
const IRREVERSIBLE_ACTIONS = ["iam:PutRolePermissionsBoundary", "iam:CreateServiceLinkedRole"];

describe("the account program", () => {
  it("allows previews only from the repository's pull requests, and deployments only from its environments", async () => {
    const registry = await roles();
    const condition = (suffix: string) =>
      JSON.parse(registry.resource("aws:iam/role:Role", `w-${suffix}`).inputs.assumeRolePolicy).Statement[0].Condition
        .StringEquals;
    const sub = "token.actions.githubusercontent.com:sub";
    assert.deepEqual(condition("preview")[sub], ["repo:o/r:pull_request"]);
    assert.deepEqual(condition("deploy")[sub], ["repo:o/r:environment:dev", "repo:o/r:environment:qa"]);
    assert.equal(condition("deploy")["token.actions.githubusercontent.com:aud"], "sts.amazonaws.com");
  });

  it("gives a preview no write access, not even for a lock", async () => {
    const actions = (await roles())
      .statements("w-preview")
      .flatMap(({ Effect, Action }) => (Effect === "Allow" ? Action : []));
    assert.deepEqual(actions.sort(), [
      "es:GetCompatibleVersions",
      "iam:GetRole",
      "iam:GetUser",
      "kms:Decrypt",
      "s3:GetObject",
      "s3:ListBucket",
      "ssm:GetParameter",
    ]);
  });

  it("sets a boundary on the deploy role, and attaches no AWS managed policy to either role", async () => {
    const registry = await roles();
    const boundary = registry.resource("aws:iam/policy:Policy", "b-deployment");
    assert.equal(
      registry.resource("aws:iam/role:Role", "w-deploy").inputs.permissionsBoundary,
      "arn:aws:iam:eu-central-1:111111111111:b-deployment",
    );
    assert.equal(boundary.inputs.name, "rates-deployment-boundary");
    const attached = registry.ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment");
    assert.deepEqual(
      attached.map(({ name }) => name),
      ["network", "compute", "data", "monitoring"].map((suffix) => `w-deploy-${suffix}`),
    );
    for (const { inputs } of attached) assert.doesNotMatch(inputs.policyArn, /:aws:policy/);
  });

  it("lets a deployment reverse every IAM action that creates or adds something", async () => {
    const registry = await roles();
    const allowed = registry.statements("w-deploy").flatMap(({ Effect, Action }) => (Effect === "Allow" ? Action : []));
    const opposites = { Create: "Delete", Tag: "Untag", Put: "Delete", Attach: "Detach", Add: "Remove" };
    const required = Object.entries(opposites).flatMap(([add, remove]) =>
      allowed
        // A role keeps its boundary until it is deleted, and the account keeps service-linked roles.
        .filter((action: string) => action.startsWith(`iam:${add}`) && !IRREVERSIBLE_ACTIONS.includes(action))
        .map((action: string) => action.replace(add, remove).replace("RoleTo", "RoleFrom")),
    );
    assert.equal(required.length, 7);
    for (const action of required) assert.ok(allowed.includes(action), action);
  });

  it("reports all problems of its configuration at once", () => {
    assert.throws(
      () =>
        accountConfig({
          "rates-account:account": JSON.stringify({ id: 1, region: "eu-central-1", repository: "r", stacks: [] }),
          "rates-account:quotas": JSON.stringify({ glueRun: 5 }),
        }),
      ({ message }: Error) => {
        for (const expected of [
          /^ {2}account\.id 1 must be /m,
          /^ {2}account\.repository "r" must be /m,
          /^ {2}account\.stacks "\[\]" must /m,
          /^ {2}quotas\.glueRun is not an adjustable limit .*Did you mean 'glueRuns'/m,
        ])
          assert.match(message, expected);
        return true;
      },
    );
  });

  it("reports a value that begins like JSON but cannot be parsed", () => {
    assert.throws(() => accountConfig({ "rates-account:account": "{id: 1}" }), /^ {2}account "\{id: 1\}" must be /m);
    assert.throws(
      () => accountConfig({ "rates-account:quotas": "{glueRuns: 1}" }),
      ({ message }: Error) =>
        /^ {2}quotas "\{glueRuns: 1\}" must be /m.test(message) && !/^ {2}quotas\./m.test(message),
    );
  });

  it("refuses a region of another partition", () => {
    const account = { id: "111111111111", region: "us-gov-west-1", repository: "acme/rates", stacks: ["dev"] };
    assert.throws(
      () => accountConfig({ "rates-account:account": JSON.stringify(account) }),
      /account\.region "us-gov-west-1" is in the partition aws-us-gov/,
    );
  });

  describe("in the real engine", () => {
    before(function () {
      requireEngine(this);
    });

    it("previews and creates its resources, then previews no changes, and refuses to delete the protected state", async function () {
      this.timeout(120_000);
      const pulumi = await engine({
        program: moduleProgram(new URL("index.ts", import.meta.url)),
        project: "rates-account",
        settings,
        cloud: new Cloud({ account: "111111111111" }),
      });
      try {
        const preview = await pulumi.preview();
        const up = await pulumi.up();
        assert.deepEqual(up.changes, preview.changes);
        const outputs = await pulumi.outputs();
        const { backend, secrets } = accountOf("dev", ROOT);
        assert.deepEqual([outputs.backend, outputs.secretsProvider], [backend, secrets], "as in the workflows");
        assert.deepEqual(Object.keys((await pulumi.preview()).changes), ["same"]);
        await assert.rejects(pulumi.destroy(), /protect/);
      } finally {
        await pulumi.close();
      }
    });
  });
});
