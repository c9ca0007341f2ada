import { connect } from "../platform/postgres.ts";
import { endBackend } from "../store/backend.ts";
import { type ClaimedJob, type Database, heartbeat, type Progress } from "../store/jobs.ts";
import type { Session } from "./sessions.ts";

/** Reason for interrupting a job's work from outside. */
export type Interruption = "cancelled" | "timedOut" | "lost";

/**
 * Keeps a job's lease while it runs, over another connection than the job's: extends the lease, records progress,
 * detects a cancel, and enforces the timeout. To interrupt the work it ends its database session; `stop` resolves only
 * when that session is known to be gone.
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
  #lastBeatAt = Date.now();
  #isStopped = false;
  #stoppedAt: number | undefined;
  readonly #deadlineAt: number;

  #progress: () => Progress = () => ({ rows: 0, bytes: 0 });
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

  /** True if the job's timeout had passed when its work stopped, or has passed now. */
  get isPastDeadline(): boolean {
    return (this.#stoppedAt ?? performance.now()) >= this.#deadlineAt;
  }

  /** Sets the function that returns the current progress, which each heartbeat records. */
  follow(progress: () => Progress): void {
    this.#progress = progress;
  }

  /** Sends a heartbeat now, since a cancel was announced. */
  checkNow(): void {
    clearTimeout(this.#timer);
    this.#beatNow();
  }

  /** Interrupts the work. Only the first reason counts. */
  interrupt(reason: Interruption): void {
    if (this.interruption || this.#isStopped) return;
    this.interruption = reason;
    this.#ending = this.#end();
    this.#ending.catch(() => undefined);
  }

  /** Stops heartbeats. Resolves once an interruption has taken effect; rejects if the session could not be ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stoppedAt ??= performance.now();
    clearTimeout(this.#deadline);
    clearTimeout(this.#timer);
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
    // At least four heartbeats per lease, and often enough to show progress.
    const pause = Math.min(1_000, (this.#job.leaseSeconds * 1000) / 4);
    // Another heartbeat, sent by checkNow meanwhile, may have set it.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#beatNow(), pause);
  }

  #beatNow(): void {
    this.#beat = this.#beat.then(() => this.#sendHeartbeat());
  }

  async #sendHeartbeat(): Promise<void> {
    if (this.#isStopped || this.interruption) return;
    try {
      const outcome = await heartbeat(this.#db, this.#run, this.#job, this.#progress());
      this.#lastBeatAt = Date.now();
      if (outcome === "CANCEL") this.interrupt("cancelled");
      if (outcome === "LOST") this.interrupt("lost");
    } catch {
      // The database is unreachable: after a lease without a heartbeat, another run may have the job.
      if (Date.now() - this.#lastBeatAt > this.#job.leaseSeconds * 1000) this.interrupt("lost");
    }
    if (!this.#isStopped && !this.interruption) this.#next();
  }
}
