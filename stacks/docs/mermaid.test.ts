import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { marked } from "marked";
import type { Browser, Page } from "playwright";
import { startChromium } from "../../runtime/testing/dashboard/chromium.ts";
import { documents } from "./commands.ts";
import { pathOf } from "./pages.ts";

/** Mermaid's global object in the browser. */
declare const mermaid: {
  initialize(options: { startOnLoad: boolean }): void;
  render(id: string, text: string): Promise<{ svg: string }>;
};

/** A diagram of a page. */
interface Diagram {
  readonly page: string;
  readonly text: string;
}

/** Pages that must have a diagram. */
const WITH_DIAGRAMS = [
  "README.md",
  "ARCHITECTURE.md",
  "docs/security.md",
  "runtime/contract/README.md",
  "stacks/planning/README.md",
];

function diagramsOf(page: string): Diagram[] {
  const diagrams: Diagram[] = [];
  marked.walkTokens(marked.lexer(readFileSync(pathOf(page), "utf8")), (token) => {
    if (token.type === "code" && token.lang === "mermaid") diagrams.push({ page, text: token.text });
  });
  return diagrams;
}

describe("Mermaid diagrams of the pages", () => {
  const diagrams = documents().flatMap(diagramsOf);

  it("are in each page that must have one", () => {
    const pages = new Set(diagrams.map(({ page }) => page));
    assert.deepEqual(
      WITH_DIAGRAMS.filter((page) => !pages.has(page)),
      [],
    );
  });

  describe("in a browser", () => {
    let browser: Browser;
    let page: Page;
    before(async function () {
      browser = await startChromium(this);
      page = await browser.newPage();
      await page.addScriptTag({ path: fileURLToPath(import.meta.resolve("mermaid/dist/mermaid.min.js")) });
      await page.evaluate(() => mermaid.initialize({ startOnLoad: false }));
    });
    after(() => browser?.close());

    /** Renders a diagram and returns its SVG, or the error. */
    const render = (text: string) =>
      page.evaluate(async (source) => {
        try {
          const { svg } = await mermaid.render("diagram", source);
          return { svg };
        } catch (error) {
          return { error: String(error) };
        }
      }, text);

    it("render without errors", async () => {
      for (const { page: name, text } of diagrams) {
        const { svg, error } = await render(text);
        assert.equal(error, undefined, `${name}: ${error}\n${text}`);
        assert.match(svg ?? "", /<\/svg>$/, name);
      }
    });

    it("fail to render if the syntax is wrong", async () => {
      for (const text of ["flowchart LR\n  a[Queue --> b", "stateDiagram-v2\n  [*] ->-> PENDING", "graphic\n  a --> b"])
        assert.notEqual((await render(text)).error, undefined, text);
    });
  });
});
