import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import type { ServerResponse } from "node:http";
import { mock } from "node:test";
import type { FastifyBaseLogger } from "fastify";
import type { Database } from "../store/jobs.ts";
import { JobHub } from "./jobHub.ts";
import { POLL_MS, STALLED_SECONDS } from "./timeouts.ts";

/** A response whose client reads nothing while `isStalled`. */
class FakeResponse extends EventEmitter {
  readonly written: string[] = [];
  isStalled = false;
  destroyed = false;
  writableEnded = false;
  write(text: string): boolean {
    this.written.push(text);
    return !this.isStalled;
  }
  end(): void {
    this.writableEnded = true;
    this.destroy();
  }
  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

const limits = { streams: 5, streamsPerToken: 2, tokenPerMinute: 0, addressPerMinute: 0, ratesPerMinute: 0 };
const log = { warn: () => undefined } as unknown as FastifyBaseLogger;

describe("the hub of event streams", () => {
  let statements: string[];
  let rows: number;
  let status: string;
  /** Emits "polled" after each poll of the jobs. */
  let polls: EventEmitter;
  let hub: JobHub;
  const db = {
    query: async (text: string, [first]: [string[]]) => {
      statements.push(text);
      if (text.includes("active_credentials")) return { rows: first.map((id) => ({ id })) };
      if (text.includes("d.version")) setImmediate(() => polls.emit("polled"));
      return {
        rows: first.map((_, index) => ({
          position: index + 1,
          value: text.includes("d.version") ? String(rows) : { status, progress: { rows } },
        })),
      };
    },
  } as unknown as Database;
  beforeEach(() => {
    statements = [];
    rows = 0;
    status = "IN_PROGRESS";
    polls = new EventEmitter();
    hub = new JobHub(db, { ...limits, connections: 10, streams: 2_000, streamsPerToken: 2_000 }, log);
  });
  afterEach(() => {
    mock.timers.reset();
    hub.close();
  });

  const add = (raw: FakeResponse, job = "a", token = "t") => {
    hub.reserve(raw as unknown as ServerResponse, token);
    hub.add(raw as unknown as ServerResponse, token, "acme", job, { status: "IN_PROGRESS", progress: { rows: 0 } });
    return raw;
  };
  const polled = async () => {
    await once(polls, "polled");
    // The documents arrive with the next statement.
    await new Promise((resolve) => setTimeout(resolve, POLL_MS / 2));
  };

  it("reads the versions of a thousand jobs with one statement per poll, for two thousand streams", async () => {
    for (let index = 0; index < 1_000; index++) add(new FakeResponse(), `job-${index}`);
    for (let index = 0; index < 1_000; index++) add(new FakeResponse(), "job-0");
    await polled();
    statements.length = 0;
    for (let poll = 0; poll < 4; poll++) await polled();
    assert.equal(statements.filter((text) => text.includes("d.version")).length, 4);
    assert.equal(statements.filter((text) => text.includes("d.document")).length, 0);
    assert.ok(statements.filter((text) => text.includes("active_credentials")).length <= 1);
  });

  it("keeps only the latest event for a stalled reader, and sends it when the client reads again", async () => {
    const raw = new FakeResponse();
    raw.isStalled = true;
    add(raw);
    for (rows = 1; rows <= 3; rows++) await polled();
    assert.equal(raw.written.length, 1);
    raw.isStalled = false;
    raw.emit("drain");
    assert.equal(raw.written.length, 2);
    assert.match(raw.written[1] ?? "", /"rows":3/);
  });

  it("updates a stream that was added with an outdated document, and sends no event twice", async () => {
    const first = add(new FakeResponse());
    rows = 7;
    await polled();
    assert.equal(first.written.length, 2);
    // `add` has the document with 0 rows, read before the poll.
    const late = add(new FakeResponse());
    await polled();
    assert.match(late.written.at(-1) ?? "", /"rows":7/);
    assert.deepEqual([first.written.length, late.written.length], [2, 2]);
  });

  it("ends a stream that is added while the others receive the job's final state", async () => {
    const first = add(new FakeResponse());
    // A reader that is slow to close stays among the streams.
    first.end = () => undefined;
    status = "SUCCEEDED";
    await polled();
    const late = add(new FakeResponse());
    await polled();
    assert.match(late.written.at(-1) ?? "", /SUCCEEDED/);
    assert.equal(late.writableEnded, true);
  });

  it("disconnects a reader that stalls for too long", async () => {
    mock.timers.enable({ apis: ["Date"], now: Date.now() });
    const stalled = new FakeResponse();
    stalled.isStalled = true;
    add(stalled);
    const reading = add(new FakeResponse());
    await polled();
    assert.equal(stalled.destroyed, false);
    mock.timers.tick(STALLED_SECONDS * 1000 + 1);
    await polled();
    assert.deepEqual([stalled.destroyed, reading.destroyed], [true, false]);
  });

  it("releases a reservation once, and reserves nothing for a client that has already disconnected", () => {
    const small = new JobHub(db, { ...limits, connections: 10 }, log);
    const reserve = (raw: FakeResponse) => small.reserve(raw as unknown as ServerResponse, "t");
    for (let count = 0; count < 10; count++) {
      const gone = new FakeResponse();
      gone.destroy();
      reserve(gone);
    }
    const first = new FakeResponse();
    reserve(first);
    reserve(new FakeResponse());
    assert.throws(() => reserve(new FakeResponse()), { code: "TooManyStreams" });
    first.destroy();
    reserve(new FakeResponse());
    assert.throws(() => reserve(new FakeResponse()), { code: "TooManyStreams" });
  });

  it("does not poll for a client that disconnected while its job was read", async () => {
    const gone = new FakeResponse();
    gone.destroy();
    add(gone);
    const connected = add(new FakeResponse(), "b");
    await polled();
    assert.equal(gone.written.length, 0);
    connected.destroy();
    statements.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 3 * POLL_MS));
    assert.ok(statements.length <= 1, "polling continues without any client");
  });
});
