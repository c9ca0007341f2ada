import type pg from "pg";
import { abandon, connect, type Role } from "../platform/postgres.ts";
import { backendOf } from "../store/backend.ts";
import type { Backend } from "../store/jobs.ts";

/** A connection that executes jobs, and its backend. */
export interface Session {
  client: pg.Client;
  backend: Backend;
  /** The server's FATAL error if it ended the session while no statement ran; nothing else reports it. */
  ended?: Error;
}

/**
 * Connects. With the role of a slot, also ends leftover sessions of an earlier run in the slot, which could see and
 * signal this one.
 */
async function connectAlone(role: Role): Promise<pg.Client> {
  const client = await connect(role);
  if (/^job_reader_(glue|ec2)_/.test(role)) await client.query(END_OTHERS);
  return client;
}
const END_OTHERS = `select pg_terminate_backend(pid) from pg_stat_activity
  where usename = current_user and datname = current_database() and pid <> pg_backend_pid()`;

/**
 * The connections that execute a run's jobs, one per role, opened on first use and reused from job to job. A connection
 * that has ended is replaced.
 */
export class Sessions {
  readonly #connectAs: (role: Role) => Promise<pg.Client>;
  readonly #sessions = new Map<Role, Promise<Session>>();

  constructor(connectAs: (role: Role) => Promise<pg.Client> = connectAlone) {
    this.#connectAs = connectAs;
  }

  get(role: Role): Promise<Session> {
    const existing = this.#sessions.get(role);
    if (existing) return existing;
    const opened = this.#connect(role);
    this.#sessions.set(role, opened);
    const forget = () => this.#forget(role, opened);
    opened.then(({ client }) => client.once("end", forget), forget);
    return opened;
  }

  /** Removes a session whose state is unknown, and closes it without waiting for its statement. */
  discard(session: Session): void {
    for (const [role, opened] of this.#sessions)
      opened.then((current) => current === session && this.#forget(role, opened)).catch(() => undefined);
    // client.end() would wait behind the running statement.
    abandon(session.client);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#sessions.values()].map(async (session) => (await session).client.end()));
  }

  /** Removes a session, unless another session has replaced it: the end of a session may be reported late. */
  #forget(role: Role, endedSession: Promise<Session>): void {
    if (this.#sessions.get(role) === endedSession) this.#sessions.delete(role);
  }

  async #connect(role: Role): Promise<Session> {
    const client = await this.#connectAs(role);
    const session: Session = { client, backend: await backendOf(client) };
    client.on("error", (error: Error & { severity?: string }) => {
      if (error.severity === "FATAL") session.ended = error;
    });
    return session;
  }
}
