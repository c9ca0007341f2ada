import ts from "typescript";

/** Kinds of prose: a doc comment, any other comment, a string literal, a test name, a page. */
export type ProseKind = "doc" | "comment" | "text" | "test" | "page";

/** A piece of prose in a file. */
export interface Prose {
  kind: ProseKind;
  /** Offset of the piece in the file. */
  start: number;
  end: number;
  /** Line of its first character, from 1. */
  line: number;
  /** The words, without comment marks and quotes. `{}` replaces a template's placeholders and, in pages, inline code. */
  text: string;
}

/** Functions of mocha whose first argument is a test name. */
const TEST_FUNCTIONS = new Set(["describe", "it", "describe.skip", "it.skip", "context"]);

/**
 * Extracts the prose of a file.
 *
 * @param file - Path of the file; its ending selects the language.
 * @returns The pieces in their order in the file; none for an unknown language.
 */
export function proseOf(file: string, source: string): Prose[] {
  const pieces = extract(file, source);
  const starts = lineStarts(source);
  return pieces.map((piece) => ({ ...piece, line: lineAt(starts, piece.start) }));
}

type Piece = Omit<Prose, "line">;

function extract(file: string, source: string): Piece[] {
  if (/\.(?:ts|mts|js|mjs)$/.test(file)) return inTypeScript(file, source);
  if (file.endsWith(".md")) return inMarkdown(source);
  if (file.endsWith(".py")) return scan(source, { line: "#", strings: ['"""', "'''", '"', "'"], escape: true });
  if (file.endsWith(".sql")) return scan(source, { line: "--", strings: ["'"], escape: false });
  if (file.endsWith(".css")) return scan(source, { block: ["/*", "*/"], strings: [], escape: false });
  if (/\.(?:sh|ya?ml|toml)$|(?:^|\/)(?:Dockerfile|run)$/.test(file)) return hashComments(source);
  return [];
}

function inTypeScript(file: string, source: string): Piece[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const isTest = file.endsWith(".test.ts") || file.includes("/testing/");
  const pieces = new Map<number, Piece>();
  const comments = (ranges: ts.CommentRange[] | undefined) => {
    for (const { pos, end } of ranges ?? []) {
      const raw = source.slice(pos, end);
      if (raw.startsWith("#!")) continue;
      pieces.set(pos, { kind: raw.startsWith("/**") ? "doc" : "comment", start: pos, end, text: commentText(raw) });
    }
  };
  const visit = (node: ts.Node): void => {
    comments(ts.getLeadingCommentRanges(source, node.pos));
    comments(ts.getTrailingCommentRanges(source, node.end));
    if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) {
      const kind = isTestName(node) ? "test" : "text";
      const text = ts.isTemplateExpression(node)
        ? [node.head.text, ...node.templateSpans.map((span) => `{}${span.literal.text}`)].join("")
        : node.text;
      const isProse = kind === "test" || (!isTest && countWords(text) >= 2);
      if (isProse) pieces.set(node.getStart(), { kind, start: node.getStart(), end: node.end, text });
    }
    for (const child of node.getChildren(tree)) if (child.kind !== ts.SyntaxKind.JSDoc) visit(child);
  };
  visit(tree);
  return joinLines(
    [...pieces.values()].sort((a, b) => a.start - b.start),
    source,
  );
}

function isTestName(node: ts.Node): boolean {
  const call = node.parent;
  return ts.isCallExpression(call) && call.arguments[0] === node && TEST_FUNCTIONS.has(call.expression.getText());
}

/** Joins comments in consecutive lines into one piece. */
function joinLines(pieces: readonly Piece[], source: string): Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    const between = last ? source.slice(last.end, piece.start) : "";
    const isContinued =
      last?.kind === "comment" && piece.kind === "comment" && between.trim() === "" && between.split("\n").length === 2;
    if (last && isContinued) {
      last.end = piece.end;
      last.text = `${last.text} ${piece.text}`;
    } else result.push({ ...piece });
  }
  return result;
}

/** Returns the text of a comment without its marks. */
function commentText(raw: string): string {
  const inner = raw.startsWith("//") ? raw.slice(2) : raw.slice(2, -2);
  return inner
    .split("\n")
    .map((line) => line.trim())
    .map((line) => (line.startsWith("*") ? line.replaceAll("*", "").trim() : line))
    .join(" ")
    .trim();
}

interface Syntax {
  line?: string;
  block?: [open: string, close: string];
  strings: string[];
  escape: boolean;
}

/** Extracts the comments and string literals of a file in a language with this syntax. */
function scan(source: string, syntax: Syntax): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < source.length) {
    const start = at;
    const quote = syntax.strings.find((mark) => source.startsWith(mark, start));
    if (syntax.line && source.startsWith(syntax.line, at)) {
      at = endOf(source, "\n", at);
      pieces.push({ kind: "comment", start, end: at, text: source.slice(start + syntax.line.length, at).trim() });
    } else if (syntax.block && source.startsWith(syntax.block[0], at)) {
      at = endOf(source, syntax.block[1], at + 2) + 2;
      pieces.push({ kind: "comment", start, end: at, text: commentText(source.slice(start, at)) });
    } else if (quote !== undefined) {
      at += quote.length;
      while (at < source.length && !source.startsWith(quote, at)) at += syntax.escape && source[at] === "\\" ? 2 : 1;
      const text = source.slice(start + quote.length, at);
      at += quote.length;
      const kind = quote.length === 3 ? "doc" : "text";
      if (countWords(text) >= 2) pieces.push({ kind, start, end: at, text: text.trim() });
    } else at += 1;
  }
  return joinLines(pieces, source);
}

/** Extracts comments from a `#` at the start of a line or after a space. */
function hashComments(source: string): Piece[] {
  const pieces: Piece[] = [];
  let offset = 0;
  for (const line of source.split("\n")) {
    const hash = line.startsWith("#") ? 0 : line.indexOf(" #") + 1;
    const isComment = hash > 0 ? line[hash + 1] === " " : line.startsWith("#") && !line.startsWith("#!");
    if (isComment) {
      const text = line.slice(hash + 1).trim();
      pieces.push({ kind: "comment", start: offset + hash, end: offset + line.length, text });
    }
    offset += line.length + 1;
  }
  return joinLines(pieces, source);
}

/** Extracts paragraphs and tables; leaves out code blocks, and replaces inline code by `{}`. */
function inMarkdown(source: string): Piece[] {
  const pieces: Piece[] = [];
  let isCode = false;
  let offset = 0;
  for (const line of source.split("\n")) {
    const isFence = line.trimStart().startsWith("```");
    if (isFence) isCode = !isCode;
    const text = line
      .split("`")
      .filter((_part, index) => index % 2 === 0)
      .join("{}");
    const last = pieces.at(-1);
    if (!isCode && !isFence && text.trim() !== "") {
      if (last && last.end === offset - 1) {
        last.end = offset + line.length;
        last.text += ` ${text.trim()}`;
      } else pieces.push({ kind: "page", start: offset, end: offset + line.length, text: text.trim() });
    }
    offset += line.length + 1;
  }
  return pieces;
}

function endOf(source: string, mark: string, from: number): number {
  const end = source.indexOf(mark, from);
  return end < 0 ? source.length : end;
}

const countWords = (text: string): number => text.split(" ").filter((word) => /^[a-z]/i.test(word)).length;

function lineStarts(source: string): number[] {
  const starts = [0];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** Finds the line of an offset, from 1, by binary search. */
function lineAt(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
