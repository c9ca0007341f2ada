import pg from "pg";
import { migrate, migrateRoles } from "../../../db/migrate.ts";
import { withClient } from "../../../db/prepare.ts";
import { letRolesLogIn } from "../../../db/roles.ts";
import { DATABASE } from "../../local/environment.ts";
import { type Postgres, startPostgres } from "../../local/postgres.ts";
import { identify, signal } from "../../local/processes.ts";
import { TEST_SLOTS } from "../../testing/cluster.ts";

const CONNECTIONS = 100;

/** Adds two ports, and a clock that can be advanced, so that no test waits for a back-off. */
const PREPARE = `
  create schema simulation;
  create table simulation.clock (ahead interval not null);
  insert into simulation.clock values ('0');
  grant usage on schema simulation to public;
  grant select on simulation.clock to public;
  create or replace function jobs.clock() returns timestamptz language sql volatile
    as 'select clock_timestamp() + ahead from simulation.clock';
  insert into regions values ('north', 'North', null);
  insert into ports values ('AAAAA', 'A', 'north'), ('BBBBB', 'B', 'north')`;

/** A Postgres server that is restarted on the same port and data whenever it ends. */
export class Server {
  readonly #options: Parameters<typeof startPostgres>[0];
  #postgres!: Postgres;
  #admin: pg.Client | undefined;
  #stopping = false;
  #lifecycle!: Promise<void>;

  private constructor(options: Parameters<typeof startPostgres>[0]) {
    this.#options = options;
  }

  static async start(directory: string, logFile: string): Promise<Server> {
    const options = { directory, logFile, maxConnections: CONNECTIONS };
    const postgres = await startPostgres(options);
    const server = new Server({ ...options, port: postgres.port });
    server.#postgres = postgres;
    await withClient(server.#postgres.url("postgres"), (client) => client.query(`create database ${DATABASE}`));
    await migrateRoles({ url: server.url }, TEST_SLOTS);
    await migrate({ url: server.url });
    await withClient(server.url, async (client) => {
      await letRolesLogIn(client, server.#postgres.password, TEST_SLOTS);
      await client.query(PREPARE);
    });
    server.#lifecycle = server.#keepRunning();
    return server;
  }

  get postgres(): Postgres {
    return this.#postgres;
  }

  /** Connection URL of the superuser. */
  get url(): string {
    return this.#postgres.url(DATABASE);
  }

  /** Runs a query as the superuser; returns undefined while the server is down. */
  // biome-ignore lint/suspicious/noExplicitAny: the statement determines the type of its rows
  async tryQuery(text: string, values: unknown[] = []): Promise<any[] | undefined> {
    try {
      if (!this.#admin) {
        const client = new pg.Client(this.url);
        client.on("error", () => undefined);
        client.once("end", () => {
          this.#admin = undefined;
        });
        await client.connect();
        this.#admin = client;
      }
      return (await this.#admin.query(text, values)).rows;
    } catch (error) {
      // An error of the statement itself is a bug of the test, unless the server is shutting down.
      if (error instanceof pg.DatabaseError && !error.code?.startsWith("57P")) throw error;
      return undefined;
    }
  }

  /** Ends the server: with SIGQUIT like a crash, with SIGINT like a restart. Does nothing if it has just ended. */
  end(name: "SIGQUIT" | "SIGINT"): void {
    const identity = identify(this.#postgres.pid);
    if (identity) signal(identity, name);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#admin?.end().catch(() => undefined);
    await this.#postgres.stop();
    await this.#lifecycle;
  }

  async #keepRunning(): Promise<void> {
    for (;;) {
      await this.#postgres.ended;
      if (this.#stopping) return;
      this.#postgres = await startPostgres(this.#options);
      // stop() was called during the restart and has stopped only the previous process.
      if (this.#stopping) return this.#postgres.stop();
    }
  }
}
