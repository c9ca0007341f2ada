import type { ServerResponse } from "node:http";
import type { FastifyBaseLogger } from "fastify";
import { JobError } from "../contract/errors.ts";
import { isTerminal } from "../contract/states.ts";
import type { Settings } from "../platform/settings.ts";
import type { Database } from "../store/jobs.ts";
import { activeTokens } from "../store/tokens.ts";
import { POLL_MS, SILENT_SECONDS, STALLED_SECONDS } from "./timeouts.ts";

/** An open event stream of one job. */
interface Stream {
  readonly raw: ServerResponse;
  readonly tokenId: string;
  /** State key of the last event sent or pending. */
  latestState: string;
  /** Event that is sent when the client has read the previous one. */
  pendingEvent: string | undefined;
  /** Times in milliseconds of the last write, and of the write that stalled. */
  wroteAt: number;
  stalledSince: number | undefined;
}

/** A watched job. One poll serves all its streams. */
interface WatchedJob {
  readonly tenant: string;
  readonly requestId: string;
  /** Version of the last sent document; empty if a stream may have an older one. */
  version: string;
  readonly streams: Set<Stream>;
}

/** Number of polls between two checks of the tokens. */
const POLLS_PER_TOKEN_CHECK = 4;
/** Documents per statement, each of at most 64 KiB. Bounded, so that other requests run between statements. */
const DOCUMENTS_PER_QUERY = 50;

/**
 * Sends the events of all streams of one process. Each poll runs one statement for the versions of all watched jobs, and further
 * statements for changed documents. Another statement checks the tokens once per second. A stream buffers at most one
 * event for a slow reader.
 */
export class JobHub {
  readonly #db: Database;
  readonly #limits: Settings["api"]["limits"];
  readonly #log: FastifyBaseLogger;
  readonly #jobs = new Map<string, WatchedJob>();
  readonly #perOwner = new Map<string, number>();
  #streams = 0;
  #timer: NodeJS.Timeout | undefined;
  #polls = 0;
  #closed = false;

  constructor(db: Database, limits: Settings["api"]["limits"], log: FastifyBaseLogger) {
    this.#db = db;
    this.#limits = limits;
    this.#log = log;
  }

