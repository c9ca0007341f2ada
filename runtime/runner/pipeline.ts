import type pg from "pg";

/** Result of one statement of a pipeline; values are text as the server sends it. */
export interface StatementResult {
  /** Column names. */
  names: string[];
  rows: (string | null)[][];
}

/** The parts of a driver's connection that a pipeline uses. */
interface Messages {
  stream: { cork(): void; uncork(): void };
  parse(message: { text: string }): void;
  bind(message: object): void;
  describe(message: { type: "P" }): void;
  execute(message: object): void;
  sync(): void;
}

/**
 * Runs several statements in one round trip: `await client.query(pipeline)`, then `await pipeline.results`. They are sent by
 * the extended protocol with one Sync at the end, so each text must be one statement (the server refuses several), and
 * the first error skips all statements after it (Postgres documentation, 54.2.4, pipelining).
 */
export class Pipeline {
  readonly statements: readonly string[];
  readonly results: Promise<StatementResult[]>;
  /** Statements that succeeded: after an error, the index of the statement that failed. */
  get completed(): number {
    return this.#completed.length;
  }

  readonly #completed: StatementResult[] = [];
  #current: StatementResult = { names: [], rows: [] };
  readonly #resolve: (results: StatementResult[]) => void;
  readonly #reject: (error: Error) => void;

  constructor(statements: readonly string[]) {
    this.statements = statements;
    const { promise, resolve, reject } = Promise.withResolvers<StatementResult[]>();
    this.results = promise;
    this.results.catch(() => undefined);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: pg.Connection): void {
    const messages = connection as unknown as Messages;
    messages.stream.cork();
    for (const text of this.statements) {
      messages.parse({ text });
      messages.bind({});
      messages.describe({ type: "P" });
      messages.execute({});
    }
    messages.sync();
    messages.stream.uncork();
  }

  handleRowDescription({ fields }: { fields: { name: string }[] }): void {
    this.#current.names = fields.map(({ name }) => name);
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    this.#current.rows.push(fields);
  }

  handleCommandComplete(): void {
    this.#completed.push(this.#current);
    this.#current = { names: [], rows: [] };
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#completed);
  }

  handleError(error: Error): void {
    this.#reject(error);
  }

  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
}
