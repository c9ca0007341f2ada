import pg from "pg";
import { abandon, connectWith, isAbandoned } from "../platform/postgres.ts";
import { Pipeline } from "../runner/pipeline.ts";
import { Execution } from "../runner/preparedStatements.ts";
import type { Actor } from "./actor.ts";

/** Closes a connection abruptly, like a killed process or a network failure. */
export const sever = abandon;

async function openClient(url: string): Promise<pg.Client> {
  const client = await connectWith({ connectionString: url });
  // Lifts Node.js's limit of listeners, since every run that uses the connection adds some.
  return client.setMaxListeners(0);
}

/**
 * Turns the statements of a connection into calls of an actor; a lost call closes the connection. A stream (COPY)
 * needs no turn of its own: it belongs to the preceding statement.
 */
function gateQueries(actor: Actor, client: pg.Client, statement: pg.Client["query"]): pg.Client {
  const query = statement.bind(client) as (...all: unknown[]) => unknown;
  const call = (first: unknown, ...rest: unknown[]): unknown => {
    if (first instanceof Pipeline)
      return actor.call(
        first.statements.texts.join("; ").slice(0, 60),
        async () => {
          query(first);
          await first.results;
        },
        () => sever(client),
      );
    if (first instanceof Execution)
      return actor.call(
        summaryOf(first.text),
        async () => {
          query(first);
          await first.result;
        },
        () => sever(client),
      );
    if (typeof (first as { submit?: unknown }).submit === "function") return query(first, ...rest);
    const text = typeof first === "string" ? first : (first as { text: string }).text;
    return actor.call(
      summaryOf(text),
      async () => query(first, ...rest),
      () => sever(client),
    );
  };
  return Object.assign(client, { query: call });
}

const summaryOf = (text: string): string => text.replace(/\s+/g, " ").slice(0, 60);

/** Number of connections per role that are opened in advance, since a starting run needs one at once. */
const SPARE_CLIENTS = 2;

/** Original `query`, which does not wait for a turn. */
const QUERY = pg.Client.prototype.query;
/** Resets a session, as the server does when a session ends. */
const RESET = "rollback; unlisten *";

/**
 * Connections that belong to one actor each during a schedule, like those of a process. They are opened in advance, and
 * the next schedule reuses intact ones, since opening connections is the slowest part of a schedule.
 */
export class DedicatedClients {
  readonly #url: (role: string) => string;
  readonly #stocks = new Map<string, Promise<pg.Client>[]>();
  readonly #returned: { role: string; client: pg.Client }[] = [];
  readonly #roles = new WeakMap<pg.Client, string>();

  constructor(url: (role: string) => string) {
    this.#url = url;
  }

  /** Takes a connection for an actor. */
  async take(actor: Actor, role: string): Promise<pg.Client> {
    const spares = this.#stockOf(role);
    while (spares.length <= SPARE_CLIENTS) spares.push(openClient(this.#url(role)));
    const client = await (spares.shift() ?? openClient(this.#url(role)));
    this.#roles.set(client, role);
    return gateQueries(actor, client, QUERY);
  }

  /** Resets the connections of an actor that has ended without a crash, so that the next schedule can reuse them. */
  async giveBack(clients: readonly pg.Client[]): Promise<void> {
    await Promise.allSettled(
      clients.map(async (client) => {
        client.removeAllListeners("notification").removeAllListeners("end");
        const role = this.#roles.get(client);
        if (role === undefined || isAbandoned(client)) return;
        await (QUERY as (this: pg.Client, text: string) => Promise<unknown>).call(client, RESET);
        this.#returned.push({ role, client });
      }),
    );
  }

  /**
   * Begins a new schedule, which may reuse the connections that were given back.
   *
   * @returns The server's process ids of the available connections.
   */
  async renew(): Promise<number[]> {
    for (const { role, client } of this.#returned.splice(0))
      if (!isAbandoned(client)) this.#stockOf(role).push(Promise.resolve(client));
    const clients = await Promise.all([...this.#stocks.values()].flat());
    return clients.map((client) => (client as unknown as { processID: number }).processID);
  }

  async close(): Promise<void> {
    await this.renew();
    const clients = [...this.#stocks.values()].flat();
    this.#stocks.clear();
    await Promise.allSettled(clients.map(async (client) => (await client).end()));
  }

  #stockOf(role: string): Promise<pg.Client>[] {
    const spares = this.#stocks.get(role) ?? [];
    this.#stocks.set(role, spares);
    return spares;
  }
}

/** Connections of one role. New actors reuse those of actors that have ended, since opening a connection is slow. */
export class SharedClients {
  readonly #url: string;
  readonly #idle: pg.Client[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  /**
   * Creates a pool with as many connections as an actor needs at once. `sever` breaks them. `release`, called after the
   * actor's end, makes the intact ones available to other actors.
   */
  poolFor(actor: Actor): { pool: pg.Pool; sever(): void; release(): void } {
    const ownClients: pg.Client[] = [];
    let free: pg.Client[] = [];
    const take = async (): Promise<pg.Client> => {
      const freeClient = free.pop();
      if (freeClient) return freeClient;
      const client = gateQueries(actor, this.#idle.pop() ?? (await openClient(this.#url)), QUERY);
      ownClients.push(client);
      client.once("end", () => {
        free = free.filter((candidate) => candidate !== client);
        ownClients.splice(ownClients.indexOf(client), 1);
      });
      return client;
    };
    const pool = {
      async query(text: string, values?: unknown[]) {
        const client = await take();
        try {
          const result = await client.query(text, values);
          free.push(client);
          return result;
        } catch (error) {
          // An error of the statement does not affect the connection.
          if (error instanceof pg.DatabaseError) free.push(client);
          throw error;
        }
      },
      async connect() {
        const client = await take();
        return Object.assign(client, { release: (isBroken?: boolean) => void (isBroken || free.push(client)) });
      },
    };
    return {
      pool: pool as unknown as pg.Pool,
      sever: () => ownClients.forEach(sever),
      release: () => {
        for (const client of ownClients) {
          client.removeAllListeners("end");
          // A statement that an invocation did not await must not run as part of another invocation.
          if (!free.includes(client)) sever(client);
          else if (!isAbandoned(client)) this.#idle.push(client);
        }
      },
    };
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#idle.splice(0).map((client) => client.end()));
  }
}
