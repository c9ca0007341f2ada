import assert from "node:assert/strict";
import { PACKS } from "./explain.ts";
import { EXPECTED_MESSAGES } from "./testing/expectedMessages.ts";
import { MUTANTS } from "./testing/mutants.ts";
import { type EngineResource, type Finding, type Pack, secret, startPack } from "./testing/packClient.ts";
import { compliantProgram, SETTINGS } from "./testing/program/compliant.ts";
import { ROLE } from "./types.ts";
import { UNKNOWN_TEXT } from "./unknownValues.ts";

/** Marks every property of the resources as a secret. */
const withSecrets = (resources: EngineResource[]): EngineResource[] =>
  resources.map((resource) => ({
    ...resource,
    props: Object.fromEntries(
      Object.entries(resource.props).map(([key, value]) => [key, value === null ? null : secret(value)]),
    ),
  }));

const topProperty = (path: string): string => path.replace(/\..*/, "");

for (const name of ["limits", "security"] as const)
  describe(`the pack ${name}, called by the engine`, () => {
    let pack: Pack;
    before(async () => {
      pack = await startPack(name);
      await pack.configure(SETTINGS);
    });
    after(() => pack.close());

    const findingsOf = async (resources: EngineResource[], rule: string): Promise<Finding[]> =>
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

    it("reports an unknown list item as an advisory, and an unknown value in a JSON text as a violation", async () => {
      const Statement = [{ Effect: "Allow", Action: "s3:GetObject", Resource: UNKNOWN_TEXT }];
      const role = (roleName: string, props: Record<string, unknown>): EngineResource => ({
        type: ROLE,
        name: roleName,
        props: { assumeRolePolicy: "{}", ...props },
      });
      const findings = await pack.findings([
        role("arn", { managedPolicyArns: [UNKNOWN_TEXT] }),
        role("policy", { inlinePolicies: [{ name: "own", policy: UNKNOWN_TEXT }] }),
        role("statement", { inlinePolicies: [{ name: "own", policy: JSON.stringify({ Statement }) }] }),
      ]);
      const later = "is unknown during the preview, and is checked during the update.";
      const never = "is unknown, so the rule cannot be checked: set an explicit value.";
      const statement = "statement: inlinePolicies[0].policy.Statement[0].Resource";
      assert.deepEqual(
        findings
          .filter(({ policy }) => policy.startsWith("iam-"))
          .map(({ policy, level, message }) => `${policy} ${level} ${message.replace(/^can't run .* preview: /, "")}`),
        {
          limits: [`iam-role-policy-size advisory policy: inlinePolicies[0].policy ${later}`],
          security: [
            `iam-no-wildcards advisory arn: managedPolicyArns[0] ${later}`,
            `iam-no-wildcards advisory policy: inlinePolicies[0].policy ${later}`,
            `iam-no-service-wildcards advisory policy: inlinePolicies[0].policy ${later}`,
            `iam-no-wildcards mandatory ${statement} ${never}`,
            `iam-no-service-wildcards mandatory ${statement} ${never}`,
          ],
        }[name],
      );
    });

    for (const { name: rule, level, mayBeUnknown, presenceOf, framework, remediation, description } of PACKS[name]
      .rules) {
      it(`${rule} reports the problem and the remedy of each mutant`, async () => {
        for (const text of [framework.reference, remediation, description]) assert.notEqual(text, "");
        for (const { label, mutate } of MUTANTS[rule] ?? []) {
          const mutant = compliantProgram();
          mutate(mutant);
          const findings = await findingsOf(mutant, rule);
          assert.deepEqual(
            findings.map(({ message }) => message),
            EXPECTED_MESSAGES[label],
            label,
          );
          for (const finding of findings) assert.equal(finding.urn.startsWith("urn:pulumi:"), true);
          if (level === "mandatory") assert.ok(findings.every((finding) => finding.level === "mandatory"));
          const withSecret = (await findingsOf(withSecrets(mutant), rule)).map(({ message }) => message);
          assert.deepEqual(withSecret, EXPECTED_MESSAGES[label], `${label}, with all properties secret`);
        }
      });

      const targets = (MUTANTS[rule] ?? []).flatMap(({ target }) =>
        target === undefined || presenceOf.includes(topProperty(target.path)) ? [] : [target],
      );
      if (targets.length === 0) continue;
      it(`${rule} reports unknown values`, async () => {
        for (const target of targets) {
          const property = topProperty(target.path);
          const program = compliantProgram();
          const resource = program.find(({ type, name }) => type === target.type && name.endsWith(target.suffix));
          assert.ok(resource);
          resource.props[property] = UNKNOWN_TEXT;
          const findings = await findingsOf(program, rule);
          const isCheckedLater = mayBeUnknown.some((path) => path === property || path.startsWith(`${property}.`));
          assert.ok(findings.length > 0, `${target.path} unknown`);
          for (const { message, level: reportedLevel } of findings) {
            assert.match(
              message,
              isCheckedLater
                ? /is unknown during the preview, and is checked during the update/
                : /is unknown, so the rule cannot be checked/,
            );
            assert.equal(reportedLevel, isCheckedLater ? "advisory" : level);
          }
        }
      });
    }
  });
