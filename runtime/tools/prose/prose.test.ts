import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../platform/root.ts";
import { findings, findingsIn } from "./check.ts";
import { proseOf } from "./extract.ts";
import { EXCEPTIONS, OPENERS, PHRASES } from "./phrases.ts";

describe("check of the prose", () => {
  const places: [name: string, file: string, source: string][] = [
    ["doc comments", "a.ts", "/** The row has to exist. */\nexport const a = 1;"],
    ["doc comments of several lines", "a.ts", "/**\n * The row has\n * to exist.\n */\nexport const a = 1;"],
    ["line comments", "a.ts", "const a = 1; // the row has to exist"],
    ["a line comment that continues in the next line", "a.ts", "// the row has\n// to exist\nconst a = 1;"],
    ["string literals", "a.ts", 'throw new Error("The row has to exist");'],
    ["templates", "a.ts", "const text = `Row $" + "{row} has to exist`;"],
    ["test names", "a.test.ts", 'it("says that the row has to exist", () => {});'],
    ["names of test suites", "a.test.ts", 'describe("a row that has to exist", () => {});'],
    ["JavaScript of the dashboard", "a.js", "const page = html`<p>The row has to exist</p>`;"],
    ["comments of SQL", "a.sql", "select 1 -- the row has to exist"],
    ["messages of SQL", "a.sql", "raise exception 'the row has to exist';"],
    ["comments of Python", "a.py", "x = 1  # the row has to exist"],
    ["docstrings", "a.py", '"""The row has to exist."""'],
    ["messages of Python", "a.py", 'raise ValueError("the row has to exist")'],
    ["comments of shell scripts", "a.sh", "# the row has to exist\ntrue"],
    ["comments of workflows", "a.yml", "on: push # the row has to exist"],
    ["style sheets", "a.css", "/* the row has to exist */"],
    ["pages", "a.md", "# Rows\n\nThe row has\nto exist."],
    ["table cells", "a.md", "| row | has to exist |"],
  ];
  for (const [name, file, source] of places) {
    it(`finds a phrase in ${name}`, () => {
      assert.deepEqual(
        findingsIn(file, source).map(({ phrase }) => phrase),
        ["has to"],
      );
    });
  }

  const code: [name: string, file: string, source: string][] = [
    ["identifiers", "a.ts", "export const whoever = { nobody: has.to };"],
    ["inputs of tests", "a.test.ts", 'parse("the row has to exist");'],
    ["a single word in quotes", "a.ts", 'const kind = "whoever";'],
    ["identifiers of SQL", "a.sql", "select nobody from whoever"],
    ["code of pages", "a.md", "```sh\nwhoever has to\n```\n\nRun `whoever has to` now."],
    ["parts of other words", "a.ts", "// amendment, recommend, is nothing"],
    ["allowed wordings", "a.ts", "// there is no row, and it is no longer needed"],
  ];
  for (const [name, file, source] of code) {
    it(`does not report ${name}`, () => assert.deepEqual(findingsIn(file, source), []));
  }

  it("reports doc comments that begin with a question word", () => {
    for (const word of OPENERS) {
      const opener = `${word[0]?.toUpperCase()}${word.slice(1)}`;
      const [finding] = findingsIn("a.ts", `/** ${opener} a run needs. */\nexport const a = 1;`);
      assert.equal(finding?.phrase, `${word} …`);
    }
  });

  it("names file, line and a better wording", () => {
    const [finding] = findingsIn("a.ts", "\n\n// the runner is at work\n");
    assert.equal(finding?.place, "a.ts:3");
    assert.equal(finding.better, "busy or running");
  });

  it("has a better wording and a reason for every phrase, in lower case", () => {
    for (const { find, better, reason } of PHRASES) {
      assert.ok(find.length > 0 && better !== "" && reason !== "");
      for (const phrase of find) assert.equal(phrase, phrase.toLowerCase());
    }
    const all = PHRASES.flatMap(({ find }) => find);
    assert.equal(new Set(all).size, all.length);
  });

  it("has exceptions only for texts that are in their files", () => {
    for (const { file, text, reason } of EXCEPTIONS) {
      const pieces = proseOf(file, readFileSync(join(ROOT, file), "utf8"));
      assert.ok(
        pieces.some((piece) => piece.text === text),
        `${file}: ${text}`,
      );
      assert.notEqual(reason, "");
    }
  });

  it("finds nothing in the project", () => {
    assert.deepEqual(
      findings(ROOT).map(({ place, phrase }) => `${place}: ${phrase}`),
      [],
    );
  });
});
