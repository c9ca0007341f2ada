import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";

/** A regular expression in the code. */
export interface FoundRegexp {
  /** `PATH:LINE`; the path begins at the root of the clone. */
  place: string;
  /** Undefined for an expression that is built at run time. */
  source: string | undefined;
  flags: string;
}

const SOURCES = /\.(?:ts|js|mjs|py)$/;
const EXCLUDED = /\.test\.ts$|\.d\.ts$|(?:^|\/)testing(?:\/|\.ts$)|(?:^|\/)(?:node_modules|\.cache|\.local|\.venv)\//;
/** Methods of strings that build a regular expression from a string argument. */
const STRING_METHODS = new Set(["match", "matchAll", "search"]);

/** Lists the files of production code at any depth of these folders, by paths from the root with `/` between folders. */
export function sourceFiles(root: string, folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
      .filter((file) => SOURCES.test(file) && !EXCLUDED.test(file)),
  );
}

/** Finds regular expressions in files: literals, strings passed to `RegExp`, `match` and the like, `pattern` in schemas. */
export const regexpsOf = (root: string, files: readonly string[]): FoundRegexp[] =>
  files.flatMap((file) => regexpsIn(file, readFileSync(join(root, file), "utf8")));

export const regexpsIn = (file: string, text: string): FoundRegexp[] =>
  file.endsWith(".py") ? inPython(file, text) : inTypeScript(file, text);

function inTypeScript(file: string, text: string): FoundRegexp[] {
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: FoundRegexp[] = [];
  const add = (node: ts.Node, source: string | undefined, flags = "") => {
    const { line } = tree.getLineAndCharacterOfPosition(node.getStart());
    found.push({ place: `${file}:${line + 1}`, source, flags });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf("/");
      add(node, node.text.slice(1, end), node.text.slice(end + 1));
    } else if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === "RegExp") {
      const [pattern, flags] = node.arguments ?? [];
      add(node, textOf(pattern), textOf(flags) ?? "");
    } else if (
      ts.isCallExpression(node) &&
      ts.isPropertyAccessExpression(node.expression) &&
      STRING_METHODS.has(node.expression.name.text)
    ) {
      const source = textOf(node.arguments[0]);
      if (source !== undefined) add(node, source);
    } else if (ts.isPropertyAssignment(node) && node.name.getText() === "pattern") {
      const source = textOf(node.initializer);
      if (source !== undefined) add(node, source, "u");
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

const textOf = (node: ts.Node | undefined): string | undefined =>
  node && ts.isStringLiteralLike(node) ? node.text : undefined;

const PYTHON_CALL = /\bre\.(?:compile|match|fullmatch|search|sub|split|findall|finditer)\(\s{0,99}/g;
const PYTHON_TEXT = /(?:b?r|rb|u)?("|')((?:\\.|(?!\1)[^\\\n])*)\1/y;

/**
 * Finds calls of Python's `re` and translates the string literal that each receives to JavaScript syntax. The source is
 * undefined if the argument is not a literal.
 */
function inPython(file: string, text: string): FoundRegexp[] {
  return [...text.matchAll(PYTHON_CALL)].map((call) => {
    PYTHON_TEXT.lastIndex = call.index + call[0].length;
    const [, , source] = PYTHON_TEXT.exec(text) ?? [];
    return {
      place: `${file}:${text.slice(0, call.index).split("\n").length}`,
      source: source?.replaceAll("(?P<", "(?<").replaceAll("\\Z", "$").replaceAll("\\A", "^"),
      flags: "",
    };
  });
}
