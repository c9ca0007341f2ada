import assert from "node:assert/strict";
import { requireEngine } from "../command.ts";
import { casesOf, trustCases } from "./cases.ts";
import { type Case, Evaluator } from "./evaluate.ts";
import type { IamEnvironment } from "./iamEnvironment.ts";
import { survivors, wrongCases } from "./proof.ts";
import { pythonClients } from "./sourceCalls.ts";
import { callsOf, type Part } from "./tables/part.ts";
import { resourceCases } from "./tables/resources.ts";
import { type StackNames, stackNames } from "./tables/stackNames.ts";
import { stackParts } from "./tables/stackParts.ts";
import { deployed, headersSecretOf, stackFile } from "./testing/deployed.ts";

/** Two stacks with different roles: one with raw SQL, Spot and search in Postgres, one with none of these. */
const STACKS = ["dev", "prod"];

describe("rights of a stack's parts, as the real engine registers them", function () {
  this.timeout(300_000);

  for (const stack of STACKS)
    describe(stack, () => {
      const prefix = `rates-${stack}-`;
      let environment: IamEnvironment;
      let names: StackNames;
      let table: Part[];
      let evaluator: Evaluator;
      let cases: Case[];

      before(async function () {
        requireEngine(this);
        this.timeout(300_000);
        environment = await deployed(stack);
        names = stackNames(environment, stack, headersSecretOf(stack));
        table = stackParts(names, stackFile(stack).jobs.rawSql);
        evaluator = new Evaluator(environment);
        cases = [
          ...table.flatMap((part) => casesOf(part, prefix)),
          ...table.flatMap((part) => trustCases(part, prefix, names.roleArn(part.role), names.account)),
          ...resourceCases(names),
        ];
      });

      it("has every role of the stack in the table", () => {
        const inTable = table.map(({ role }) => `${prefix}${role}`);
        const roles = [...environment.roles.keys()].filter((role) => role.startsWith(prefix));
        assert.deepEqual(roles.sort(), inTable.sort());
      });

      it("allows every call of every part, and none on resources of others", async () => {
        assert.deepEqual(await wrongCases(evaluator, cases), []);
      });

      it("fails if any statement, action, resource or condition is removed, or a resource is widened", async () => {
        // The account's policies have their own test.
        const policies = environment
          .policies()
          .filter(({ name }) => name.startsWith(prefix) || name.startsWith("Amazon"));
        const unnoticed = await Promise.all(policies.map((policy) => survivors(evaluator, policy, cases)));
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
