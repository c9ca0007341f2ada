import type { Socket } from "node:net";
import type pg from "pg";
import type { Statements } from "./messages.ts";

/** Results of a pipeline. */
export interface PipelineResults {
  /** Names of the described columns. */
  names: string[];
  /** Rows of all statements; values are text as the server sends it. */
  rows: (string | null)[][];
}

/**
 * Runs several statements in one round trip: `await client.query(pipeline)`, then `await pipeline.results`. The first
 * error skips all statements after it (Postgres documentation, Message Flow, Pipelining).
 */
export class Pipeline {
  readonly statements: Statements;
  /** Resolves when all statements are done. */
  readonly results: Promise<PipelineResults>;
  /** Executed statements that succeeded. */
  completed = 0;

  protected readonly collected: PipelineResults = { names: [], rows: [] };
  readonly #resolve: (results: PipelineResults) => void;
  readonly #reject: (error: Error) => void;

  constructor(statements: Statements) {
    this.statements = statements;
    const { promise, resolve, reject } = Promise.withResolvers<PipelineResults>();
    this.results = promise;
    this.results.catch(() => undefined);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: pg.Connection): void {
    (connection.stream as Socket).write(this.statements.bytesWithSync);
  }

  handleRowDescription({ fields }: { fields: { name: string }[] }): void {
    this.collected.names = fields.map(({ name }) => name);
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    this.collected.rows.push(fields);
  }

  handleCommandComplete(): void {
    this.completed++;
  }

  handleReadyForQuery(): void {
    this.#resolve(this.collected);
  }

  handleError(error: Error): void {
    this.#reject(error);
  }

  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
}
