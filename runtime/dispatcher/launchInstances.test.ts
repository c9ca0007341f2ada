import assert from "node:assert/strict";
import { pino } from "pino";
import { SimulatedEc2 } from "../simulation/ec2.ts";
import { accept, instanceStarted } from "../store/jobs.ts";
import { testDispatcher } from "../testing/dispatcher.ts";
import { newJob } from "../testing/jobs.ts";
import type { DispatcherDeps } from "./deps.ts";
import { createHandlers } from "./handlers.ts";
import { Ec2Launcher } from "./launchers/ec2.ts";
import { reap } from "./reap.ts";
import { schedule } from "./schedule.ts";

const TEMPLATE = {
  launchTemplateId: "lt-1",
  launchTemplateVersion: "1",
  subnetIds: ["subnet-a", "subnet-b"],
  spot: false,
  onDemandFallback: true,
  tags: { "rates:stack": "test" },
};

/** Virtual clock of dispatchers, database and account; it advances only while all dispatchers wait. */
class VirtualTime {
  now = 0;
  readonly #sleepers: { at: number; wake: () => void }[] = [];
  /** Number of dispatchers that are not waiting; when it becomes 0, time advances. */
  active = 0;
  readonly setClock: (now: number) => Promise<unknown>;

  constructor(setClock: (now: number) => Promise<unknown>) {
    this.setClock = setClock;
  }

  async sleep(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sleepers.push({ at: this.now + milliseconds, wake: resolve });
    this.active--;
    if (this.active === 0) await this.advance();
    await promise;
  }

  /** Advances the time to the end of the first sleep, and wakes the sleeper. */
  async advance(): Promise<void> {
    this.#sleepers.sort((a, b) => a.at - b.at);
    const next = this.#sleepers.shift();
    if (!next) return;
    this.now = Math.max(this.now, next.at);
    await this.setClock(this.now);
    this.active++;
    next.wake();
  }
}

