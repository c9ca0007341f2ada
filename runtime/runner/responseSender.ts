import type { SQSClient } from "@aws-sdk/client-sqs";
import type { Logger } from "pino";
import { type Queues, sendResponses } from "../requests/responses.ts";
import { type ClaimedJob, type Database, type DueResponse, responsesSent, type SentResponse } from "../store/jobs.ts";
import { reachCrashPoint } from "./crashPoints.ts";

/**
 * Milliseconds after which a separate call records sent responses, unless the run's next finish or claim does so
 * earlier. Well below the ten seconds after which the dispatcher sends an unrecorded response again.
 */
const RECORD_MS = { busy: 1_000, idle: 100 };
/**
 * Sent responses that the end of a job records while further jobs follow: this many, or any number after `RECORD_MS.busy`.
 * One record of many costs as much as of one.
 */
const RECORD_TOGETHER = 50;
/** Responses that are sent without waiting for more: SQS's maximum per call. */
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
 * ends or claims a later job records sent responses together (`takeUnrecorded`); if neither follows soon, a separate
 * call does.
 */
export class ResponseSender {
  readonly #options: SenderOptions;
  readonly #sending = new Set<Promise<void>>();
  #waiting: { job: ClaimedJob; response: DueResponse }[] = [];
  #sent: SentResponse[] = [];
  /** Time of the first unrecorded sending, as `performance.now` gives it. */
  #sentSince = 0;
  #isBusy = false;
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

  /** Marks the run as busy: its job's end records sent responses. */
  markBusy(): void {
    this.#isBusy = true;
  }

  /** Marks the run as idle, and sends everything now. */
  markIdle(): void {
    this.#isBusy = false;
    this.#flush();
    if (this.#sent.length > 0) this.#recordLater();
  }

  /** Returns sent responses, for the caller to record; none while further ones are soon recorded with them. */
  takeUnrecorded(): SentResponse[] {
    const isRecent = performance.now() - this.#sentSince < RECORD_MS.busy;
    return this.#isBusy && isRecent && this.#sent.length < RECORD_TOGETHER ? [] : this.#takeAll();
  }

  #takeAll(): SentResponse[] {
    if (this.#recording) clearTimeout(this.#recording);
    this.#recording = undefined;
    return this.#sent.splice(0);
  }

  /** Takes back responses that were not recorded. */
  returnUnrecorded(sent: readonly SentResponse[]): void {
    this.#sent.push(...sent);
  }

  /** Resolves when everything has been sent and recorded. */
  async close(): Promise<void> {
    this.#flush();
    while (this.#sending.size > 0) await Promise.all(this.#sending);
    this.#record();
    await Promise.all(this.#sending);
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
        log.info({ job: job.id, requestId: job.requestId, status: response.status }, "answered");
      }
    if (this.#sent.length === 0) this.#sentSince = performance.now();
    this.#sent.push(...sent);
    this.#recordLater();
  }

  #recordLater(): void {
    if (this.#recording) clearTimeout(this.#recording);
    this.#recording = setTimeout(() => this.#record(), RECORD_MS[this.#isBusy ? "busy" : "idle"]);
  }

  #record(): void {
    const sent = this.#takeAll();
    if (sent.length === 0) return;
    const { db, log } = this.#options;
    this.#track(
      responsesSent(db, sent).catch((error) =>
        log.warn(
          { error: (error as Error).message },
          "sent responses could not be recorded; the sweep sends them again",
        ),
      ),
    );
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#sending.delete(tracked));
    this.#sending.add(tracked);
  }
}
