import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { marked } from "marked";
import { pathOf } from "./pages.ts";

/** A block of commands of a page. The words after ```sh name its test. */
export interface Block {
  readonly page: string;
  /** Number of the block in the page, from 1. */
  readonly number: number;
  readonly text: string;
  /**
   * `here` (default): run by commands.test.ts against a local platform, one block after the other. `account`: needs an
   * AWS account, and is therefore checked but not run. A path (`by=…`): run by that test.
   */
  readonly by: "here" | "account" | (string & {});
  /** Expected exit code (`exit=1`); 0 by default. */
  readonly exit: number;
}

const SKIPPED = new Set(["node_modules", ".git"]);

/** Returns the paths of all Markdown pages of the repository. */
export function documents(folder = ""): string[] {
  return readdirSync(pathOf(folder || "."), { withFileTypes: true })
    .filter(({ name }) => !SKIPPED.has(name) && !name.startsWith(".local"))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return documents(path);
      return entry.name.endsWith(".md") ? [path] : [];
    })
    .sort();
}

/**
 * Returns the command blocks of a page. Blocks with the word `file` are listings, and are left out.
 *
 * @throws if a block has another shell language than sh, or an unknown word
 */
export function blocksOf(page: string, text = readFileSync(pathOf(page), "utf8")): Block[] {
  const blocks: Block[] = [];
  marked.walkTokens(marked.lexer(text), (token) => {
    if (token.type !== "code") return;
    const [language, ...words] = (token.lang ?? "").split(" ");
    if (!["sh", "bash", "console", "shell"].includes(language) || words.includes("file")) return;
    const number = blocks.length + 1;
    const optionOf = (name: string) =>
      words.find((word: string) => word.startsWith(`${name}=`))?.slice(name.length + 1);
    const unknown = words.filter((word: string) => !/^(account|by=\S+\.test\.ts|exit=\d+)$/.test(word));
    if (language !== "sh" || unknown.length > 0)
      throw new Error(
        `${page}, block ${number}: write sh, sh account, sh by=<test file> or sh exit=<code>, not ${token.lang}`,
      );
    const by = optionOf("by") ?? (words.includes("account") ? "account" : "here");
    blocks.push({ page, number, text: token.text, by, exit: Number(optionOf("exit") ?? 0) });
  });
  return blocks;
}
