import type { SQSClient } from "@aws-sdk/client-sqs";
import type { Logger } from "pino";
import { isConflict, isOutage } from "../contract/classify.ts";
import { type Queues, sendResponses } from "../requests/responses.ts";
import { type ClaimedJob, type Database, type DueResponse, responsesSent, type SentResponse } from "../store/jobs.ts";
import { reachCrashPoint } from "./crashPoints.ts";
import { persist } from "./persist.ts";

/**
 * Milliseconds after which a separate call records sent responses, unless the run's next finish or claim does so
 * earlier. Well below ten seconds, after which the dispatcher sends an unrecorded response again.
 */
const RECORD_MS = { busy: 1_000, idle: 100 };
/**
 * Number of sent responses at which a finish or claim records them. After `RECORD_MS.busy` it records any number.
 * Recording many costs as much as recording one.
 */
const MAX_UNRECORDED = 50;
/** Maximum pause after a failed attempt to record sent responses. The pause begins with `RECORD_MS` and doubles. */
const MAX_PAUSE_MS = 5_000;
/** Time limit for an ending run to record sent responses. */
const CLOSE_SECONDS = 10;
/** Number of waiting responses at which all are sent at once: SQS's maximum per call. */
const MAX_PER_CALL = 10;

/** Dependencies of a response sender. */
export interface SenderOptions {
  sqs: SQSClient;
  queues: Queues;
  db: Database;
  log: Logger;
  /** Milliseconds that a response waits to share a call with others while the run has a next job. */
  gatherMs: number;
}

/**
 * Sends a run's responses while its next job runs, several per call if they follow each other closely. The call that
 * ends or claims a later job records sent responses together (`recordWith`); if no such call follows soon, a separate
 * call does. After a failure only separate calls do, until one succeeds, so that jobs do not fail with the record.
 * Recording a response twice is harmless (`jobs.responses_sent`).
 */
export class ResponseSender {
  readonly #options: SenderOptions;
  readonly #pending = new Set<Promise<void>>();
  #waiting: { job: ClaimedJob; response: DueResponse }[] = [];
  #sent: SentResponse[] = [];
  /** Time of the first unrecorded sending, as `performance.now` gives it. */
  #sentSince = 0;
  /** Pause before the next separate call, because the last attempt to record sent responses failed; otherwise 0. */
  #pauseMs = 0;
  #isBusy = false;
  #isClosed = false;
  #gathering: NodeJS.Timeout | undefined;
  #recording: NodeJS.Timeout | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Queues a response to send. */
  add(job: ClaimedJob, response: DueResponse): void {
    this.#waiting.push({ job, response });
    if (!this.#isBusy || this.#waiting.length >= MAX_PER_CALL || this.#options.gatherMs === 0) this.#flush();
    else this.#gathering ??= setTimeout(() => this.#flush(), this.#options.gatherMs);
  }

  /** Marks the run as busy: the end of its job records sent responses, and a separate call only if the job runs long. */
  markBusy(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    if (this.#sent.length > 0) this.#recordLater();
  }

  /** Marks the run as idle, and sends everything now. */
  markIdle(): void {
    this.#isBusy = false;
    this.#flush();
    if (this.#sent.length > 0) this.#recordLater();
  }

  /**
   * Calls `call` with the unrecorded responses, for it to record; with none if another call will soon record them. If
   * the call fails and recording them may be the cause, calls it again with none.
   */
  async recordWith<T>(call: (sent: SentResponse[]) => Promise<T>): Promise<T> {
    const sent = this.#takeUnrecorded();
    try {
      return await call(sent);
    } catch (error) {
      if (sent.length === 0) throw error;
      this.#returnUnrecorded(sent);
      // After an outage the call may have succeeded.
      if (isOutage(error)) throw error;
    }
    return call([]);
  }

  #takeUnrecorded(): SentResponse[] {
    if (this.#pauseMs > 0) return [];
    const isRecent = performance.now() - this.#sentSince < RECORD_MS.busy;
    return isRecent && this.#sent.length < MAX_UNRECORDED ? [] : this.#takeAll();
  }

  #takeAll(): SentResponse[] {
    if (this.#recording) clearTimeout(this.#recording);
    this.#recording = undefined;
    return this.#sent.splice(0);
  }

  /** Keeps responses whose record failed for the next separate call. */
  #returnUnrecorded(sent: readonly SentResponse[]): void {
    this.#sent.unshift(...sent);
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2 || this.#recordMs());
    if (!this.#isClosed) this.#recordLater();
  }

  /** Resolves when everything has been sent and recorded; the dispatcher sends again what could not be recorded. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#flush();
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    const sent = this.#takeAll();
    const { db, log } = this.#options;
    try {
      await persist({ db, seconds: CLOSE_SECONDS, log }, (client) => responsesSent(client, sent));
    } catch (error) {
      log.warn({ error: (error as Error).message }, "sent responses could not be recorded");
    }
  }

  #flush(): void {
    if (this.#gathering) clearTimeout(this.#gathering);
    this.#gathering = undefined;
    if (this.#waiting.length > 0) this.#track(this.#send(this.#waiting.splice(0)));
  }

  async #send(waiting: readonly { job: ClaimedJob; response: DueResponse }[]): Promise<void> {
    const { sqs, queues, log } = this.#options;
    for (const { job } of waiting) reachCrashPoint("outbox", job);
    const { sent, failed } = await sendResponses(
      sqs,
      queues,
      waiting.map(({ response }) => response),
    );
    for (const { response, error } of failed)
      log.warn(
        { requestId: response.requestId, error: (error as Error).message },
        "the response could not be sent; the dispatcher will send it",
      );
    const ids = new Set(sent.map(({ id }) => id));
    for (const { job, response } of waiting)
      if (ids.has(response.id)) {
        reachCrashPoint("send", job);
        log.info({ job: job.id, requestId: job.requestId, status: response.status }, "response sent");
      }
    if (this.#sent.length === 0) this.#sentSince = performance.now();
    this.#sent.push(...sent);
    this.#recordLater();
  }

  #recordMs(): number {
    return RECORD_MS[this.#isBusy ? "busy" : "idle"];
  }

  #recordLater(): void {
    // Further responses do not extend the pause after a failure: no other call records them.
    if (this.#pauseMs > 0 && this.#recording) return;
    if (this.#recording) clearTimeout(this.#recording);
    this.#recording = setTimeout(() => this.#track(this.#record()), this.#pauseMs || this.#recordMs());
  }

  /** Records sent responses by a separate call. */
  async #record(): Promise<void> {
    const sent = this.#takeAll();
    if (sent.length === 0) return;
    const { db, log } = this.#options;
    try {
      await responsesSent(db, sent);
      this.#pauseMs = 0;
    } catch (error) {
      const mayRepeat = isConflict(error) || isOutage(error);
      log.warn(
        { error: (error as Error).message },
        mayRepeat
          ? "sent responses could not be recorded yet"
          : "sent responses could not be recorded; the dispatcher will send them again",
      );
      this.#returnUnrecorded(mayRepeat ? sent : []);
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }
}
