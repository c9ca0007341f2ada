import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { proseOf } from "./extract.ts";
import { CHECKED, EXCEPTIONS, OPENERS, PHRASES, UNCHECKED } from "./phrases.ts";

/** An avoided wording in a file. */
export interface Finding {
  /** `PATH:LINE`; the path begins at the root of the clone. */
  place: string;
  phrase: string;
  better: string;
  reason: string;
  text: string;
}

/**
 * Finds avoided wordings in the prose of one file: comments, string literals, test names, pages. Code is not checked.
 *
 * @param file - Path from the root of the clone, with `/` between folders.
 */
export function findingsIn(file: string, source: string): Finding[] {
  const allowed = new Set(EXCEPTIONS.filter((exception) => exception.file === file).map(({ text }) => text));
  return proseOf(file, source).flatMap(({ kind, line, text }) => {
    if (allowed.has(text)) return [];
    const plain = text.toLowerCase().replaceAll("\n", " ").split(" ").filter(Boolean).join(" ");
    const found = PHRASES.filter(({ kinds }) => kinds === undefined || kinds.includes(kind)).flatMap(
      ({ find, unless = [], better, reason }) =>
        find.filter((phrase) => contains(plain, phrase, unless)).map((phrase) => ({ phrase, better, reason })),
    );
    const [first = ""] = plain.split(" ");
    if (kind === "doc" && OPENERS.includes(first)) {
      const better = "begin with a verb or the thing itself";
      found.push({ phrase: `${first} …`, better, reason: "A question word delays what is documented." });
    }
    return found.map((each) => ({ place: `${file}:${line}`, text, ...each }));
  });
}

/** Returns true if the text has the phrase at word boundaries, outside of allowed wordings. */
function contains(text: string, phrase: string, unless: readonly string[]): boolean {
  for (let at = text.indexOf(phrase); at >= 0; at = text.indexOf(phrase, at + 1)) {
    if (isWordPart(text[at - 1]) || isWordPart(text[at + phrase.length])) continue;
    const isAllowed = unless.some((wording) => {
      const start = at - wording.indexOf(phrase);
      return start >= 0 && text.startsWith(wording, start);
    });
    if (!isAllowed) return true;
  }
  return false;
}

const isWordPart = (character: string | undefined): boolean =>
  character !== undefined && /[a-z0-9_'’$-]/.test(character);

/** Lists the files whose prose is checked, including new files that are not in Git's index yet. */
function checkedFiles(root: string, folders: readonly string[]): string[] {
  return execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\n")
    .filter((file) => folders.some((folder) => file.startsWith(folder)))
    .filter((file) => !UNCHECKED.some((prefix) => file.startsWith(prefix)));
}

/** Finds avoided wordings in all checked files. Skips deleted files that are still in Git's index. */
export function findings(root: string, folders: readonly string[] = CHECKED): Finding[] {
  return checkedFiles(root, folders).flatMap((file) => {
    const source = readIfExists(join(root, file));
    return source === undefined ? [] : findingsIn(file, source);
  });
}

function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
