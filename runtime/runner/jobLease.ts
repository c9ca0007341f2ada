import { connect } from "../platform/postgres.ts";
import { endBackend } from "../store/backend.ts";
import { type ClaimedJob, type Database, heartbeat, type Progress } from "../store/jobs.ts";
import type { Session } from "./sessions.ts";

/** Reason why a job's work was ended from outside. */
export type Interruption = "cancelled" | "timedOut" | "lost";

/**
 * Keeps a job while it is worked on, over a connection of its own: extends the lease, records progress, hears of a
 * cancel, and holds the time. When the work must stop it ends the work's database session first, proves that it is
 * gone, and only then says so.
 */
export class JobLease {
  readonly #db: Database;
  readonly #run: string;
  readonly #job: ClaimedJob;
  readonly #session: Session;
  readonly #abort = new AbortController();
  readonly #deadline: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #beat: Promise<void> = Promise.resolve();
  #ending: Promise<void> | undefined;
  #seen = Date.now();
  #stopped = false;
  #stoppedAt: number | undefined;
  readonly #deadlineAt: number;

  #progress: Progress = { rows: 0, bytes: 0 };
  interruption: Interruption | undefined;

  constructor(db: Database, run: string, job: ClaimedJob, session: Session) {
    this.#db = db;
    this.#run = run;
    this.#job = job;
    this.#session = session;
    this.#deadlineAt = performance.now() + job.timeoutSeconds * 1000;
    this.#deadline = setTimeout(() => this.interrupt("timedOut"), job.timeoutSeconds * 1000);
    this.#next();
  }

  /** Aborted when the work must stop. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Returns true if the job's time was up when it stopped, or is up now. */
  get isPastDeadline(): boolean {
    return (this.#stoppedAt ?? performance.now()) >= this.#deadlineAt;
  }

  /** Current progress, recorded by the next heartbeat. */
  report(progress: Partial<Progress>): void {
    Object.assign(this.#progress, progress);
  }

  /** Looks at once whether something is to be heard (a cancel was announced). */
  checkNow(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#beatNow();
  }

  /** Ends the work from outside. The first reason counts. */
  interrupt(reason: Interruption): void {
    if (this.interruption || this.#stopped) return;
    this.interruption = reason;
    this.#ending = this.#end();
    this.#ending.catch(() => undefined);
  }

  /** No more heartbeats. Resolves once an interruption has taken full effect; throws if the session could not be ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stoppedAt ??= performance.now();
    clearTimeout(this.#deadline);
    if (this.#timer) clearTimeout(this.#timer);
    await this.#beat;
    await this.#ending;
  }

  async #end(): Promise<void> {
    this.#abort.abort();
    const canceller = await connect("canceller");
    try {
      await endBackend(canceller, this.#session.backend);
    } finally {
      await canceller.end();
    }
  }

  #next(): void {
    // Four heartbeats per lease, and often enough to show progress.
    const pause = Math.min(1_000, (this.#job.leaseSeconds * 1000) / 4);
    this.#timer = setTimeout(() => this.#beatNow(), pause);
  }

  #beatNow(): void {
    this.#beat = this.#beat.then(() => this.#once());
  }

  async #once(): Promise<void> {
    if (this.#stopped || this.interruption) return;
    try {
      const word = await heartbeat(this.#db, this.#run, this.#job, this.#progress);
      this.#seen = Date.now();
      if (word === "CANCEL") this.interrupt("cancelled");
      if (word === "LOST") this.interrupt("lost");
    } catch {
      // An unreachable database: the lease decides, by this process's own patience.
      if (Date.now() - this.#seen > this.#job.leaseSeconds * 1000) this.interrupt("lost");
    }
    if (!this.#stopped && !this.interruption) this.#next();
  }
}
