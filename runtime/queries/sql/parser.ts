import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { JobError } from "../../contract/errors.ts";
import { escapeInvisibleInText } from "../../contract/invisible.ts";
import { SQL_LIMITS } from "./limits.ts";
import { type SqlProblem, TOO_COMPLEX, type Verdict } from "./verdict.ts";

/** Limits of checking statements. */
export interface ParserOptions {
  /** The worker's module. */
  readonly entry: string | URL;
  /** Time limit of a message to the worker: one statement, or several short ones. */
  readonly deadlineMs: number;
  /** Time limit for a worker to load the WASM module. */
  readonly startMs: number;
  /** Maximum number of waiting statements, of all tenants and of one tenant. */
  readonly maxWaiting: number;
  readonly maxWaitingOfTenant: number;
  /** Number of statements after which a worker is replaced, so that leaks do not accumulate. */
  readonly statementsPerWorker: number;
}

const DEFAULTS: ParserOptions = {
  // In a bundle the worker is a separate file.
  entry: process.env.RATES_SQL_PARSER ?? new URL("./parserWorker.ts", import.meta.url),
  deadlineMs: 2_000,
  startMs: 30_000,
  maxWaiting: 1_000,
  maxWaitingOfTenant: 100,
  statementsPerWorker: 10_000,
};

/** Heap of the worker: the largest parse tree needs 40 MB. WASM memory is bounded in the worker itself. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 };

/**
 * Maximum statements and characters of a message to the worker. Short statements share a message, since its round trip
 * takes longer than checking them.
 */
const BATCH = { statements: 10, characters: 4_096 };

/**
 * Flags of V8 that keep WASM at its first compiler. The optimizing compiler takes 500 MB for the largest function of
 * the grammar, which is almost all memory of the dispatcher's Lambda function. The flags cannot be set for the worker
 * alone.
 */
const WASM_FLAGS = ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"];

interface WaitingStatement {
  text: string;
  tenant: string;
  /** True if a worker ended while it was checking this statement, which is then checked again, alone. */
  isSuspect: boolean;
  resolve(verdict: Verdict): void;
  reject(error: Error): void;
}

/**
 * Checks SQL in a worker thread, one statement of each tenant in turn, so that slow statements of one tenant delay
 * another tenant by at most three checks: the current one, the one before that tenant's turn, and its repetition. Short
 * statements of several tenants are checked together. If they end the worker, each is checked again, alone and in its
 * tenant's turn. A statement that exceeds the deadline, or ends the worker (WASM trap, memory, stack), is refused, and
 * the next one gets a new worker. An idle worker does not keep the process alive.
 */
export class SqlParser {
  readonly #options: ParserOptions;
  /** Waiting statements by tenant. The tenant whose turn is next comes first. */
  readonly #waiting = new Map<string, WaitingStatement[]>();
  #waitingCount = 0;
  #worker: Worker | undefined;
  #isReady = false;
  /** Statements that the worker is checking. */
  #current: WaitingStatement[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Number of statements that the worker has received. */
  #receivedStatements = 0;
  /** Workers started so far. */
  startedWorkers = 0;

  constructor(options: Partial<ParserOptions> = {}) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /**
   * Checks a text.
   * @param tenant sender of the text
   * @throws JobError Busy when too many statements wait; Internal when no worker starts
   */
  check(text: string, tenant = ""): Promise<Verdict> {
    const refusal = refuseUnparsable(text);
    if (refusal) return Promise.resolve(refusal);
    const own = this.#waiting.get(tenant) ?? [];
    const { maxWaiting, maxWaitingOfTenant } = this.#options;
    if (this.#waitingCount >= maxWaiting || own.length >= maxWaitingOfTenant)
      return Promise.reject(new JobError("Busy", { reason: "too many SQL statements wait to be checked" }));
    return new Promise((resolve, reject) => {
      own.push({ text, tenant, isSuspect: false, resolve, reject });
      this.#waiting.set(tenant, own);
      this.#waitingCount += 1;
      this.#checkNext();
    });
  }

  /** Ends the worker. If statements are left, a new worker checks them. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const ended = this.#dropWorker();
    this.#putBack(this.#current.splice(0));
    this.#checkNext();
    await ended;
  }

  #checkNext(): void {
    if (this.#current.length > 0) return;
    this.#current = this.#takeStatements();
    if (this.#current.length === 0) {
      this.#worker?.unref();
      return;
    }
    if (this.#receivedStatements >= this.#options.statementsPerWorker) void this.#dropWorker();
    this.#worker ??= this.#startWorker();
    this.#worker.ref();
    if (this.#isReady) this.#postStatements();
    else this.#startTimer(this.#options.startMs);
  }

  /**
   * Takes the next statements: one of the tenant whose turn it is, and others if all are short. The tenant's next turn
   * comes after those of all others. A suspect is taken alone.
   */
  #takeStatements(): WaitingStatement[] {
    const batch: WaitingStatement[] = [];
    let characters = 0;
    while (batch.length < BATCH.statements) {
      const [next] = this.#waiting;
      if (next === undefined) break;
      const [tenant, own] = next;
      characters += own[0]?.text.length ?? 0;
      if (batch.length > 0 && (own[0]?.isSuspect || characters > BATCH.characters)) break;
      batch.push(...own.splice(0, 1));
      this.#waiting.delete(tenant);
      if (own.length > 0) this.#waiting.set(tenant, own);
      this.#waitingCount -= 1;
      if (batch[0]?.isSuspect) break;
    }
    return batch;
  }

