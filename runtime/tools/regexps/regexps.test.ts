import assert from "node:assert/strict";
import { check } from "recheck";
import { ROOT } from "../../platform/root.ts";
import { type FoundRegexp, regexpsIn, regexpsOf, sourceFiles } from "./find.ts";

const FOLDERS = ["stacks", "infra", "policy", "runtime", "db"];
/** Time limit for checking one expression, in milliseconds. An unfinished check counts as a finding. */
const TIMEOUT_MS = 120_000;

/** Expressions that take more than linear time, but only on text of this repository; by file, with the reason. */
const OWN_TEXT: Record<string, string> = {
  "stacks/docs/tables.ts": "reads the pages of this repository",
  "stacks/workflows/pins.ts": "reads the workflows of this repository, line by line",
  "runtime/queries/file.ts": "reads the query files of this repository, once per process",
};
/** Expressions that are built at run time, by file, with their parts. */
const DYNAMIC: Record<string, string> = {
  "infra/limits/limits.ts": "one character class, constant in this file",
  "runtime/api/plugins/methods.ts": "paths of this API's routes; parameters become [^/]+",
  "runtime/cli/lib/visible.ts": "digits that this process chose",
  "runtime/contract/invisible.ts": "one character class, constant in this file",
  "runtime/contract/problems.ts": "patterns of schemas, each of which is found in the file that defines it",
  "runtime/local/aws/sqs.ts": "two media types, constant in this file",
  "runtime/tracking/opensearch/indices.ts": "the stack's index prefix, letters, digits and hyphens by its schema",
};

const fileOf = ({ place }: FoundRegexp): string => place.slice(0, place.lastIndexOf(":"));

/** Returns the checker's verdict on an expression; undefined if it takes linear time on any text. */
async function weakness({ source = "", flags }: FoundRegexp): Promise<string | undefined> {
  const { status } = await check(source, flags, { timeout: TIMEOUT_MS });
  return status === "safe" ? undefined : status;
}

describe("regular expressions of the code", () => {
  const all = regexpsOf(ROOT, sourceFiles(ROOT, FOLDERS));

  it("are found in TypeScript, schemas, the dashboard and Python", () => {
    const files = new Set(all.map(fileOf));
    for (const file of [
      "runtime/contract/request.ts",
      "runtime/api/dashboard/client/format.js",
      "runtime/runner/glue/runner.py",
      "runtime/cli/lib/params.ts",
      "policy/security/secrets.ts",
      "db/splitter.ts",
    ])
      assert.ok(files.has(file), `none was found in ${file}`);
  });

  it("take linear time on any text that a caller sends", async function () {
    this.timeout(600_000);
    this.slow(60_000);
    const distinct = new Map(
      all
        .filter((regexp) => regexp.source !== undefined && !(fileOf(regexp) in OWN_TEXT))
        .map((regexp) => [`/${regexp.source}/${regexp.flags}`, regexp]),
    );
    const findings: string[] = [];
    for (const [text, regexp] of distinct) {
      const found = await weakness(regexp);
      if (found !== undefined) findings.push(`${regexp.place}: ${text} is ${found}`);
    }
    assert.deepEqual(findings, []);
  });

  it("are listed with a reason when they are built at run time", () => {
    const files = all.filter(({ source }) => source === undefined).map(fileOf);
    assert.deepEqual([...new Set(files)].sort(), Object.keys(DYNAMIC).sort());
  });

  it("have exceptions only for files that need one", async function () {
    this.timeout(60_000);
    for (const file of Object.keys(OWN_TEXT)) {
      const found = await Promise.all(all.filter((regexp) => fileOf(regexp) === file).map(weakness));
      assert.ok(
        found.some((reason) => reason !== undefined),
        `${file} needs no exception`,
      );
    }
  });

  /** Ways to write an expression that takes quadratic time or longer. */
  const WEAK: Record<string, string> = {
    "a literal": "a.ts: text.replace(/\\s+$/, '')",
    "a constructor": "a.ts: new RegExp('(a+)+$', 'i')",
    "a template": "a.js: RegExp(`x*x*$`)",
    "a method that takes text": "a.ts: text.match('a*a*$')",
    "a pattern of a schema": "a.ts: const schema = { pattern: '^.*[^x]+$' }",
    "an expression of Python": "a.py: found = re.compile(\n    r'(?P<name>\\w*)*$')",
    "text of Python": 'a.py: re.sub(" +$", "", text)',
  };
  for (const [name, written] of Object.entries(WEAK))
    it(`rejects a weak expression: ${name}`, async () => {
      const [file = "", ...rest] = written.split(": ");
      const [found] = regexpsIn(file, rest.join(": "));
      assert.ok(found?.source !== undefined, "it was not found");
      assert.match(String(await weakness(found)), /vulnerable/);
    });
});
