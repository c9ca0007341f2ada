import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { marked, type Token } from "marked";
import { StackConfig } from "../config/schema.ts";
import { documents } from "./commands.ts";
import { PAGES, pageOf, pathOf } from "./pages.ts";
import { alignTables, insertGenerated, unformatted } from "./tables.ts";

/** Links of a page, and the anchors of its headings (GitHub's: lower case, hyphens for spaces). */
function linksOf(text: string): { links: string[]; anchors: string[] } {
  const links: string[] = [];
  const anchors: string[] = [];
  marked.walkTokens(marked.lexer(text), (token: Token) => {
    if (token.type === "link") links.push(token.href);
    if (token.type === "heading")
      anchors.push(
        token.text
          .toLowerCase()
          .replace(/[^\p{L}\p{N} _-]/gu, "")
          .replaceAll(" ", "-"),
      );
  });
  return { links, anchors };
}

/** Keys in a JSON schema, with the path of each; `[]` follows the key of a list of objects. */
function keysOf(schema: unknown, path = ""): string[] {
  const { properties, items, anyOf = [] } = schema as { properties?: object; items?: object; anyOf?: object[] };
  if (anyOf.length > 0) return anyOf.flatMap((choice) => keysOf(choice, path));
  const nested = Object.entries(properties ?? {}).flatMap(([name, property]) =>
    keysOf(property, path === "" ? name : `${path}.${name}`),
  );
  return [
    ...(properties ? [] : [path]),
    ...nested,
    ...(items && "properties" in items ? keysOf(items, `${path}[]`) : []),
  ];
}

/** Names of request fields that look like file names. */
const NOT_FILES = new Set(["task.sql"]);

describe("pages", () => {
  it("are refused if the begin or end comment of a generated part is missing", () => {
    for (const page of ["text", "<!-- t: begin -->", "<!-- t: end -->"])
      assert.throws(() => insertGenerated(page, { t: () => "| a |" }), /does not contain <!-- t: begin -->/);
  });

  for (const name of Object.keys(PAGES))
    it(`have up-to-date generated parts: ${name}`, () => {
      const { current, generated } = pageOf(name);
      assert.equal(unformatted(current), unformatted(generated), "run `node stacks/docs/main.ts`");
    });

  it("list every key of a stack's configuration, and the cost of each stack", () => {
    const { current } = pageOf("stacks/README.md");
    const keys = keysOf(StackConfig);
    for (const key of ["quotas.share", "callers", "callers[].principal", "tracking.zoneCount"])
      assert.ok(keys.includes(key), key);
    assert.deepEqual(
      keys.filter((key) => !unformatted(current).includes(`|\`${key}\`|`)),
      [],
    );
    for (const stack of ["dev", "staging", "prod"]) assert.match(current, new RegExp(`\\| ${stack} `));
  });

  it("have generated tables with aligned columns", () => {
    assert.equal(
      alignTables("a\n\n|x|y\\|z|\n|---|---|\n|long cell|1|\n"),
      "a\n\n| x         | y\\|z |\n| --------- | ---- |\n| long cell | 1    |\n",
    );
  });

  it("mention existing files only", () => {
    const missing: string[] = [];
    for (const page of documents())
      marked.walkTokens(marked.lexer(readFileSync(pathOf(page), "utf8")), (token: Token) => {
        if (token.type !== "codespan") return;
        const [, file] =
          /^(?:node |bash )?([\w.-]+(?:\/[\w.-]+)*\.(?:ts|mjs|sh|sql|py|md))(?: |$)/.exec(token.text) ?? [];
        if (file === undefined || NOT_FILES.has(file)) return;
        const folder = dirname(pathOf(page));
        if (existsSync(pathOf(file)) || existsSync(join(folder, file))) return;
        // A page in a folder may use the bare name of any file in that folder.
        const files = page.includes("/") ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : [];
        if (!files.some((path) => path.endsWith(`/${file}`))) missing.push(`${page}: ${token.text}`);
      });
    assert.deepEqual(missing, []);
  });

  it("link to existing files and headings", () => {
    const broken: string[] = [];
    for (const page of documents())
      for (const link of linksOf(readFileSync(pathOf(page), "utf8")).links) {
        if (/^[a-z]+:/.test(link)) continue;
        const [file = "", anchor] = link.split("#");
        const target = file === "" ? pathOf(page) : join(dirname(pathOf(page)), file);
        if (!existsSync(target)) broken.push(`${page}: ${link}`);
        else if (anchor && !linksOf(readFileSync(target, "utf8")).anchors.includes(anchor))
          broken.push(`${page}: ${link}`);
      }
    assert.deepEqual(broken, []);
  });
});
