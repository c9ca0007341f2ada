import assert from "node:assert/strict";
import { mock } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { ClaimedJob, Database } from "../store/jobs.ts";
import { JobLease } from "./jobLease.ts";
import type { Session } from "./sessions.ts";

describe("a job's lease", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  it("keeps sending one heartbeat per second, however often a cancel was announced while a heartbeat was being sent", async () => {
    let sent = 0;
    const pending: ((value: unknown) => void)[] = [];
    const query = () => {
      sent += 1;
      return new Promise((resolve) => pending.push(resolve));
    };
    const endPending = async () => {
      for (let round = 0; round < 20; round++) {
        pending.shift()?.({ rows: [{ outcome: "KEEP" }] });
        await setImmediate();
      }
    };
    const job = { id: "1", attempt: 1, leaseSeconds: 60, timeoutSeconds: 60 } as unknown as ClaimedJob;
    const lease = new JobLease({ query } as unknown as Database, "run", job, {} as Session);
    for (let announced = 0; announced < 5; announced++) lease.checkNow();
    await endPending();
    assert.equal(sent, 5, "one for each announcement");
    for (let second = 1; second <= 3; second++) {
      mock.timers.tick(1_000);
      await endPending();
      assert.equal(sent, 5 + second);
    }
    await lease.stop();
    mock.timers.tick(10_000);
    await endPending();
    assert.equal(sent, 8);
  });
});
