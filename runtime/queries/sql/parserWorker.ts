import { parentPort } from "node:worker_threads";
import { loadModule, parseSync, SqlError } from "libpg-query";
import { checkStatement } from "./check.ts";
import { SQL_LIMITS } from "./limits.ts";
import { type SqlProblem, TOO_COMPLEX, type Verdict } from "./verdict.ts";
import type { Finding } from "./walk.ts";

/**
 * Entry point of the parser's worker thread. It receives texts and posts verdicts; an unexpected error ends it, and
 * parser.ts refuses the statement. The parse tree, which can be 40 times as large as the text, is not posted.
 */

/** Memory that the WASM module may grow to. It starts at 16 MB and needs no more for texts of the maximum length. */
const MAX_WASM_BYTES = 64 * 1024 * 1024;
const WASM_PAGE_BYTES = 64 * 1024;

/** WASM memory, whose growth is limited here because resourceLimits limits only the JavaScript heap. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
const { prototype } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: WasmMemory } } }).WebAssembly
  .Memory;
const { grow } = prototype;
prototype.grow = function limitedGrow(this: WasmMemory, pages: number): number {
  if (this.buffer.byteLength + pages * WASM_PAGE_BYTES > MAX_WASM_BYTES) throw new RangeError("WASM memory limit");
  return grow.call(this, pages);
};

const port = parentPort;
if (!port) throw new Error("parserWorker.ts runs as a worker thread only");
await loadModule();
port.on("message", (texts: string[]) => port.postMessage(texts.map(check)));
port.postMessage("ready");

function check(text: string): Verdict {
  if (text.trim() === "") return refusal(text, "NotOneStatement", [{ offset: 0, message: "has no statement." }]);
  let parsed: { stmts?: { stmt: object; stmt_location?: number; stmt_len?: number }[] };
  try {
    parsed = parseSync(text) as typeof parsed;
  } catch (error) {
    if (!(error instanceof SqlError) || isExhausted(error.message)) throw error;
    if (isTooNested(error.message)) return refusal(text, "InvalidSql", [{ offset: 0, message: TOO_COMPLEX }]);
    const offset = Buffer.byteLength([...text].slice(0, error.sqlDetails?.cursorPosition ?? 0).join(""));
    return refusal(text, "InvalidSql", [{ offset, message: `cannot be parsed: ${error.message}.` }]);
  }
  const [first, second] = parsed.stmts ?? [];
  const bytes = Buffer.from(text);
  if (!first) return refusal(text, "NotOneStatement", [{ offset: 0, message: "has no statement." }]);
  if (second) {
    const message = "has a second statement. Send one SELECT per request.";
    return refusal(text, "NotOneStatement", [{ offset: skipWhitespace(bytes, second.stmt_location ?? 0), message }]);
  }
  const findings = checkStatement(first.stmt);
  if (findings.length > 0) return refusal(text, "InvalidSql", findings);
  const from = first.stmt_location ?? 0;
  return {
    sql: bytes
      .subarray(from, first.stmt_len ? from + first.stmt_len : undefined)
      .toString()
      .trim(),
  };
}

/** Returns true if the grammar's stack or memory is exhausted, so that its state is no longer reliable. */
const isExhausted = (message: string) => !isTooNested(message) && /memory|stack depth/.test(message);

/**
 * Returns true if the grammar's stack of open brackets and operators is full (YYMAXDEPTH), after which the module is
 * still usable.
 */
const isTooNested = (message: string) => message.startsWith("memory exhausted at or near");

/** Returns the index of the first byte from `offset` that is not white space. */
function skipWhitespace(bytes: Buffer, offset: number): number {
  let at = offset;
  while (at < bytes.length && (bytes[at] ?? 0) <= 0x20) at += 1;
  return at;
}

function refusal(text: string, refused: "InvalidSql" | "NotOneStatement", findings: readonly Finding[]): Verdict {
  const bytes = Buffer.from(text);
  return {
    refused,
    problems: findings.map((finding) => locate(bytes, finding)),
    furtherProblems: findings.length >= SQL_LIMITS.problems,
  };
}

/** Maximum length of a problem's excerpt, in characters. */
const MAX_EXCERPT = 60;

function locate(bytes: Buffer, { offset, message }: Finding): SqlProblem {
  const before = bytes.subarray(0, offset).toString();
  const lineStart = before.lastIndexOf("\n") + 1;
  return {
    position: { line: before.split("\n").length, column: [...before.slice(lineStart)].length + 1 },
    value: [...bytes.subarray(offset, offset + 4 * MAX_EXCERPT).toString()].slice(0, MAX_EXCERPT).join(""),
    message,
  };
}
