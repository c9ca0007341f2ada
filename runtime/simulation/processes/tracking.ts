import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/**
 * Outcome of a call: "refuse some" accepts every second document of a bulk request and rejects the others for lack of
 * capacity.
 */
export type TrackingOutcome = "go" | "fail before" | "fail after" | "throttle" | "refuse some";

/** A stored document. */
export interface StoredDocument {
  readonly version: number;
  readonly document: object;
}

/** A fake OpenSearch that stores documents by id and external version. */
export interface FakeTrackingStore {
  readonly endpoint: string;
  /** Decides the outcome of every call. */
  outcome: () => TrackingOutcome;
  /** Returns the document with an id `tenant/requestId`. */
  get(id: string): StoredDocument | undefined;
  close(): Promise<void>;
}

interface StoredVersion {
  readonly index: { _id: string; version: number };
}

const REJECTED_EXECUTION = {
  type: "rejected_execution_exception",
  reason: "rejected execution of coordinating operation",
};

/** Starts a fake store whose calls fail as scheduled; stored documents are never lost. */
export async function startTracking(): Promise<FakeTrackingStore> {
  const stored = new Map<string, StoredDocument>();
  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const fakeStore: FakeTrackingStore = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    outcome: () => "go",
    get: (id) => stored.get(id),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await text(incoming);
    const outcome = fakeStore.outcome();
    const respond = (status: number, content: object) =>
      outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(content));
    if (outcome === "fail before") return void incoming.socket.destroy();
    if (outcome === "throttle") return void respond(429, { error: REJECTED_EXECUTION, status: 429 });
    const path = incoming.url ?? "";
    const content = path.startsWith("/_bulk")
      ? { items: write(body, outcome === "refuse some") }
      : path.startsWith("/_cat/indices")
        ? []
        : { deleted: 0 };
    if (outcome === "fail after") return void incoming.socket.destroy();
    respond(200, content);
  }

  /** Stores documents. Returns the outcome of each: stored, older than the stored one (external_gte), or refused. */
  function write(body: string, refusesSome: boolean): object[] {
    const lines = body.trim().split("\n");
    return Array.from({ length: lines.length / 2 }, (_, at) => {
      const { _id, version } = (JSON.parse(lines[2 * at] ?? "") as StoredVersion).index;
      if (refusesSome && at % 2 === 1) return { index: { status: 429, error: REJECTED_EXECUTION } };
      if ((stored.get(_id)?.version ?? 0) > version)
        return { index: { status: 409, error: { type: "version_conflict_engine_exception", reason: "later" } } };
      stored.set(_id, { version, document: JSON.parse(lines[2 * at + 1] ?? "").document });
      return { index: { status: 201 } };
    });
  }
  return fakeStore;
}
