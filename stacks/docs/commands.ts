import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { marked } from "marked";
import { pathOf } from "./pages.ts";

/** A block of commands of a page. Its first line says who tries it: ```sh, or one of these behind it. */
export interface Block {
  readonly page: string;
  /** Counts the page's blocks from 1. */
  readonly number: number;
  readonly text: string;
  /**
   * `here`: run by commands.test.ts against a platform on this machine, one block after the other. `account`: needs an
   * AWS account; only read by a shell. A path: run by that test.
   */
  readonly by: "here" | "account" | (string & {});
  /** The exit code that the page speaks of, where it is not 0 (`exit=1`). */
  readonly exit: number;
}

const SKIPPED = new Set(["node_modules", ".git"]);

/** Every page of the clone, by its path. */
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

/** The blocks of commands of a page. `file` marks a listing, which is no command. @throws where nobody would try one */
export function blocksOf(page: string, text = readFileSync(pathOf(page), "utf8")): Block[] {
  const blocks: Block[] = [];
  marked.walkTokens(marked.lexer(text), (token) => {
    if (token.type !== "code") return;
    const [language, ...words] = (token.lang ?? "").split(" ");
    if (!["sh", "bash", "console", "shell"].includes(language) || words.includes("file")) return;
    const number = blocks.length + 1;
    const value = (name: string) => words.find((word: string) => word.startsWith(`${name}=`))?.slice(name.length + 1);
    const unknown = words.filter((word: string) => !/^(account|by=\S+\.test\.ts|exit=\d+)$/.test(word));
    if (language !== "sh" || unknown.length > 0)
      throw new Error(
        `${page}, block ${number}: write sh, sh account, sh by=<test file> or sh exit=<code>, not ${token.lang}`,
      );
    const by = value("by") ?? (words.includes("account") ? "account" : "here");
    blocks.push({ page, number, text: token.text, by, exit: Number(value("exit") ?? 0) });
  });
  return blocks;
}
