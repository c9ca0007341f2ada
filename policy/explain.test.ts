import assert from "node:assert/strict";
import Value from "typebox/value";
import { ROOT } from "../runtime/platform/root.ts";
import { readStackFile } from "../stacks/config/parse.ts";
import { unformatted } from "../stacks/docs/tables.ts";
import { ALL_RULES, details } from "./explain.ts";
import { page, runCommand, withTables } from "./main.ts";

describe("npm run policy", () => {
  it("lists every rule with its level and summary", () => {
    const { text, status } = runCommand(["explain"]);
    assert.equal(status, 0);
    const lines = text.split("\n").map((line) => line.trim().replace(/ {2,}/g, " "));
    for (const { name, level, description } of ALL_RULES)
      assert.ok(lines.includes(`${name} ${level} ${description}`), name);
  });

  it("prints source, remedy and each setting with its default for each named rule", () => {
    const { text } = runCommand(["explain", "rds-backups", "sqs-visibility-covers-function"]);
    assert.match(
      text,
      /^sqs-visibility-covers-function\n {2}Requires: .*\n {2}Level: mandatory, severity high\n {2}Source: AWS Lambda/m,
    );
    assert.match(
      text,
      /^ {4}factor: required visibility timeout, in multiples of the function's timeout \(default 6\)$/m,
    );
    assert.match(text, /^rds-backups\n/m);
    for (const rule of ALL_RULES) assert.doesNotMatch(details(rule), /undefined|\[object/, rule.name);
  });

  it("suggests rules for an unknown name, and prints the usage for an unknown command", () => {
    assert.deepEqual(runCommand(["explain", "rds-backup"]), {
      text: "There is no rule 'rds-backup': did you mean rds-backups?",
      status: 2,
    });
    assert.deepEqual(runCommand(["explain", "opensearch-t", "kms", "no-such"]), {
      text: [
        "There is no rule 'opensearch-t': did you mean opensearch-tls?",
        "There is no rule 'kms': did you mean kms-rotation?",
        "There is no rule 'no-such': did you mean elb-tls?",
      ].join("\n"),
      status: 2,
    });
    assert.match(
      runCommand(["explain", "elb"]).text,
      /did you mean elb-drop-invalid-headers or elb-deletion-protection or /,
    );
    assert.equal(runCommand(["explian"]).status, 2);
    assert.deepEqual([runCommand(["explain", "--help"]).status, runCommand(["config", "--help"]).status], [0, 0]);
    assert.match(runCommand([]).text, /npm run policy -- explain/);
  });
});

describe("npm run policy -- config", () => {
  it("prints quotas and share of a stack for the rules that need them", () => {
    const { quotas } = readStackFile("dev", ROOT);
    const { text, status } = runCommand(["config", "dev"]);
    assert.equal(status, 0);
    const config = JSON.parse(text);
    assert.deepEqual(config["ec2-vcpus"], { ec2Vcpus: quotas.ec2Vcpus, share: quotas.share });
    assert.deepEqual(config["glue-dpus"], { glueDpus: quotas.glueDpus, share: quotas.share });
    assert.deepEqual(config["aws-provider-pinned"], { accountId: "111111111111" });
    assert.equal(config["rds-connections"].perTask, 9, "a pool of 8, and the connection that plans reads");
  });

  it("prints whether the stack keeps data, for the rules with that setting", () => {
    const config = (stack: string) => JSON.parse(runCommand(["config", stack, "security"]).text)["rds-multi-az"];
    assert.deepEqual([config("dev"), config("prod")], [{ holdsData: false }, { holdsData: true }]);
    assert.deepEqual(runCommand(["config", "dev", "secutiry"]), {
      text: "There is no pack 'secutiry': use limits or security.",
      status: 2,
    });
    assert.equal(runCommand(["config", "dev", "limits", "security"]).status, 2);
  });

  it("names the missing file of an unknown stack", () => {
    const { text, status } = runCommand(["config", "nope"]);
    assert.equal(status, 2);
    assert.match(text, /Pulumi\.nope\.yaml cannot be read/);
  });
});

describe("the page about policies", () => {
  it("has up-to-date tables of all rules", () => {
    assert.equal(
      unformatted(page()),
      unformatted(withTables(page())),
      "`npm run policy -- write` brings it up to date",
    );
  });

  it("configures existing rules with existing settings", () => {
    const blocks = Array.from(page().matchAll(/```json policy-config\n(.*?)```/gs), ([, text = ""]) =>
      JSON.parse(text),
    );
    assert.equal(blocks.length, 2);
    for (const block of blocks)
      for (const [name, ruleConfig] of Object.entries<string | Record<string, unknown>>(block)) {
        const rule = ALL_RULES.find((candidate) => candidate.name === name);
        assert.ok(rule, name);
        if (typeof ruleConfig === "string") {
          assert.equal(ruleConfig, "remediate");
          assert.ok(rule.scope === "resource" && rule.fix, `${name} supports remediation`);
          continue;
        }
        const { exempt: _, enforcementLevel: __, ...ruleSettings } = ruleConfig;
        for (const [key, value] of Object.entries(ruleSettings)) {
          const schema = rule.settings[key];
          assert.ok(schema, `${name} has no ${key}`);
          assert.ok(Value.Check(schema, value), `${name}.${key}`);
        }
      }
  });
});
