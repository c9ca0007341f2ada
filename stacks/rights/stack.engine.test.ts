import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readStackFile } from "../config/parse.ts";
import { requireEngine } from "../testing/command.ts";
import { engine, moduleProgram } from "../testing/engine.ts";
import { Cloud } from "../testing/provider/cloud.ts";
import { stackEngine } from "../testing/stackEngine.ts";
import { casesOf, trustCases } from "./cases.ts";
import { type Case, Evaluator } from "./evaluate.ts";
import { survivors, wrongCases } from "./proof.ts";
import { pythonClients } from "./sourceCalls.ts";
import { api } from "./tables/api.ts";
import { dispatcher } from "./tables/dispatcher.ts";
import { callsOf, type Part } from "./tables/part.ts";
import { CALLERS, resourceCases } from "./tables/resources.ts";
import { ec2Runner, glueRunner, migrations } from "./tables/runners.ts";
import { serviceParts } from "./tables/services.ts";
import { type StackNames, stackNames } from "./tables/stackNames.ts";
import { managedPolicies, World } from "./world.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Stacks that differ in what their roles may do: own SQL, Spot and search in Postgres; and none of these. */
const STACKS = ["dev", "prod"];

const parts = (names: StackNames, rawSql: boolean): Part[] => [
  api(names),
  dispatcher(names),
  ec2Runner(names, rawSql),
  glueRunner(names, rawSql),
  migrations(names),
  ...serviceParts(names),
];

/** Policies of an account's own program, which its stacks' roles have as their boundary. */
async function accountPolicies(id: string) {
  const account = await engine({
    program: moduleProgram(new URL("../account/index.ts", import.meta.url)),
    project: "rates-account",
    settings: fileURLToPath(new URL("../account/Pulumi.example.yaml", import.meta.url)),
    config: {
      "rates-account:account": { id, region: "eu-central-1", repository: "example/rates-platform", stacks: ["dev"] },
    },
    cloud: new Cloud({ account: id }),
  });
  try {
    await account.up();
    return managedPolicies(await account.exportState());
  } finally {
    await account.close();
  }
}

async function deployed(stack: string): Promise<World> {
  const { id } = readStackFile(stack, ROOT).account;
  const caller = (principal: string, tenant: string, sender: string) => ({
    principal,
    tenants: [tenant],
    senderIds: [`AROA${sender.padEnd(17, "0")}`],
  });
  const one = await stackEngine(stack, {
    config: {
      "rates-platform:tenants": ["acme", "globex"],
      "rates-platform:callers": [caller(CALLERS.pricing, "acme", "P"), caller(CALLERS.reports, "other", "R")],
    },
  });
  try {
    await one.up();
    return new World(await one.exportState(), await accountPolicies(id));
  } finally {
    await one.close();
  }
}

describe("rights of a stack's parts, as the real engine registers them", function () {
  this.timeout(300_000);

  for (const stack of STACKS)
    describe(stack, () => {
      const prefix = `rates-${stack}-`;
      let world: World;
      let names: StackNames;
      let table: Part[];
      let evaluator: Evaluator;
      let cases: Case[];

      before(async function () {
        requireEngine(this);
        this.timeout(300_000);
        world = await deployed(stack);
        names = stackNames(world, stack);
        table = parts(names, readStackFile(stack, ROOT).jobs.rawSql);
        evaluator = new Evaluator(world);
        cases = [
          ...table.flatMap((part) => casesOf(part, prefix)),
          ...table.flatMap((part) => trustCases(part, prefix, names.roleArn(part.role), names.account)),
          ...resourceCases(names),
        ];
      });

      it("has every role of the stack in the table", () => {
        const inTable = table.map(({ role }) => `${prefix}${role}`);
        assert.deepEqual([...world.roles.keys()].sort(), inTable.sort());
      });

      it("allows every call of every part, and none of what is another's", async () => {
        assert.deepEqual(await wrongCases(evaluator, cases), []);
      });

      it("has no statement, action, resource or condition that could be removed, or resource widened, unnoticed", async () => {
        const unnoticed = await Promise.all(world.policies().map((policy) => survivors(evaluator, policy, cases)));
        assert.deepEqual(unnoticed.flat(), []);
      });

      it("lists every call that the parts' sources make", async () => {
        for (const { role, source, calls, never } of table)
          if (source)
            assert.deepEqual([...Object.keys(calls), ...Object.keys(never)].sort(), await callsOf(source), role);
        assert.deepEqual(pythonClients("runtime/runner/glue/runner.py").sort(), ["rds", "s3", "sqs"]);
      });
    });
});