describe("launches of instances within AWS's request rate", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  let ec2: SimulatedEc2;
  let time: VirtualTime;
  let terminated: Set<string>;
  let capacity: Map<string, number>;
  let outcomes: ("refuse" | "unknown" | "partial" | "throttle")[];
  let context: DispatcherDeps;

  const setUp = async (slots: number, market: Partial<typeof TEMPLATE> = {}) => {
    d = await testDispatcher({ runners: { glue: { slots: 1 }, ec2: { slots, startSeconds: 300 } } });
    await d.admin.query(`
      create schema sim;
      create table sim.time (now timestamptz not null);
      insert into sim.time values ('2021-01-01T00:00:00Z');
      grant usage on schema sim to public;
      grant select on sim.time to public;
      create or replace function jobs.clock() returns timestamptz language sql volatile as 'select now from sim.time'`);
    time = new VirtualTime((now) =>
      d.admin.query("update sim.time set now = '2021-01-01T00:00:00Z'::timestamptz + make_interval(secs => $1)", [
        now / 1_000,
      ]),
    );
    terminated = new Set();
    capacity = new Map();
    outcomes = [];
    ec2 = new SimulatedEc2({
      now: () => time.now,
      capacity,
      outcome: () => outcomes.shift(),
      hasEnded: (instance) => terminated.has(instance),
      onLaunch: () => undefined,
      onTerminate: (instance) => terminated.add(instance),
    });
    const launcher = new Ec2Launcher(
      { ...TEMPLATE, ...market },
      ec2.client((_what, effect) => effect()),
    );
    context = {
      ...d.context,
      launchers: { ...d.context.launchers, ec2: launcher },
      now: () => time.now,
      sleep: (milliseconds) => time.sleep(milliseconds),
    };
  };
  afterEach(() => d.close());

  const jobs = (count: number, from = 0) =>
    Array.from({ length: count }, (_, index) => newJob(`job-${from + index}`, { runner: "ec2" }));
  /** Runs several dispatchers concurrently. */
  const dispatchers = async (count: number, work: () => Promise<unknown>) => {
    time.active += count;
    await Promise.all(
      Array.from({ length: count }, async () => {
        await work();
        time.active--;
        if (time.active === 0) await time.advance();
      }),
    );
  };
  const dispatch = (work: () => Promise<unknown> = () => schedule(context)) => dispatchers(1, work);
  const alive = () => ec2.instances.filter(({ instance }) => !terminated.has(instance));
  const openRuns = async () =>
    (await d.admin.query("select count(*)::int as count from jobs.runs where state <> 'ENDED'")).rows[0].count;
  /**
   * Lets all instances report in.
   * @returns The number of instances that got a run, each a different one.
   */
  const boot = async () => {
    const keeper = await d.as("job_keeper");
    const runs = [];
    for (const { instance, tags } of alive())
      runs.push(await instanceStarted(keeper, { instance, launch: tags["rates:launch"] ?? "" }));
    const assigned = runs.flatMap((started) => started?.run ?? []);
    assert.equal(new Set(assigned).size, assigned.length);
    return assigned.length;
  };

  it("start Spot Instances in any zone, and On-Demand Instances only if no zone has Spot capacity", async () => {
    await setUp(12, { spot: true });
    capacity.set("spot:subnet-a", 5).set("spot:subnet-b", 3);
    await accept(d.context.db, jobs(12));
    await dispatch();
    assert.equal(alive().length, 12);
    assert.deepEqual([capacity.get("spot:subnet-a"), capacity.get("spot:subnet-b")], [0, 0]);
    assert.deepEqual(
      ec2.launches.map(({ count }) => count),
      [5, 3, 4],
    );
    assert.equal(await boot(), 12);
  });

  it("return to Spot a minute after Spot had no capacity", async () => {
    await setUp(2, { spot: true });
    capacity.set("spot:subnet-a", 0).set("spot:subnet-b", 0);
    await accept(d.context.db, jobs(1));
    await dispatch();
    assert.equal(alive().length, 1);
    await dispatch(() => time.sleep(61_000));
    capacity.set("spot:subnet-a", 1).set("subnet-a", 0).set("subnet-b", 0);
    await accept(d.context.db, jobs(1, 1));
    await dispatch();
    assert.equal(alive().length, 2);
    assert.equal(capacity.get("spot:subnet-a"), 0);
  });

  it("start no On-Demand Instance without onDemandFallback: the job waits, and loses no attempt", async () => {
    await setUp(2, { spot: true, onDemandFallback: false });
    capacity.set("spot:subnet-a", 0).set("spot:subnet-b", 0);
    await accept(d.context.db, jobs(1));
    await dispatch();
    assert.deepEqual([alive().length, await openRuns()], [0, 0]);
    const { rows } = await d.admin.query("select status, attempt from jobs.jobs");
    assert.deepEqual(rows, [{ status: "PENDING", attempt: 0 }]);
  });

  for (const [count, batch, seconds] of [
    [100, 100, 0],
    [100, 10, 5],
    [100, 1, 40],
    [500, 10, 30],
  ] as const)
    it(`launch ${count} instances, for jobs arriving in batches of ${batch}, within ${seconds} s, without exceeding the request rate`, async () => {
      await setUp(count);
      let accepted = 0;
      // Ten dispatchers process the batches concurrently.
      await dispatchers(10, async () => {
        while (accepted < count) {
          const from = accepted;
          accepted += batch;
          await accept(context.db, jobs(batch, from));
          await schedule(context);
        }
      });
      assert.equal(alive().length, count);
      assert.equal(ec2.throttled, 0);
      assert.ok(time.now <= 1_000 * seconds, `${time.now} ms`);
      assert.equal(await boot(), count);
      for (const [index, { at }] of ec2.launches.entries())
        assert.ok(at >= 500 * (index - 4) - 1, `request ${index} after ${at} ms`);
    });

  it("start in the next zone if a zone has no capacity, and pause if none has", async () => {
    await setUp(20);
    capacity.set("subnet-a", 3).set("subnet-b", 4);
    await accept(context.db, jobs(20));
    await dispatch();
    assert.equal(alive().length, 7);
    assert.equal(await openRuns(), 7, "the other jobs wait, and their runs have no slot");
    const { rows } = await d.admin.query("select pauses from jobs.runners where runner = 'ec2'");
    assert.deepEqual(rows, [{ pauses: 1 }]);
    assert.equal(await boot(), 7);
  });

  it("repeat a request whose response was lost, without starting more instances", async () => {
    await setUp(5);
    outcomes.push("unknown", "unknown");
    await accept(context.db, jobs(5));
    await dispatch();
    assert.equal(alive().length, 5);
    assert.equal(ec2.launches.length, 1);
    assert.equal(await boot(), 5);
  });

  it("leave a request without a response to the next dispatcher, which repeats it first", async () => {
    await setUp(7);
    outcomes.push("unknown", "unknown", "unknown");
    await accept(context.db, jobs(5));
    await dispatch();
    await accept(context.db, jobs(2, 5));
    await dispatch();
    assert.deepEqual(
      ec2.launches.map(({ count }) => count),
      [5, 2],
    );
    assert.equal(await boot(), 7);
  });

  it("repeat a request whose dispatcher died, once its reservation for that dispatcher has ended", async () => {
    await setUp(3);
    await accept(context.db, jobs(3));
    const dead = new Ec2Launcher(
      TEMPLATE,
      ec2.client(async (_what, effect) => {
        await effect();
        throw Object.assign(new Error("the process ended"), { name: "Died" });
      }),
    );
    const dying = new Proxy(context.db, {
      get: (db, name) =>
        name !== "query"
          ? Reflect.get(db, name)
          : (text: string, values: unknown[]) =>
              text.includes("launch_unknown") ? Promise.reject(new Error("died")) : db.query(text, values),
    });
    await dispatch(() =>
      schedule({ ...context, db: dying, launchers: { ...context.launchers, ec2: dead } }).catch(() => undefined),
    );
    assert.equal(alive().length, 3);
    const launches = async () => (await d.admin.query("select sends, started from jobs.launches")).rows;
    await dispatch(() => createHandlers(context).tick());
    assert.deepEqual(await launches(), [{ sends: 1, started: null }]);
    time.now += 41_000;
    await time.setClock(time.now);
    await dispatch(() => createHandlers(context).tick());
    assert.deepEqual(await launches(), [{ sends: 2, started: 3 }]);
    assert.equal(ec2.launches.length, 1, "the same launch");
    assert.equal(await boot(), 3);
  });

  it("slow down if other clients use up the account's rate, without ending runs or pausing the runner type", async () => {
    await setUp(4);
    outcomes.push("throttle", "throttle", "throttle");
    await accept(context.db, jobs(4));
    await dispatch();
    assert.equal(alive().length, 4);
    assert.equal(time.now, 500 + 1_000 + 2_000);
    const { rows } = await d.admin.query("select pauses from jobs.runners where runner = 'ec2'");
    assert.deepEqual(rows, [{ pauses: 0 }]);
    const ended = await d.admin.query("select from jobs.runs where state = 'ENDED'");
    assert.equal(ended.rowCount, 0);
  });

  it("are left to the next dispatcher if the rate delays them too long", async () => {
    await setUp(2);
    outcomes.push(...Array.from({ length: 20 }, () => "throttle" as const));
    await accept(context.db, jobs(2));
    await dispatch();
    assert.equal(alive().length, 0);
    assert.ok(time.now <= 25_000, `${time.now} ms`);
    assert.equal(await openRuns(), 2);
    outcomes.length = 0;
    time.now += 60_000;
    await time.setClock(time.now);
    await dispatch(() => createHandlers(context).tick());
    assert.equal(alive().length, 2);
  });

  it("request fewer instances at once if instances, not requests, are throttled", async () => {
    await setUp(1_200);
    Object.assign(context.settings.runners.ec2, { slots: 1_200 });
    await accept(context.db, jobs(1_100));
    await dispatch();
    assert.ok(alive().length >= 1_000, `${alive().length} instances`);
    assert.ok(time.now < 30_000);
    const counts = ec2.launches.map(({ count }) => count);
    assert.deepEqual(
      counts.slice(0, 10),
      Array.from({ length: 10 }, () => 100),
    );
    assert.ok(counts.length > 10 && counts.slice(10).every((count) => count < 100), counts.join());
  });

  it("are not requested by a suspended dispatcher, which logs no unknown outcome", async () => {
    await setUp(2);
    await accept(d.context.db, jobs(2));
    const lines: { level: number; msg: string }[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
    let isSuspended = true;
    const db = new Proxy(d.context.db, {
      get: (target, name) =>
        name !== "query"
          ? Reflect.get(target, name)
          : async (text: string, values: unknown[]) => {
              const result = await target.query(text, values);
              if (text.includes("begin_launch") && isSuspended) {
                isSuspended = false;
                time.now += 60_000;
              }
              return result;
            },
    });
    await dispatch(() => schedule({ ...context, db, log }));
    assert.equal(alive().length, 2, "the next request starts them");
    const message = "instances were not requested: too much time has passed since the slot was taken";
    assert.deepEqual(
      lines.map(({ level, msg }) => [level, msg]),
      [[pino.levels.values.warn, message]],
    );
  });

  it("terminate instances that were started after their slots expired", async () => {
    await setUp(2);
    await accept(context.db, jobs(2));
    const slow = new Ec2Launcher(
      TEMPLATE,
      ec2.client(async (_what, effect) => {
        const response = await effect();
        await d.admin.query("update jobs.runs set state = 'ENDED'");
        return response;
      }),
    );
    await dispatch(() => schedule({ ...context, launchers: { ...context.launchers, ec2: slow } }));
    assert.equal(ec2.instances.length, 2);
    assert.equal(alive().length, 0);
  });

  it("find the instances of a request without a response, and end silent ones", async () => {
    await setUp(2);
    outcomes.push("unknown", "unknown", "unknown");
    await accept(context.db, jobs(2));
    await dispatch();
    time.now += 4_000;
    await time.setClock(time.now);
    await reap(context);
    const { rows } = await d.admin.query("select external_id is not null as known from jobs.runs");
    assert.deepEqual(rows, [{ known: true }, { known: true }]);
    time.now += 300_000;
    await time.setClock(time.now);
    await reap(context);
    assert.equal(alive().length, 0);
    await reap(context);
    assert.equal(await openRuns(), 0);
  });

  it("terminate an instance without a slot, but none that may still receive a run", async () => {
    await setUp(2);
    outcomes.push("unknown", "unknown", "unknown");
    await accept(context.db, jobs(2));
    await dispatch();
    time.now += 4_000;
    await time.setClock(time.now);
    await reap(context);
    assert.equal(alive().length, 2);
    await d.admin.query("update jobs.runs set state = 'ENDED'");
    await reap(context);
    assert.equal(alive().length, 0);
  });

  it("need one call to inspect all instances, however many there are", async () => {
    await setUp(50);
    await accept(context.db, jobs(50));
    await dispatch();
    let calls = 0;
    const counting = new Ec2Launcher(
      TEMPLATE,
      ec2.client((_what, effect) => {
        calls++;
        return effect();
      }),
    );
    time.now += 4_000;
    await time.setClock(time.now);
    await reap({ ...context, launchers: { ...context.launchers, ec2: counting } });
    assert.equal(calls, 1);
  });

  it("keep all slots while EC2 refuses to list instances", async () => {
    await setUp(2);
    await accept(context.db, jobs(2));
    await dispatch();
    const silent = new Ec2Launcher(
      TEMPLATE,
      ec2.client(() => Promise.reject(new Error("RequestLimitExceeded"))),
    );
    time.now += 400_000;
    await time.setClock(time.now);
    await reap({ ...context, launchers: { ...context.launchers, ec2: silent } });
    assert.equal(await openRuns(), 2);
  });
});
