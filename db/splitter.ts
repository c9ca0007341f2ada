/** A complete statement of an SQL script, with its semicolon. */
export interface Statement {
  text: string;
  /** Line of the script where the statement begins, from 1. */
  line: number;
}

/** State of a splitter: outside, in a comment or in quotes. */
type State =
  | { in: "code" }
  | { in: "comment"; depth: number }
  | { in: "quotes"; end: "'" | '"'; hasEscapes: boolean }
  | { in: "dollars"; end: string };

/**
 * The next token in code: a semicolon, a parenthesis, a word that begins or ends a block, or the beginning of a comment
 * or of quotes.
 */
const TOKEN =
  /[;()]|--|\/\*|\be'|'|"|(?<![\w$\u0080-\uffff])\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|(?<![\w$.\u0080-\uffff])(?:begin|case|end)(?![\w$\u0080-\uffff])/giu;

/** Beginning of a statement whose body may be a block with semicolons (BEGIN ATOMIC … END). */
const ROUTINE = /^create\s+(?:or\s+replace\s+)?(?:function|procedure)\b/i;

/**
 * Cuts an SQL script into statements at the semicolons that are not inside quotes, dollar quotes, comments, parentheses
 * or the SQL body of a function, as psql does. It reads line by line and holds at most one statement. Line comments and
 * comments between statements are dropped; block comments within a statement are kept.
 */
export class Splitter {
  #state: State = { in: "code" };
  #text = "";
  #parentheses = 0;
  /** Number of open blocks of a function's body: BEGIN, and CASE inside of it. */
  #blocks = 0;
  #line = 0;
  #start = 0;

  /** True inside a statement, or inside a comment between statements. */
  get open(): boolean {
    return this.#text !== "" || this.#state.in !== "code";
  }

  /** Text of the unfinished statement. */
  get remainder(): Statement {
    return { text: this.#text.trim(), line: this.#start };
  }

  /** Adds a line, with its line feed if it has one, and its number; returns the statements that end on it. */
  push(line: string, number: number): Statement[] {
    this.#line = number;
    const ended: Statement[] = [];
    let from = 0;
    while (from < line.length) {
      from = this.#state.in === "code" ? this.#code(line, from, ended) : this.#inside(this.#state, line, from);
    }
    return ended;
  }

  #code(line: string, from: number, statements: Statement[]): number {
    TOKEN.lastIndex = from;
    const token = TOKEN.exec(line);
    if (token?.[0] === "--") {
      this.#append(line.slice(from, token.index));
      // A line comment ends with its line; inside a statement, its line break is kept.
      if (this.#text !== "") this.#text += "\n";
      return line.length;
    }
    if (token === null) {
      this.#append(line.slice(from));
      return line.length;
    }
    const [found] = token;
    const end = token.index + found.length;
    if (found === "/*") {
      this.#append(line.slice(from, token.index));
      if (this.#text !== "") this.#text += found;
      this.#state = { in: "comment", depth: 1 };
      return end;
    }
    this.#append(line.slice(from, end));
    if (found === "(") this.#parentheses += 1;
    else if (found === ")") this.#parentheses -= 1;
    else if (found === ";") {
      if (this.#parentheses > 0 || this.#blocks > 0) return end;
      if (this.#text !== ";") statements.push({ text: this.#text, line: this.#start });
      this.#text = "";
      this.#parentheses = 0;
    } else if (/^[a-z]+$/i.test(found)) this.#countBlock(found.toLowerCase());
    else if (found === '"') this.#state = { in: "quotes", end: '"', hasEscapes: false };
    else if (found.endsWith("'")) this.#state = { in: "quotes", end: "'", hasEscapes: found.length === 2 };
    else this.#state = { in: "dollars", end: found };
    return end;
  }

  /** Counts a word that begins or ends a block. A body contains no other BEGIN, but columns may have this name. */
  #countBlock(word: string): void {
    if (this.#blocks > 0) this.#blocks += word === "case" ? 1 : word === "end" ? -1 : 0;
    else if (word === "begin" && this.#parentheses === 0 && ROUTINE.test(this.#text)) this.#blocks = 1;
  }

  #inside(state: Exclude<State, { in: "code" }>, line: string, from: number): number {
    const [end, next] = findEnd(state, line, from);
    if (this.#text !== "") this.#text += line.slice(from, end);
    this.#state = next;
    return end;
  }

  #append(text: string): void {
    if (this.#text === "") {
      const trimmed = text.trimStart();
      if (trimmed === "") return;
      this.#start = this.#line;
      this.#text = trimmed;
    } else this.#text += text;
  }
}

/** Returns the end of the comment or quotes on this line, and the state after it. */
function findEnd(state: Exclude<State, { in: "code" }>, line: string, from: number): [end: number, next: State] {
  if (state.in === "dollars") {
    const at = line.indexOf(state.end, from);
    return at < 0 ? [line.length, state] : [at + state.end.length, { in: "code" }];
  }
  if (state.in === "comment") {
    const mark = /\/\*|\*\//g;
    mark.lastIndex = from;
    const found = mark.exec(line);
    if (found === null) return [line.length, state];
    const depth = state.depth + (found[0] === "/*" ? 1 : -1);
    return [mark.lastIndex, depth === 0 ? { in: "code" } : { ...state, depth }];
  }
  // A doubled quote does not end the quotes. Quotes of the other kind have no meaning inside of them.
  const mark = state.hasEscapes ? /\\[\s\S]|''|'/g : state.end === "'" ? /''|'/g : /""|"/g;
  mark.lastIndex = from;
  for (let found = mark.exec(line); found !== null; found = mark.exec(line)) {
    if (found[0] === state.end) return [mark.lastIndex, { in: "code" }];
  }
  return [line.length, state];
}
