import assert from "node:assert/strict";
import pg from "pg";
import { jobDatabase } from "../testing/jobs.ts";
import { takeRequest } from "./requestRates.ts";

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
  const hours = (wait: number | undefined) => (wait === undefined ? undefined : Math.ceil(wait / HOUR));

  it("let a burst through at once and space what follows, whoever asks", async () => {
    const waits = await Promise.all(Array.from({ length: 8 }, () => takeRequest(dispatchers, RATE, 10 * HOUR)));
    assert.deepEqual(waits.map(hours).sort(), [0, 0, 0, 0, 0, 1, 2, 3]);
  });

  it("book nothing that is too far away", async () => {
    assert.equal(await takeRequest(dispatchers, RATE, HOUR), undefined);
    assert.equal(hours(await takeRequest(dispatchers, RATE, 4 * HOUR)), 4);
  });

  it("fill up again as time passes, up to a burst and no further", async () => {
    const passed = (time: string) =>
      fixture.admin.query(`update jobs.request_rates set due = due - interval '${time}'`);
    await passed("2 hours");
    assert.equal(hours(await takeRequest(dispatchers, RATE, 10 * HOUR)), 3);
    await passed("1000 hours");
    const waits = [];
    for (let request = 0; request < 6; request++) waits.push(hours(await takeRequest(dispatchers, RATE, 10 * HOUR)));
    assert.deepEqual(waits, [0, 0, 0, 0, 0, 1]);
  });

  it("are kept for each kind of request", async () => {
    assert.equal(await takeRequest(dispatchers, { ...RATE, name: "other" }, 0), 0);
  });
});
