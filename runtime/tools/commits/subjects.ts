import { execFileSync } from "node:child_process";

/** Maximum length of a subject in characters: lists of commits truncate longer subjects. */
export const MAX_SUBJECT = 72;
/** Start of the rule, in seconds since 1970: commits that were authored earlier are not checked. */
const CHECKED_SINCE = Date.parse("2026-11-29T13:27:00Z") / 1000;
/** Types that https://www.conventionalcommits.org defines or recommends. */
const TYPES = ["build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test"];
const SUBJECT = /^([a-z]{1,10})(?:\(([a-z0-9-]{1,30})\))?!?: (\S.*)$/;
/** Verbs that end like a past tense, a third person or a gerund. */
const IMPERATIVES = new Set(
  "bring embed feed need seed speed shed spread exceed proceed ping string ring access address bypass compress cross discuss dismiss express focus guess pass press process suppress toss".split(
    " ",
  ),
);

/**
 * Checks the subject of a commit.
 *
 * @returns The problem, or undefined for a valid subject.
 */
export function subjectProblem(subject: string): string | undefined {
  const [, type, , description] = SUBJECT.exec(subject) ?? [];
  if (type === undefined || description === undefined) return "must be `type(scope): description`";
  if (!TYPES.includes(type)) return `type must be one of ${TYPES.join(", ")}`;
  if (subject.length > MAX_SUBJECT) return `has ${subject.length} characters; at most ${MAX_SUBJECT}`;
  if (description.endsWith(".")) return "must not end with a period";
  const [verb = ""] = description.split(" ");
  const isImperative = IMPERATIVES.has(verb) || !/(?:ed|ing|s)$/.test(verb);
  return isImperative ? undefined : `must begin with an imperative, not "${verb}"`;
}

/** A commit as `git log` prints it. */
export interface Commit {
  id: string;
  /** Time of authorship in seconds since 1970. */
  authoredAt: number;
  author: string;
  subject: string;
}

/**
 * Returns the problems of the subjects of commits that were authored at `since` or later. Skips commits of bots, whose
 * subjects contain names of packages. Compares with no base commit, so that shallow clones can be checked.
 *
 * @param since - Seconds since 1970.
 */
export function subjectProblems(commits: readonly Commit[], since = CHECKED_SINCE): string[] {
  return commits.flatMap(({ id, authoredAt, author, subject }) => {
    if (authoredAt < since || author.endsWith("[bot]")) return [];
    const problem = subjectProblem(subject);
    return problem === undefined ? [] : [`${id.slice(0, 8)} "${subject}": ${problem}`];
  });
}

/** Reads all commits of a clone except merges. The clone may belong to another user, since CI runs as root. */
export function readCommits(root: string): Commit[] {
  const format = "--format=%H%x09%at%x09%an%x09%s";
  const args = ["-c", "safe.directory=*", "log", "--no-merges", format, "HEAD"];
  return execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 })
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [id = "", authoredAt = "", author = "", ...subject] = line.split("\t");
      return { id, authoredAt: Number(authoredAt), author, subject: subject.join("\t") };
    });
}
