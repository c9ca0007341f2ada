import assert from "node:assert/strict";
import { PACKS } from "./explain.ts";
import { EXPECTED_MESSAGES } from "./testing/expectedMessages.ts";
import { MUTANTS } from "./testing/mutants.ts";
import { type EngineResource, type Finding, type Pack, secret, startPack } from "./testing/packClient.ts";
import { compliantProgram, SETTINGS } from "./testing/program/compliant.ts";
import { UNKNOWN_TEXT } from "./unknownValues.ts";

/** Replaces every value of a resource with an unknown one. */
const secretly = (resources: EngineResource[]): EngineResource[] =>
  resources.map((one) => ({
    ...one,
    props: Object.fromEntries(
      Object.entries(one.props).map(([key, value]) => [key, value === null ? null : secret(value)]),
    ),
  }));

for (const name of ["limits", "security"] as const)
  describe(`the pack ${name}, called by the engine`, () => {
    let pack: Pack;
    before(async () => {
      pack = await startPack(name);
      await pack.configure(SETTINGS);
    });
    after(() => pack.close());

    const said = async (resources: EngineResource[], rule: string): Promise<Finding[]> =>
      (await pack.findings(resources)).filter(({ policy }) => policy === rule);

    it("finds nothing in a compliant program or an empty one", async () => {
      assert.deepEqual(await pack.findings(compliantProgram()), []);
      assert.deepEqual(await pack.findings([]), []);
    });

    it("has a mutant for each rule", () =>
      assert.deepEqual(
        PACKS[name].rules.map((rule) => rule.name).filter((rule) => (MUTANTS[rule] ?? []).length === 0),
        [],
      ));

    for (const { name: rule, level, mayBeUnknown, presenceOf, framework, remediation, description } of PACKS[name]
      .rules) {
      it(`${rule} reports the problem, the excess and the remedy`, async () => {
        for (const told of [framework.reference, remediation, description]) assert.notEqual(told, "");
        for (const { what, mutate } of MUTANTS[rule] ?? []) {
          const mutant = compliantProgram();
          mutate(mutant);
          const findings = await said(mutant, rule);
          assert.deepEqual(
            findings.map(({ message }) => message),
            EXPECTED_MESSAGES[what],
            what,
          );
          for (const finding of findings) assert.equal(finding.urn.startsWith("urn:pulumi:"), true);
          if (level === "mandatory") assert.ok(findings.every((finding) => finding.level === "mandatory"));
          const hidden = (await said(secretly(mutant), rule)).map(({ message }) => message);
          assert.deepEqual(hidden, EXPECTED_MESSAGES[what], `${what}, all of it secret`);
        }
      });

      it(`${rule} does not pass unknown values`, async () => {
        for (const { what, at } of MUTANTS[rule] ?? []) {
          if (at === undefined) continue;
          const [top = ""] = at.path.split(".");
          if (presenceOf.includes(top)) continue;
          const program = compliantProgram();
          const one = program.find((resource) => resource.type === at.type && resource.name.endsWith(at.ending));
          assert.ok(one);
          one.props[top] = UNKNOWN_TEXT;
          const findings = await said(program, rule);
          const later = mayBeUnknown.some((path) => path === top || path.startsWith(`${top}.`));
          assert.ok(findings.length > 0, `${what}: ${top} unknown`);
          for (const { message, level: told } of findings) {
            assert.match(
              message,
              later
                ? /is unknown until it is created, and will be checked then/
                : /is unknown, so the rule cannot be checked/,
            );
            assert.equal(told, later ? "advisory" : level);
          }
        }
      });
    }
  });
