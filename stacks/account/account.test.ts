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

/** Actions whose result a deployment never removes. */
const UNCHANGED_RIGHTS = ["iam:PutRolePermissionsBoundary", "iam:CreateServiceLinkedRole"];

describe("the account program", () => {
  it("lets only pull requests of the repository preview, and only its environments deploy", async () => {
    const registry = await roles();
    const condition = (suffix: string) =>
      JSON.parse(registry.one("aws:iam/role:Role", `w-${suffix}`).inputs.assumeRolePolicy).Statement[0].Condition
        .StringEquals;
    const sub = "token.actions.githubusercontent.com:sub";
    assert.deepEqual(condition("preview")[sub], ["repo:o/r:pull_request"]);
    assert.deepEqual(condition("deploy")[sub], ["repo:o/r:environment:dev", "repo:o/r:environment:qa"]);
    assert.equal(condition("deploy")["token.actions.githubusercontent.com:aud"], "sts.amazonaws.com");
  });

  it("lets a preview write nothing, not even a lock", async () => {
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
    const boundary = registry.one("aws:iam/policy:Policy", "b-deployment");
    assert.equal(
      registry.one("aws:iam/role:Role", "w-deploy").inputs.permissionsBoundary,
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

  it("lets a deployment remove every tag and permission that it may add", async () => {
    const registry = await roles();
    const allowed = registry.statements("w-deploy").flatMap(({ Effect, Action }) => (Effect === "Allow" ? Action : []));
    const opposites = { Create: "Delete", Tag: "Untag", Put: "Delete", Attach: "Detach", Add: "Remove" };
    const granted = Object.entries(opposites).flatMap(([gives, takes]) =>
      allowed
        // A role keeps its boundary until it is deleted, and the account keeps service-linked roles.
        .filter((action: string) => action.startsWith(`iam:${gives}`) && !UNCHANGED_RIGHTS.includes(action))
        .map((action: string) => action.replace(gives, takes).replace("RoleTo", "RoleFrom")),
    );
    assert.equal(granted.length, 7);
    for (const action of granted) assert.ok(allowed.includes(action), action);
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

    it("previews, creates, has no changes the second time, and protects the state bucket", async function () {
      this.timeout(120_000);
      const one = await engine({
        program: moduleProgram(new URL("index.ts", import.meta.url)),
        project: "rates-account",
        settings,
        cloud: new Cloud({ account: "111111111111" }),
      });
      try {
        const preview = await one.preview();
        const up = await one.up();
        assert.deepEqual(up.changes, preview.changes);
        const outputs = await one.outputs();
        const { backend, secrets } = accountOf("dev", ROOT);
        assert.deepEqual([outputs.backend, outputs.secretsProvider], [backend, secrets], "where the workflows look");
        assert.deepEqual(Object.keys((await one.preview()).changes), ["same"]);
        await assert.rejects(one.destroy(), /protect/);
      } finally {
        await one.close();
      }
    });
  });
});
