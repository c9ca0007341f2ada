import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { Provider } from "@pulumi/aws/provider.js";
import type { Deployment } from "@pulumi/pulumi/automation/index.js";
import { Database, loginStatement } from "../infra/database.ts";
import { roleFor } from "../infra/shared/iam.ts";
import { blocksOf } from "./docs/commands.ts";
import { requireEngine } from "./testing/command.ts";
import { type Engine, engine } from "./testing/engine.ts";
import { Cloud } from "./testing/provider/cloud.ts";

const LOCATION = { region: "eu-central-1", accountId: "111111111111" };
const INSTANCE = "aws:rds/instance:Instance";
const RESTORED = `db-${"R".repeat(26)}`;

/** Creates a database, and a role that logs in to it. */
async function program(): Promise<Record<string, unknown>> {
  const aws = new Provider("aws", { region: "eu-central-1", allowedAccountIds: [LOCATION.accountId] });
  const database = new Database(
    "db",
    {
      placement: { vpcId: "vpc-1", subnetIds: ["subnet-1", "subnet-2"] },
      instanceClass: "db.t4g.medium",
      storageGb: 50,
      multiAz: false,
      deletionProtection: true,
      backupDays: 7,
      maxConnections: 400,
      keepData: true,
      retentionDays: 30,
    },
    { providers: { aws } },
  );
  const statements = [loginStatement(database.endpoint, LOCATION, ["dispatcher"])];
  roleFor("dispatcher", { service: "lambda.amazonaws.com", statements }, { provider: aws });
  return {};
}

/** Changes the exported state as docs/operating.md describes. */
function replaceInstance(state: Deployment, oldResourceId: string): Deployment {
  const line = blocksOf("docs/operating.md")
    .flatMap(({ text }) => text.split("\n"))
    .find((command) => command.startsWith("sed "));
  assert.ok(line !== undefined, "the page has no sed command that edits the state");
  const command = line
    .replace("-i ", "")
    .replace("<old resource id>", oldResourceId)
    .replace("<new resource id>", RESTORED)
    .replace(" state.json", "");
  const input = JSON.stringify(state, undefined, 4);
  const { stdout, status } = spawnSync("bash", ["-c", command], { input, encoding: "utf8" });
  assert.equal(status, 0);
  assert.notEqual(stdout, input);
  return JSON.parse(stdout);
}

describe("a restored database with the name of the old one, in the real engine", () => {
  let stack: Engine;
  before(function () {
    requireEngine(this);
  });
  after(() => stack?.close());

  it("replaces the old one in the state after its resource id is edited there, not after a refresh alone", async function () {
    this.timeout(120_000);
    stack = await engine({ program, cloud: new Cloud({ account: LOCATION.accountId }) });
    await stack.up();
    const { cloud } = stack;
    const [old] = cloud.ofType(INSTANCE);
    assert(old);
    const state = await stack.exportState();

    // RDS after the page's commands: two instances with swapped names.
    const { address, identifier } = old.properties;
    cloud.store({
      ...old,
      properties: { ...old.properties, identifier: `${identifier}-old`, address: `${identifier}-old.rds` },
    });
    cloud.store({ ...old, id: RESTORED, properties: { ...old.properties, id: RESTORED, resourceId: RESTORED } });

    await stack.refresh();
    assert.equal(
      instanceIn(await stack.exportState()).outputs.identifier,
      `${identifier}-old`,
      "the state still refers to the old instance",
    );

    await stack.importState(replaceInstance(state, old.id));
    await stack.refresh();
    await stack.up();
    const { id, outputs } = instanceIn(await stack.exportState());
    assert.deepEqual([id, outputs.identifier, outputs.address], [RESTORED, identifier, address]);
    const policies = cloud.ofType("aws:iam/rolePolicy:RolePolicy").map(({ properties }) => String(properties.policy));
    assert.ok(
      policies.some((policy) => policy.includes(`dbuser:${RESTORED}/dispatcher`)),
      "the role may log in to the restored instance",
    );
    assert.equal(cloud.ofType(INSTANCE).length, 2, "the old instance is not deleted");
    assert.deepEqual(Object.keys((await stack.preview()).changes), ["same"]);
  });
});

const instanceIn = ({ deployment }: Deployment): { id: string; outputs: Record<string, unknown> } =>
  deployment.resources.find(({ type }: { type: string }) => type === INSTANCE);
