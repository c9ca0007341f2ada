import assert from "node:assert/strict";
import { requireEngine } from "../command.ts";
import { undetectedMutants, unexpectedOutcomes } from "./caseChecks.ts";
import { casesOf, trustCases } from "./cases.ts";
import { type Case, Evaluator } from "./evaluate.ts";
import type { IamEnvironment } from "./iamEnvironment.ts";
import { pythonClients } from "./sourceCalls.ts";
import { type Component, callsOf } from "./tables/component.ts";
import { resourceCases } from "./tables/resources.ts";
import { stackComponents } from "./tables/stackComponents.ts";
import { type StackNames, stackNames } from "./tables/stackNames.ts";
import { deployStack, headersSecretOf, stackFile } from "./testing/deployStack.ts";

/** Two stacks with different roles: dev has raw SQL, Spot and search in Postgres, prod has none of these. */
const STACKS = ["dev", "prod"];

describe("permissions of a stack's components, as the real engine registers them", function () {
  this.timeout(300_000);

  for (const stack of STACKS)
    describe(stack, () => {
      const prefix = `rates-${stack}-`;
      let environment: IamEnvironment;
      let names: StackNames;
      let table: Component[];
      let evaluator: Evaluator;
      let cases: Case[];

      before(async function () {
        requireEngine(this);
        this.timeout(300_000);
        environment = await deployStack(stack);
        names = stackNames(environment, stack, headersSecretOf(stack));
        table = stackComponents(names, stackFile(stack).jobs.rawSql);
        evaluator = new Evaluator(environment);
        cases = [
          ...table.flatMap((component) => casesOf(component, prefix)),
          ...table.flatMap((component) => trustCases(component, prefix, names.roleArn(component.role), names.account)),
          ...resourceCases(names),
        ];
      });

      it("lists every role of the stack in the table", () => {
        const inTable = table.map(({ role }) => `${prefix}${role}`);
        const roles = [...environment.roles.keys()].filter((role) => role.startsWith(prefix));
        assert.deepEqual(roles.sort(), inTable.sort());
      });

      it("allows every call of every component, but not on resources of other stacks or components", async () => {
        assert.deepEqual(await unexpectedOutcomes(evaluator, cases), []);
      });

      it("has a case that detects each mutant of the policies, in which an element is removed or widened", async () => {
        // account.engine.test.ts tests the account's policies.
        const policies = environment
          .policies()
          .filter(({ name }) => name.startsWith(prefix) || name.startsWith("Amazon"));
        const undetected = await Promise.all(policies.map((policy) => undetectedMutants(evaluator, policy, cases)));
        assert.deepEqual(undetected.flat(), []);
      });

      it("lists in the table every call of the components' sources", async () => {
        for (const { role, source, calls, uncalled } of table)
          if (source)
            assert.deepEqual([...Object.keys(calls), ...Object.keys(uncalled)].sort(), await callsOf(source), role);
        assert.deepEqual(pythonClients("runtime/runner/glue/runner.py").sort(), ["rds", "s3", "sqs"]);
      });
    });
});