  /**
   * Reserves a stream for a token, or one of its sessions, until its response closes.
   * @param owner - Id of the token.
   * @throws JobError TooManyStreams
   */
  reserve(raw: ServerResponse, owner: string): void {
    const own = this.#perOwner.get(owner) ?? 0;
    const { streamsPerToken, streams } = this.#limits;
    if (own >= streamsPerToken) throw new JobError("TooManyStreams", { who: "This token", max: streamsPerToken });
    if (this.#streams >= streams) throw new JobError("TooManyStreams", { who: "This server", max: streams });
    // A response whose client has disconnected emits no further "close".
    if (raw.destroyed) return;
    this.#perOwner.set(owner, own + 1);
    this.#streams++;
    raw.once("close", () => {
      const remaining = (this.#perOwner.get(owner) ?? 1) - 1;
      if (remaining === 0) this.#perOwner.delete(owner);
      else this.#perOwner.set(owner, remaining);
      this.#streams--;
    });
  }

  /** Sends a job's document now, and again whenever its state or progress changes, until it has ended. */
  add(
    raw: ServerResponse,
    tokenId: string,
    tenant: string,
    requestId: string,
    document: Record<string, unknown>,
  ): void {
    // The client disconnected during the query.
    if (raw.destroyed) return;
    const stream: Stream = {
      raw,
      tokenId,
      latestState: "",
      pendingEvent: undefined,
      wroteAt: Date.now(),
      stalledSince: undefined,
    };
    raw.on("drain", () => this.#onDrain(stream));
    const { state, event } = eventOf(document);
    this.#send(stream, state, event);
    if (this.#closed || isTerminal(String(document.status))) {
      raw.end();
      return;
    }
    const key = JSON.stringify([tenant, requestId]);
    const job = this.#jobs.get(key) ?? { tenant, requestId, version: "", streams: new Set<Stream>() };
    // The document may have been read before the last poll, so the next poll compares again.
    job.version = "";
    this.#jobs.set(key, job);
    job.streams.add(stream);
    raw.once("close", () => {
      job.streams.delete(stream);
      if (job.streams.size === 0 && this.#jobs.get(key) === job) this.#jobs.delete(key);
    });
    this.#schedule();
  }

  /** Ends all streams. Their clients reconnect to another server. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const stream of this.#allStreams()) stream.raw.end();
  }

  *#allStreams(): Generator<Stream> {
    for (const job of this.#jobs.values()) yield* job.streams;
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(async () => {
      try {
        await this.#poll();
      } catch (error) {
        this.#log.warn({ err: error }, "jobs could not be polled; all event streams were closed");
        for (const stream of this.#allStreams()) stream.raw.end();
      }
      this.#timer = undefined;
      if (this.#jobs.size > 0) this.#schedule();
    }, POLL_MS);
  }

  async #poll(): Promise<void> {
    if (++this.#polls % POLLS_PER_TOKEN_CHECK === 0) await this.#checkTokens();
    const jobs = [...this.#jobs.values()];
    if (jobs.length === 0) return;
    const versions = await this.#select("version", jobs);
    const changed = jobs.filter((job) => {
      const version = versions.get(job) as string | undefined;
      if (version === undefined) for (const stream of job.streams) stream.raw.end();
      return version !== undefined && version !== job.version;
    });
    for (let from = 0; from < changed.length; from += DOCUMENTS_PER_QUERY) {
      const documents = await this.#select("document", changed.slice(from, from + DOCUMENTS_PER_QUERY));
      for (const [job, document] of documents) {
        job.version = String(versions.get(job));
        this.#publish(job, document as Record<string, unknown>);
      }
    }
    this.#sendKeepAlives();
  }

  async #select(column: "version" | "document", jobs: readonly WatchedJob[]): Promise<Map<WatchedJob, unknown>> {
    const { rows } = await this.#db.query(
      `select watched.position, d.${column} as value
       from unnest($1::text[], $2::text[]) with ordinality watched (tenant, request_id, position)
       join jobs.documents d on d.tenant = watched.tenant and d.request_id = watched.request_id`,
      [jobs.map((job) => job.tenant), jobs.map((job) => job.requestId)],
    );
    const values = new Map<WatchedJob, unknown>();
    for (const { position, value } of rows) {
      const job = jobs[Number(position) - 1];
      if (job) values.set(job, value);
    }
    return values;
  }

  #publish(job: WatchedJob, document: Record<string, unknown>): void {
    const { state, event } = eventOf(document);
    const hasEnded = isTerminal(String(document.status));
    for (const stream of job.streams) {
      this.#send(stream, state, event);
      if (hasEnded) stream.raw.end();
    }
  }

  /** Sends comments on silent streams, and closes streams of stalled readers. */
  #sendKeepAlives(): void {
    const now = Date.now();
    for (const stream of this.#allStreams())
      if (stream.stalledSince !== undefined) {
        if (now - stream.stalledSince > STALLED_SECONDS * 1000) stream.raw.destroy();
      } else if (now - stream.wroteAt > SILENT_SECONDS * 1000) this.#write(stream, ": still here\n\n");
  }

  /** Ends the streams of tokens that were revoked or have expired. */
  async #checkTokens(): Promise<void> {
    const tokens = new Set([...this.#allStreams()].map(({ tokenId }) => tokenId));
    const active = await activeTokens(this.#db, [...tokens]);
    for (const stream of this.#allStreams()) if (!active.has(stream.tokenId)) stream.raw.end();
  }

  #send(stream: Stream, state: string, event: string): void {
    if (state === stream.latestState) return;
    stream.latestState = state;
    // Only the latest event is kept for a reader that lags behind.
    if (stream.stalledSince !== undefined) stream.pendingEvent = event;
    else this.#write(stream, event);
  }

  #write(stream: Stream, text: string): void {
    stream.wroteAt = Date.now();
    if (!stream.raw.write(text)) stream.stalledSince = stream.wroteAt;
  }

  #onDrain(stream: Stream): void {
    stream.stalledSince = undefined;
    const { pendingEvent } = stream;
    stream.pendingEvent = undefined;
    if (pendingEvent !== undefined && !stream.raw.writableEnded) this.#write(stream, pendingEvent);
  }
}

/** Returns the event of a document, and a key that changes whenever a new event must be sent. */
function eventOf(document: Record<string, unknown>): { state: string; event: string } {
  const { status, progress } = document;
  return { state: JSON.stringify([status, progress]), event: `event: job\ndata: ${JSON.stringify(document)}\n\n` };
}
