import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type pg from "pg";
import { Sessions } from "./sessions.ts";

/** A fake connection that counts the calls of `end`. */
class Client extends EventEmitter {
  closed = 0;
  connection = { stream: { destroy: () => undefined } };
  query = async () => ({ rows: [{ pid: 1, start: "now" }] });
  end = async () => void this.closed++;
}

describe("the sessions of a run", () => {
  let clients: Client[];
  let sessions: Sessions;
  beforeEach(() => {
    clients = [];
    sessions = new Sessions(async () => {
      const client = new Client();
      clients.push(client);
      return client as unknown as pg.Client;
    });
  });

  it("are one per role, reused from job to job", async () => {
    assert.equal(await sessions.get("job_reader"), await sessions.get("job_reader"));
    assert.notEqual(await sessions.get("job_reader"), await sessions.get("job_writer"));
  });

  it("are reopened after their end", async () => {
    const first = await sessions.get("job_reader");
    clients[0]?.emit("end");
    assert.notEqual(await sessions.get("job_reader"), first);
  });

  it("stay open until closed, even if the end of a discarded session is reported late", async () => {
    sessions.discard(await sessions.get("job_reader"));
    await undefined;
    const second = await sessions.get("job_reader");
    clients[0]?.emit("end");
    assert.equal(await sessions.get("job_reader"), second);
    await sessions.close();
    assert.deepEqual([clients.length, clients[1]?.closed], [2, 1]);
  });

  it("are opened at the next use after a connection has failed", async () => {
    let tries = 0;
    const failing = new Sessions(async () => {
      if (++tries === 1) throw new Error("too many connections");
      return new Client() as unknown as pg.Client;
    });
    await assert.rejects(failing.get("job_reader"), /too many connections/);
    assert(await failing.get("job_reader"));
  });
});
