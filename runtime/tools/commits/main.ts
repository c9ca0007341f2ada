import { ROOT } from "../../platform/root.ts";
import { readCommits, subjectProblems } from "./subjects.ts";

/**
 * `node runtime/tools/commits/main.ts`: checks the subjects of the commits of this clone; part of `npm test` and `npm
 * run check`.
 */
const problems = subjectProblems(readCommits(ROOT));
for (const problem of problems) console.log(problem);
if (problems.length > 0) {
  console.log(
    "Subjects follow CONTRIBUTING.md, for example: fix(runner): report an administrator's cancel as Interrupted",
  );
  process.exitCode = 1;
}