  /** Puts the statements of an ended worker before their tenants' waiting statements. Each is then checked alone. */
  #putBack(statements: readonly WaitingStatement[]): void {
    for (const { tenant } of statements) if (!this.#waiting.has(tenant)) this.#waiting.set(tenant, []);
    for (const statement of statements.toReversed()) {
      statement.isSuspect = true;
      this.#waiting.get(statement.tenant)?.unshift(statement);
      this.#waitingCount += 1;
    }
  }

  #startWorker(): Worker {
    for (const flag of WASM_FLAGS) setFlagsFromString(flag);
    const worker = new Worker(this.#options.entry, {
      name: "sql-parser",
      resourceLimits: RESOURCE_LIMITS,
      // The worker needs no environment variables; the WASM module's crash output is discarded.
      env: {},
      execArgv: [],
      stdout: true,
      stderr: true,
    });
    this.startedWorkers += 1;
    this.#receivedStatements = 0;
    worker.on("message", (message: Verdict[] | "ready") => {
      if (worker !== this.#worker) return;
      if (message === "ready") {
        this.#isReady = true;
        if (this.#current.length > 0) this.#postStatements();
      } else this.#settle(message);
    });
    worker.on("error", (error) => this.#onWorkerLost(worker, error));
    worker.on("exit", () => this.#onWorkerLost(worker, new Error("the worker ended")));
    return worker;
  }

  #postStatements(): void {
    this.#receivedStatements += this.#current.length;
    this.#worker?.postMessage(this.#current.map(({ text }) => text));
    this.#startTimer(this.#options.deadlineMs);
  }

  #startTimer(milliseconds: number): void {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#timer = setTimeout(() => this.#onWorkerLost(worker, new Error("the deadline passed")), milliseconds);
  }

  /**
   * Drops a worker that failed or timed out. If it never started, its statements fail. Otherwise a single statement is
   * refused, and several wait again.
   */
  #onWorkerLost(worker: Worker | undefined, error: Error): void {
    if (worker === undefined || worker !== this.#worker) return;
    const wasReady = this.#isReady;
    void this.#dropWorker();
    if (wasReady && this.#current.length > 1) {
      clearTimeout(this.#timer);
      this.#putBack(this.#current.splice(0));
      this.#checkNext();
    } else if (wasReady) this.#settle([TOO_COMPLEX_VERDICT]);
    else
      this.#fail(
        new JobError("Internal", { reason: `the SQL parser did not start: ${error.message}` }, { cause: error }),
      );
  }

  #settle(verdicts: readonly Verdict[]): void {
    clearTimeout(this.#timer);
    for (const [index, statement] of this.#current.splice(0).entries())
      statement.resolve(verdicts[index] ?? TOO_COMPLEX_VERDICT);
    this.#checkNext();
  }

  #fail(error: JobError): void {
    clearTimeout(this.#timer);
    for (const statement of this.#current.splice(0)) statement.reject(error);
    this.#checkNext();
  }

  async #dropWorker(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#isReady = false;
    this.#receivedStatements = 0;
    await worker?.terminate();
  }
}

/**
 * Refuses without parsing: texts that are too long or slow to parse, and texts that the parser reads differently from
 * Postgres.
 */
function refuseUnparsable(text: string): Verdict | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > SQL_LIMITS.bytes)
    return refuse(`is ${bytes} bytes long; the maximum is ${SQL_LIMITS.bytes}. Shorten the query.`);
  // The parser treats NUL as the end of the text, and drops halves of surrogate pairs.
  if (text.includes("\0") || !text.isWellFormed())
    return refuse(
      "contains a character that Postgres cannot store. Remove NUL characters and halves of surrogate pairs.",
    );
  const run = longestOperatorRun(text);
  if (run > SQL_LIMITS.operatorRun)
    return refuse(
      `has ${run} operator characters (such as - / * + =) in a row; the maximum is ${SQL_LIMITS.operatorRun}. Put spaces between them, or leave them out.`,
    );
  return undefined;
}

/** Characters of operators and comment marks (op_chars in Postgres's scan.l). */
const OPERATOR_CHARACTERS = new Set("~!@#^&|`?+-*/%<>=");

function longestOperatorRun(text: string): number {
  let longest = 0;
  let run = 0;
  for (const character of text) {
    run = OPERATOR_CHARACTERS.has(character) ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  return longest;
}

const refuse = (message: string): Verdict => ({
  refused: "InvalidSql",
  problems: [{ message }],
  furtherProblems: false,
});

const TOO_COMPLEX_VERDICT = refuse(TOO_COMPLEX);

let sharedParser: SqlParser | undefined;

/**
 * Checks caller-supplied SQL against the allow-lists: one SELECT that reads the platform's tables.
 * @param tenant sender of the text
 * @returns the statement to run and explain: the parsed text up to its semicolon
 * @throws JobError InvalidSql or NotOneStatement with a problem per refused part; Busy when too many statements wait
 */
export async function checkSql(text: string, tenant = ""): Promise<string> {
  sharedParser ??= new SqlParser();
  const verdict = await sharedParser.check(text, tenant);
  if ("sql" in verdict) return verdict.sql;
  const details = verdict.problems.map((problem) => ({
    field: "task.sql",
    ...(problem.value ? { value: escapeInvisibleInText(problem.value) } : {}),
    message: escapeInvisibleInText(describeProblem(problem)),
  }));
  const [first] = details;
  const others =
    details.length > 1 ? ` (and ${details.length - 1}${verdict.furtherProblems ? " or more" : ""} others)` : "";
  throw new JobError(verdict.refused, { reason: `task.sql ${first?.message}${others}` }, { details });
}

const describeProblem = ({ position, message }: SqlProblem): string =>
  position ? `at line ${position.line}, column ${position.column} ${message}` : message;
