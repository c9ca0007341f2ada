import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { ROOT } from "../../runtime/platform/root.ts";
import { skip } from "../../runtime/testing/cluster.ts";
import { stacksIn } from "../config/parse.ts";
import { accountOf } from "./account.ts";

const FOLDER = `${ROOT}.github/workflows/`;
const BUILD = fileURLToPath(new URL("actionlint.sh", import.meta.url));
const files = readdirSync(FOLDER);
const expression = (text: string) => `$${`{{ ${text} }}`}`;
const STACK = expression("inputs.stack");
interface Job {
  "runs-on"?: string;
  outputs?: Record<string, string>;
  permissions?: Record<string, string>;
  concurrency?: { "cancel-in-progress": boolean; group: string };
  needs?: string;
  with?: Record<string, string>;
  environment?: string;
  if?: string;
  strategy?: { matrix: { stack: string[] } };
  steps?: { uses?: string; if?: string; run?: string; with?: Record<string, unknown> }[];
}
const workflow = (name: string): { on: Record<string, unknown>; jobs: Record<string, Job> } =>
  parse(readFileSync(`${FOLDER}${name}`, "utf8"));
const stacks = stacksIn(ROOT);

describe("the workflows", () => {
  it("are accepted by actionlint", function () {
    this.timeout(300_000);
    const command = execFileSync(BUILD, ["--path"], { encoding: "utf8" }).trim();
    if (!existsSync(command)) {
      if (process.env.RATES_REQUIRE_ALL !== "1") skip(this, "no actionlint (stacks/workflows/actionlint.sh builds it)");
      execFileSync(BUILD, { stdio: ["ignore", "ignore", "inherit"] });
    }
    // Checks with shellcheck and pyflakes are off, because they depend on what a machine has installed.
    const { stdout, status } = spawnSync(command, [
      "-shellcheck=",
      "-pyflakes=",
      ...files.map((name) => FOLDER + name),
    ]);
    assert.equal(status, 0, String(stdout));
  });

  it("give each job its own permissions, and preview no pull requests of forks", () => {
    for (const name of files) {
      const { on, jobs } = workflow(name);
      assert.ok(!("pull_request_target" in on), name);
      for (const [id, job] of Object.entries(jobs)) assert.ok(job.permissions, `${name}: ${id}`);
    }
    assert.match(workflow("preview.yml").jobs.preview?.if ?? "", /head\.repo\.full_name == github\.repository/);
  });

  it("preview every stack in parallel with every policy pack, and update one comment", () => {
    const { preview } = workflow("preview.yml").jobs;
    assert.deepEqual(preview?.strategy, { "fail-fast": false, matrix: { stack: preview?.strategy?.matrix.stack } });
    assert.deepEqual(preview?.strategy?.matrix.stack.toSorted(), stacks);
    const settings = preview?.steps?.find(({ uses }) => uses?.startsWith("pulumi/"))?.with;
    assert.equal(settings?.command, "preview");
    assert.equal(settings?.policyPacks, expression("steps.account.outputs.packs"));
    assert.equal(accountOf("dev", ROOT).packs, "policy/limits,policy/security");
    assert.deepEqual([settings?.["comment-on-pr"], settings?.["edit-pr-comment"]], [true, true]);
  });

  it("deploy every stack, one after another, are never cancelled midway, and use each stack's environment", () => {
    const deployments = Object.entries(workflow("deploy.yml").jobs);
    const order = deployments.map(([id]) => id);
    assert.deepEqual(order.toSorted(), stacks);
    assert.deepEqual(
      deployments.map(([, { with: inputs, needs }]) => [inputs?.stack, needs]),
      order.map((stack, index) => [stack, order[index - 1]]),
    );
    const { up } = workflow("up.yml").jobs;
    assert.deepEqual(up?.concurrency, { group: `up-${STACK}`, "cancel-in-progress": false });
    assert.equal(up?.environment, STACK);
  });

  it("preview and deploy a stack only after the result of `stack init` is committed", () => {
    const directory = mkdtempSync(join(tmpdir(), "rates-workflow-"));
    try {
      const file = readFileSync(join(ROOT, "Pulumi.dev.yaml"), "utf8").replace(
        /^(secretsprovider|encryptedkey):.*\n/gm,
        "",
      );
      const initialized = (lines: string) => {
        writeFileSync(join(directory, "Pulumi.dev.yaml"), lines + file);
        return accountOf("dev", directory).initialized;
      };
      assert.equal(initialized(""), "false");
      assert.equal(initialized("secretsprovider: awskms://alias/rates-state\n"), "false");
      assert.equal(initialized("secretsprovider: awskms://alias/rates-state\nencryptedkey: AQICAHg=\n"), "true");
    } finally {
      rmSync(directory, { recursive: true });
    }
    const IF_INITIALIZED = "steps.account.outputs.initialized == 'true'";
    const IF_NOT_INITIALIZED = IF_INITIALIZED.replace("==", "!=");
    const preview = workflow("preview.yml").jobs.preview?.steps ?? [];
    for (const action of ["aws-actions/", "pulumi/"])
      assert.equal(preview.find(({ uses }) => uses?.startsWith(action))?.if, IF_INITIALIZED, action);
    assert.match(preview.find((step) => step.if === IF_NOT_INITIALIZED)?.run ?? "", /^echo "::notice::/);
    const up = workflow("up.yml").jobs.up?.steps ?? [];
    const refusal = up.findIndex((step) => step.if === IF_NOT_INITIALIZED);
    assert.match(up[refusal]?.run ?? "", /::error::[\s\S]*exit 1/);
    assert.ok(refusal < up.findIndex(({ uses }) => uses?.startsWith("aws-actions/")));
  });

  it("build the image on a machine of its architecture", () => {
    const { runner, up } = workflow("up.yml").jobs;
    assert.equal(up?.needs, "runner");
    assert.equal(up?.["runs-on"], expression("needs.runner.outputs.runner"));
    assert.equal(runner?.outputs?.runner, expression("steps.account.outputs.runner"));
    assert.ok(!up?.steps?.some(({ uses }) => uses?.includes("qemu")));
  });

  it("read a stack's account, state and registry from its file", () => {
    const { packs: _, initialized: __, ...account } = accountOf("dev", ROOT);
    assert.deepEqual(account, {
      runner: "ubuntu-24.04-arm",
      id: "111111111111",
      region: "eu-central-1",
      backend: "s3://rates-state-111111111111-eu-central-1?region=eu-central-1",
      secrets: "awskms://alias/rates-state?region=eu-central-1",
      registry: "111111111111.dkr.ecr.eu-central-1.amazonaws.com",
    });
  });
});
