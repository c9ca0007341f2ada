import assert from "node:assert/strict";
import pg from "pg";
import { jobDatabase } from "../testing/jobs.ts";
import { requestThrottled, takeRequest } from "./awsRequestRates.ts";

const HOUR = 3_600_000;
/** Slow enough that nothing is refilled while a test runs. */
const RATE = { name: "RunInstances", burst: 5, perSecond: 1 / 3_600 };

describe("request rates that dispatchers share", () => {
  let fixture: Awaited<ReturnType<typeof jobDatabase>>;
  let dispatchers: pg.Pool;
  before(async () => {
    fixture = await jobDatabase();
    dispatchers = new pg.Pool({ connectionString: fixture.database.urlAs("dispatcher"), max: 6 });
  });
  after(async () => {
    await dispatchers.end();
    await fixture.close();
  });
  const take = async () => Math.ceil((await takeRequest(dispatchers, RATE)) / HOUR);
  const elapse = (time: string) => fixture.admin.query(`update jobs.request_rates set due = due - interval '${time}'`);

  it("allow a burst of several dispatchers at once, and book nothing for requests that must wait", async () => {
    const waits = await Promise.all(Array.from({ length: 8 }, take));
    assert.deepEqual(waits.sort(), [0, 0, 0, 0, 0, 1, 1, 1]);
  });

  it("refill over time, up to the burst", async () => {
    await elapse("2 hours");
    assert.deepEqual([await take(), await take(), await take()], [0, 0, 1]);
    await elapse("1000 hours");
    const waits = [];
    for (let request = 0; request < 6; request++) waits.push(await take());
    assert.deepEqual(waits, [0, 0, 0, 0, 0, 1]);
  });

  it("pause for all dispatchers after a throttle, and restart with single requests", async () => {
    await elapse("1000 hours");
    await requestThrottled(dispatchers, RATE, 2 * HOUR);
    assert.equal(await take(), 2);
    await requestThrottled(dispatchers, RATE, HOUR / 2);
    assert.equal(await take(), 2, "the longest wait counts");
    await elapse("2 hours");
    assert.deepEqual([await take(), await take()], [0, 1]);
  });

  it("are separate for each kind of request", async () => {
    assert.equal(await takeRequest(dispatchers, { ...RATE, name: "other" }), 0);
  });
});
