import assert from "node:assert/strict";
import { matchesGlob } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { BOUNDARY } from "../../infra/shared/role.ts";
import { mocked } from "../../infra/testing/mocks.ts";
import { requireEngine } from "../testing/command.ts";
import { engine, moduleProgram } from "../testing/engine.ts";
import { Cloud } from "../testing/provider/cloud.ts";
import { accountOf } from "../workflows/account.ts";
import { Boundary } from "./boundary.ts";
import { accountConfig } from "./config.ts";
import { State } from "./state.ts";
import { WorkflowRoles } from "./workflowRoles.ts";

const settings = fileURLToPath(new URL("Pulumi.example.yaml", import.meta.url));
const roles = async () =>
  (
    await mocked(() => {
      const state = new State("s", { id: "111111111111", region: "eu-central-1" });
      const boundary = new Boundary("b", { accountId: "111111111111", state });
      return new WorkflowRoles("w", {
        accountId: "111111111111",
        repository: "o/r",
        stacks: ["dev", "qa"],
        state,
        boundaryArn: boundary.policy.arn,
      });
    })
  ).registry;

describe("an account's first day", () => {
  it("lets pull requests of the repository preview, its environments deploy, and nobody else either", async () => {
    const registry = await roles();
    const condition = (what: string) =>
      JSON.parse(registry.one("aws:iam/role:Role", `w-${what}`).inputs.assumeRolePolicy).Statement[0].Condition
        .StringEquals;
    const sub = "token.actions.githubusercontent.com:sub";
    assert.deepEqual(condition("preview")[sub], ["repo:o/r:pull_request"]);
    assert.deepEqual(condition("deploy")[sub], ["repo:o/r:environment:dev", "repo:o/r:environment:qa"]);
    assert.equal(condition("deploy")["token.actions.githubusercontent.com:aud"], "sts.amazonaws.com");
  });

  it("keeps data and secrets from a preview, and a deployment from its own rights", async () => {
    const registry = await roles();
    const [deny] = registry.statements("w-preview");
    assert.equal(deny?.Effect, "Deny");
    // What AWS's ReadOnlyAccess has of 2026-04 that reads what the platform keeps.
    const reads = ["s3:GetObject", "s3:GetObjectVersion", "sqs:ReceiveMessage", "es:ESHttpGet", "ssm:GetParameters"];
    const ofDatabase = ["rds-db:connect", "rds:DownloadDBLogFilePortion", "pi:GetDimensionKeyDetails"];
    const ofLogs = [
      "FilterLogEvents",
      "GetLogEvents",
      "GetLogRecord",
      "GetQueryResults",
      "StartLiveTail",
      "StartQuery",
    ];
    for (const action of [
      ...reads,
      "secretsmanager:GetSecretValue",
      ...ofDatabase,
      ...ofLogs.map((it) => `logs:${it}`),
    ])
      assert.ok(
        deny?.Action.some((denied: string) => matchesGlob(action, denied)),
        action,
      );
    const own = registry.statements("w-deploy").find(({ Effect }) => Effect === "Deny");
    for (const action of [
      "PutRolePolicy",
      "DeleteRolePolicy",
      "DetachRolePolicy",
      "UpdateAssumeRolePolicy",
      "DeleteRole",
    ])
      assert.ok(own?.Action.includes(`iam:${action}`), action);
    assert.deepEqual(own?.Resource, [
      "arn:aws:iam::111111111111:role/rates-deploy",
      "arn:aws:iam::111111111111:role/rates-preview",
    ]);
  });

  it("lets a deployment give rights to a role only under the account's boundary, which it cannot lift", async () => {
    const registry = await roles();
    const boundary = registry.one("aws:iam/policy:Policy", "b");
    assert.equal(boundary.inputs.name, BOUNDARY);
    const statements = registry.statements("w-deploy");
    const GIVES = ["CreateRole", "PutRolePolicy", "AttachRolePolicy", "PutRolePermissionsBoundary"].map(
      (action) => `iam:${action}`,
    );
    for (const action of GIVES) {
      const allows = statements.filter(({ Effect, Action }) => Effect === "Allow" && Action.includes(action));
      assert.equal(allows.length, 1, action);
      assert.deepEqual(allows[0]?.Condition, {
        StringEquals: { "iam:PermissionsBoundary": "arn:aws:iam:eu-central-1:111111111111:b" },
      });
    }
    const allowed = statements.flatMap(({ Effect, Action }) => (Effect === "Allow" ? Action : []));
    for (const action of [
      "DeleteRolePermissionsBoundary",
      "CreatePolicyVersion",
      "SetDefaultPolicyVersion",
      "DeletePolicy",
    ])
      assert.ok(!allowed.includes(`iam:${action}`), action);
    const own = statements.find(({ Effect }) => Effect === "Deny");
    for (const action of ["PassRole", "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary"])
      assert.ok(own?.Action.includes(`iam:${action}`), action);

    const [all, pass, ...denied] = JSON.parse(boundary.inputs.policy).Statement;
    assert.deepEqual(all.NotAction, ["iam:*", "organizations:*", "account:*", "sts:AssumeRole*"]);
    assert.deepEqual([pass.Action, pass.Resource], [["iam:PassRole"], "arn:aws:iam::111111111111:role/rates-*"]);
    assert.deepEqual(
      denied.map(({ Effect, Action }: { Effect: string; Action: string[] }) => [Effect, ...Action]),
      [
        ["Deny", "iam:PassRole"],
        ["Deny", "s3:*"],
        ["Deny", "kms:*"],
      ],
    );
  });

  it("lets a preview write nothing, not even a lock, which a preview does not take", async () => {
    const actions = (await roles())
      .statements("w-preview")
      .flatMap(({ Effect, Action }) => (Effect === "Allow" ? Action : []));
    assert.deepEqual(actions.sort(), ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "s3:GetObject"]);
  });

  it("lets a deployment take back each tag and right that it may give", async () => {
    const registry = await roles();
    const allowed = registry.statements("w-deploy").flatMap(({ Effect, Action }) => (Effect === "Allow" ? Action : []));
    const opposites = { Create: "Delete", Tag: "Untag", Put: "Delete", Attach: "Detach", Add: "Remove" };
    const given = Object.entries(opposites).flatMap(([gives, takes]) =>
      allowed
        // A role keeps its boundary until it is deleted.
        .filter((action: string) => action.startsWith(`iam:${gives}`) && action !== "iam:PutRolePermissionsBoundary")
        .map((action: string) => action.replace(gives, takes).replace("RoleTo", "RoleFrom")),
    );
    assert.equal(given.length, 7);
    for (const action of given) assert.ok(allowed.includes(action), action);
  });

  it("is refused with all that is wrong at once", () => {
    assert.throws(
      () =>
        accountConfig({
          "rates-account:account": JSON.stringify({ id: 1, region: "eu-central-1", repository: "r", stacks: [] }),
          "rates-account:quotas": JSON.stringify({ glueRun: 5 }),
        }),
      ({ message }: Error) => {
        for (const expected of [
          /^ {2}account\.id 1 has to be /m,
          /^ {2}account\.repository "r" has to be /m,
          /^ {2}account\.stacks "\[\]" has to /m,
          /^ {2}quotas\.glueRun is no limit .*Did you mean 'glueRuns'/m,
        ])
          assert.match(message, expected);
        return true;
      },
    );
  });

  describe("in the real engine", () => {
    before(function () {
      requireEngine(this);
    });

    it("is previewed, made, unchanged the second time, and protects the state from its last day", async function () {
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
        const { backend, secrets } = accountOf("dev", fileURLToPath(new URL("../..", import.meta.url)));
        assert.deepEqual([outputs.backend, outputs.secretsProvider], [backend, secrets], "where the workflows look");
        assert.deepEqual(Object.keys((await one.preview()).changes), ["same"]);
        await assert.rejects(one.destroy(), /protect/);
      } finally {
        await one.close();
      }
    });
  });
});
