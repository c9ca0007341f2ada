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
  /** Time limit of a statement. */
  readonly deadlineMs: number;
  /** Time limit for a worker to load the WASM module. */
  readonly startMs: number;
  /** Statements that may wait, of all tenants and of one. */
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
 * Maximum statements and characters of a message to the worker. Short statements share one, since its round trip takes
 * longer than their check.
 */
const BATCH = { statements: 10, characters: 4_096 };

/**
 * Flags of V8 that keep WASM at its first compiler. The optimizing one takes 500 MB for the largest function of the
 * grammar, which is more than the dispatcher's Lambda function has. They cannot be set for the worker alone.
 */
const WASM_FLAGS = ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"];

interface WaitingStatement {
  text: string;
  tenant: string;
  /** True if it was one of several statements that ended a worker: it is checked alone. */
  isSuspect: boolean;
  resolve(verdict: Verdict): void;
  reject(error: Error): void;
}

/**
 * Checks SQL in a worker thread, one statement at a time and of each tenant in turn, so that slow statements of one
 * tenant delay another tenant by three of them at most. Short statements of several tenants are checked together. If they
 * end the worker, each is checked again, alone and in its tenant's turn. A statement that exceeds the deadline, or ends
 * the worker (WASM trap, memory, stack), is refused, and the next one gets a new worker. The worker does not keep the
 * process alive.
 */
export class SqlParser {
  readonly #options: ParserOptions;
  /** Statements that wait, by tenant. The tenant whose turn is next comes first. */
  readonly #waiting = new Map<string, WaitingStatement[]>();
  #waitingCount = 0;
  #worker: Worker | undefined;
  #isReady = false;
  /** Statements that the worker checks. */
  #current: WaitingStatement[] = [];
  #timer: NodeJS.Timeout | undefined;
  #statements = 0;
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
    const early = refuseUnparsable(text);
    if (early) return Promise.resolve(early);
    const own = this.#waiting.get(tenant) ?? [];
    const { maxWaiting, maxWaitingOfTenant } = this.#options;
    if (this.#waitingCount >= maxWaiting || own.length >= maxWaitingOfTenant)
      return Promise.reject(new JobError("Busy", { reason: "too many SQL statements wait to be checked" }));
    return new Promise((resolve, reject) => {
      own.push({ text, tenant, isSuspect: false, resolve, reject });
      this.#waiting.set(tenant, own);
      this.#waitingCount += 1;
      this.#next();
    });
  }

  /** Ends the worker; the statements that it checks, and those that wait, are checked by a new one. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const ended = this.#drop();
    this.#putBack(this.#current.splice(0));
    this.#next();
    await ended;
  }

  #next(): void {
    if (this.#current.length > 0) return;
    this.#current = this.#takeStatements();
    if (this.#current.length === 0) {
      this.#worker?.unref();
      return;
    }
    if (this.#statements >= this.#options.statementsPerWorker) void this.#drop();
    this.#worker ??= this.#start();
    this.#worker.ref();
    if (this.#isReady) this.#post();
    else this.#watch(this.#options.startMs);
  }

  /**
   * The next statements: one of the tenant whose turn it is, which then comes last, and others that are short too. A
   * suspect is taken alone.
   */
  #takeStatements(): WaitingStatement[] {
    const batch: WaitingStatement[] = [];
    let characters = 0;
    while (batch.length < BATCH.statements) {
      const [turn] = this.#waiting;
      if (turn === undefined) break;
      const [tenant, own] = turn;
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

  /** Puts statements that ended a worker together before the others of their tenants, to be checked alone. */
  #putBack(statements: readonly WaitingStatement[]): void {
    for (const { tenant } of statements) if (!this.#waiting.has(tenant)) this.#waiting.set(tenant, []);
    for (const statement of statements.toReversed()) {
      statement.isSuspect = true;
      this.#waiting.get(statement.tenant)?.unshift(statement);
      this.#waitingCount += 1;
    }
  }

  #start(): Worker {
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
    this.#statements = 0;
    worker.on("message", (message: Verdict[] | "ready") => {
      if (worker !== this.#worker) return;
      if (message === "ready") {
        this.#isReady = true;
        if (this.#current.length > 0) this.#post();
      } else this.#settle(message);
    });
    worker.on("error", (error) => this.#onWorkerLost(worker, error));
    worker.on("exit", () => this.#onWorkerLost(worker, new Error("the worker ended")));
    return worker;
  }

  #post(): void {
    this.#statements += this.#current.length;
    this.#worker?.postMessage(this.#current.map(({ text }) => text));
    this.#watch(this.#options.deadlineMs);
  }

  #watch(milliseconds: number): void {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#timer = setTimeout(() => this.#onWorkerLost(worker, new Error("the deadline passed")), milliseconds);
  }

  /**
   * Drops a worker that failed or timed out. Its statement is refused, or fails if the worker never started; several wait
   * again.
   */
  #onWorkerLost(worker: Worker | undefined, error: Error): void {
    if (worker === undefined || worker !== this.#worker) return;
    const wasReady = this.#isReady;
    void this.#drop();
    if (wasReady && this.#current.length > 1) {
      clearTimeout(this.#timer);
      this.#putBack(this.#current.splice(0));
      this.#next();
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
    this.#next();
  }

  #fail(error: JobError): void {
    clearTimeout(this.#timer);
    for (const statement of this.#current.splice(0)) statement.reject(error);
    this.#next();
  }

  async #drop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#isReady = false;
    this.#statements = 0;
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

/** Characters of operators and of the marks of comments (op_chars in Postgres's scan.l). */
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
 * @returns the statement to run and explain: the parsed text without its semicolon and the text after it
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

const describeProblem = ({ position: at, message }: SqlProblem): string =>
  at ? `at line ${at.line}, column ${at.column} ${message}` : message;
