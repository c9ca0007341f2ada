/** Keywords that begin a clause, each on its own line. */
const CLAUSES = new Set([
  "select",
  "from",
  "where",
  "group",
  "having",
  "order",
  "limit",
  "offset",
  "union",
  "intersect",
  "except",
  "window",
  "values",
  "with",
]);
/** Keywords that begin another line within a clause. */
const CONTINUATIONS = new Set(["and", "or", "join", "left", "right", "full", "inner", "cross"]);
const JOINS = new Set(["left", "right", "full", "inner", "cross"]);
const TOKEN =
  /'(?:''|[^'])*'|"(?:""|[^"])*"|\$\w*\$|--[^\n]*|\/\*[\s\S]*?\*\/|[\p{L}_][\p{L}\p{N}_$.]*|\d[\w.]*|[(),;]|::|[^\s\w'"(),;$]+|\S/gu;
const INDENT = "  ";
/** Maximum length in characters of SQL that is formatted. */
const MAX_LENGTH = 20_000;

/**
 * Formats SQL for display with a line per clause. SQL that is long or has line breaks, dollar signs, backslashes or `--`
 * is only trimmed.
 * @param {string} sql
 */
export function formatSql(sql) {
  const text = sql.trim();
  if (
    text.includes("\n") ||
    text.includes("$") ||
    text.includes("\\") ||
    text.includes("--") ||
    text.length > MAX_LENGTH
  )
    return text;
  /** For each open parenthesis, whether it contains a query. @type {boolean[]} */
  const open = [];
  let out = "";
  let isBetween = false;
  let previous = "";
  const depth = () => open.filter(Boolean).length;
  const tokens = text.match(TOKEN) ?? [];
  tokens.forEach((token, index) => {
    const word = token.toLowerCase();
    const isTop = open.at(-1) !== false;
    if (token === ")" && open.pop()) out += `\n${INDENT.repeat(depth())}`;
    if (word === "between") isBetween = true;
    const isBetweenAnd = word === "and" && isBetween;
    if (isBetweenAnd) isBetween = false;
    if (
      previous !== "" &&
      isTop &&
      CLAUSES.has(word) &&
      previous !== "(" &&
      !(word === "from" && previous === "distinct")
    )
      out += `\n${INDENT.repeat(depth())}`;
    else if (
      isTop &&
      CONTINUATIONS.has(word) &&
      !isBetweenAnd &&
      !JOINS.has(previous) &&
      !(JOINS.has(word) && tokens[index + 1] === "(")
    )
      out += `\n${INDENT.repeat(depth() + 1)}`;
    else if (hasSpace(previous, token)) out += " ";
    out += token;
    if (token === "(") {
      const isQuery = ["select", "with", "values"].includes((tokens[index + 1] ?? "").toLowerCase());
      open.push(isQuery);
      if (isQuery) out += `\n${INDENT.repeat(depth())}`;
    }
    previous = word;
  });
  return out;
}

/** Keywords that are followed by a space before a parenthesis. Other words before one are function names. */
const KEYWORDS = new Set([
  "in",
  "as",
  "and",
  "or",
  "not",
  "from",
  "where",
  "over",
  "any",
  "all",
  "exists",
  "on",
  "by",
  "select",
  "filter",
  "using",
  "values",
]);

/** @type {(before: string, token: string) => boolean} */
function hasSpace(before, token) {
  if (before === "" || before === "(" || before === "::") return false;
  if ([",", ")", ";", "::"].includes(token)) return false;
  return token !== "(" || !/^[\p{L}_]/u.test(before) || KEYWORDS.has(before);
}
