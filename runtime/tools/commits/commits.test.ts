import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { MAX_SUBJECT, readCommits, subjectProblem, subjectProblems } from "./subjects.ts";

describe("check of commit subjects", () => {
  for (const subject of [
    "fix(runner): report an administrator's cancel as Interrupted",
    "feat!: remove the old routes",
    "docs: address questions of readers",
    "perf(api): process bodies once",
    `fix: ${"x".repeat(MAX_SUBJECT - 5)}`,
  ]) {
    it(`accepts "${subject.slice(0, 60)}"`, () => assert.equal(subjectProblem(subject), undefined));
  }

  const refused: [subject: string, problem: RegExp][] = [
    ["Say once which session is forgotten", /type\(scope\)/],
    ["feature(api): add a route", /type must be one of/],
    ["fix(runner):report", /type\(scope\)/],
    ["fix(Runner): report", /type\(scope\)/],
    ["fix(runner): reported a cancel", /imperative/],
    ["fix(runner): reporting a cancel", /imperative/],
    ["fix(runner): reports a cancel", /imperative/],
    ["fix(runner): report a cancel.", /period/],
    [`fix: ${"x".repeat(MAX_SUBJECT - 4)}`, /characters/],
  ];
  for (const [subject, problem] of refused) {
    it(`refuses "${subject.slice(0, 60)}"`, () => assert.match(subjectProblem(subject) ?? "", problem));
  }

  it("skips commits from before the rule, and commits of bots", () => {
    const commit = { id: "0123456789", authoredAt: 100, author: "A", subject: "No type" };
    assert.equal(subjectProblems([commit], 101).length, 0);
    assert.equal(subjectProblems([{ ...commit, author: "dependabot[bot]" }], 100).length, 0);
    assert.equal(subjectProblems([commit], 100).length, 1);
  });

  it("reads the newest commit of a shallow clone", () => {
    const folder = mkdtempSync(join(tmpdir(), "commits-"));
    try {
      const git = (...args: string[]) =>
        execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], {
          cwd: folder,
          stdio: "pipe",
        });
      git("init", "-q", "whole");
      for (const subject of ["First", "Second"]) {
        git("-C", "whole", "commit", "-q", "--allow-empty", "-m", subject);
      }
      git("clone", "-q", "--depth", "1", pathToFileURL(join(folder, "whole")).href, "shallow");
      const problems = subjectProblems(readCommits(join(folder, "shallow")), 0);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? "", /"Second"/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
