import { connect } from "../platform/postgres.ts";
import { endBackend } from "../store/backend.ts";
import { type ClaimedJob, type Database, heartbeat, type Progress } from "../store/jobs.ts";
import type { Session } from "./sessions.ts";

/** Reason for interrupting a job's work from outside. */
export type Interruption = "cancelled" | "timedOut" | "lost";

/**
 * Keeps the lease of a running job, over a connection other than the job's own: extends the lease, records progress,
 * detects a cancel, and enforces the timeout. To interrupt the work, it ends the job's database session; `stop`
 * resolves only when that session is known to be gone.
 */
export class JobLease {
  readonly #db: Database;
  readonly #run: string;
  readonly #job: ClaimedJob;
  readonly #session: Session;
  readonly #abort = new AbortController();
  readonly #deadline: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #heartbeat: Promise<void> = Promise.resolve();
  #ending: Promise<void> | undefined;
  #lastHeartbeatAt = Date.now();
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
    this.#scheduleNext();
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
  trackProgress(progress: () => Progress): void {
    this.#progress = progress;
  }

  /** Sends a heartbeat now, because a cancel was announced. */
  checkNow(): void {
    clearTimeout(this.#timer);
    this.#queueHeartbeat();
  }

  /** Interrupts the work. Only the first reason counts. */
  interrupt(reason: Interruption): void {
    if (this.interruption || this.#isStopped) return;
    this.interruption = reason;
    this.#ending = this.#endSession();
    this.#ending.catch(() => undefined);
  }

  /** Stops heartbeats. Resolves once an interruption has taken effect; rejects if the session could not be ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stoppedAt ??= performance.now();
    clearTimeout(this.#deadline);
    clearTimeout(this.#timer);
    await this.#heartbeat;
    await this.#ending;
  }

  async #endSession(): Promise<void> {
    this.#abort.abort();
    const canceller = await connect("canceller");
    try {
      await endBackend(canceller, this.#session.backend);
    } finally {
      await canceller.end();
    }
  }

  #scheduleNext(): void {
    // At least four heartbeats per lease, and often enough to show progress.
    const pauseMs = Math.min(1_000, (this.#job.leaseSeconds * 1000) / 4);
    // checkNow may have sent a heartbeat meanwhile, which set the timer.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#queueHeartbeat(), pauseMs);
  }

  #queueHeartbeat(): void {
    this.#heartbeat = this.#heartbeat.then(() => this.#sendHeartbeat());
  }

  async #sendHeartbeat(): Promise<void> {
    if (this.#isStopped || this.interruption) return;
    try {
      const outcome = await heartbeat(this.#db, this.#run, this.#job, this.#progress());
      this.#lastHeartbeatAt = Date.now();
      if (outcome === "CANCEL") this.interrupt("cancelled");
      if (outcome === "LOST") this.interrupt("lost");
    } catch {
      // The database is unreachable: once the lease has passed without a heartbeat, another run may have the job.
      if (Date.now() - this.#lastHeartbeatAt > this.#job.leaseSeconds * 1000) this.interrupt("lost");
    }
    if (!this.#isStopped && !this.interruption) this.#scheduleNext();
  }
}
