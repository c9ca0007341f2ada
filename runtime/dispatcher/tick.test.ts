import assert from "node:assert/strict";
import { pino } from "pino";
import { JobError } from "../contract/errors.ts";
import { connect } from "../platform/postgres.ts";
import { backendOf } from "../store/backend.ts";
import { accept, claim, finish, retry, runStarted, storeRefusal } from "../store/jobs.ts";
import { planRuns } from "../store/runs.ts";
import { testDispatcher } from "../testing/dispatcher.ts";
import { newJob, testPlan } from "../testing/jobs.ts";
import { createHandlers } from "./handlers.ts";
import { CapacityUnavailable } from "./launcher.ts";
import { sendDueResponses } from "./maintenance.ts";
import { reap } from "./reap.ts";
import { schedule } from "./schedule.ts";

describe("the dispatcher's maintenance", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  beforeEach(async () => {
    d = await testDispatcher({ runners: { glue: { slots: 2 }, ec2: { slots: 1 } } });
  });
  afterEach(() => d.close());

  /** Creates a run that has claimed the first waiting job. */
  const claimed = async () => {
    const keeper = await d.as("job_keeper");
    const [run = ""] = await planRuns(d.context.db, testPlan("glue", 2));
    await runStarted(keeper, run);
    const reader = await d.as("job_reader");
    const job = await claim(keeper, run, await backendOf(reader), undefined);
    assert(job);
    return { run, job, keeper, reader };
  };
  /** Moves all heartbeats and start deadlines an hour into the past. */
  const ageRuns = () =>
    d.admin.query(
      "update jobs.runs set seen_at = seen_at - interval '1 hour', start_deadline = start_deadline - interval '1 hour'",
    );
  const jobs = async () => (await d.admin.query("select request_id, status, attempt from jobs.jobs order by 1")).rows;
  const openRuns = async () =>
    (await d.admin.query("select count(*)::int as count from jobs.runs where state <> 'ENDED'")).rows[0].count;

  it("starts runs up to the capacity, and none when nothing waits", async () => {
    assert.equal(await schedule(d.context), 0);
    await accept(d.context.db, [newJob("a"), newJob("b"), newJob("c"), newJob("u", { runner: "ec2" })]);
    assert.equal(await schedule(d.context), 3);
    assert.equal(await schedule(d.context), 0);
  });

  it("leaves a job waiting when the account has no capacity, without using up an attempt", async () => {
    await accept(d.context.db, [newJob("a")]);
    d.launcher.failure = new CapacityUnavailable("ConcurrentRunsExceededException");
    assert.equal(await schedule(d.context), 0);
    assert.deepEqual(await jobs(), [{ request_id: "a", status: "PENDING", attempt: 0 }]);
    assert.equal(await openRuns(), 0);
    d.launcher.failure = undefined;
    assert.equal(await schedule(d.context), 0, "no run starts before the runner type's pause has ended");
    await d.admin.query("update jobs.runners set paused_until = jobs.clock()");
    assert.equal(await schedule(d.context), 1);
  });

  it("keeps the slot of a launch with an unknown outcome until its deadline", async () => {
    await accept(d.context.db, [newJob("a"), newJob("b")]);
    d.launcher.failure = new Error("socket hang up");
    await schedule(d.context);
    d.launcher.failure = undefined;
    for (const { id } of (await d.admin.query("select id from jobs.runs")).rows) d.launcher.statuses.set(id, "UNKNOWN");
    await reap(d.context);
    assert.equal(await openRuns(), 2, "a run that AWS does not show yet may still start");
    await ageRuns();
    await reap(d.context);
    assert.equal(await openRuns(), 0);
  });

  it("keeps a slot for the other tenants if the settings name several tenants", async () => {
    Object.assign(d.context.settings.queues?.tenants ?? {}, { acme: "a", globex: "b" });
    await accept(
      d.context.db,
      ["a", "b", "c"].map((id) => newJob(id, { tenant: "acme" })),
    );
    assert.equal(await schedule(d.context), 1);
    const [run = ""] = d.launcher.started;
    await runStarted(await d.as("job_keeper"), run);
    assert.ok(await claim(await d.as("job_keeper"), run, { pid: 1, start: "2021-01-01T00:00:00Z" }, undefined));
    assert.equal(await schedule(d.context), 0, "the tenant has all its slots");
    await accept(d.context.db, [newJob("a", { tenant: "globex" })]);
    assert.equal(await schedule(d.context), 1);
  });

  it("launches no run whose slot may have been reassigned while the dispatcher was suspended", async () => {
    await accept(d.context.db, [newJob("a"), newJob("b")]);
    const taken = Promise.withResolvers<void>();
    const resume = Promise.withResolvers<void>();
    let paused = 0;
    const pausing = new Proxy(d.context.db, {
      get: (db, name) =>
        name !== "query"
          ? Reflect.get(db, name)
          : async (text: string, values: unknown[]) => {
              const result = await db.query(text, values);
              if (!text.includes("plan_all_runs")) return result;
              taken.resolve();
              await resume.promise;
              return result;
            },
    });
    const late = schedule({ ...d.context, db: pausing, now: () => performance.now() + paused });
    await taken.promise;
    paused = d.context.settings.runners.glue.startSeconds * 1000;
    await ageRuns();
    for (const { id } of (await d.admin.query("select id from jobs.runs")).rows) d.launcher.statuses.set(id, "UNKNOWN");
    await reap(d.context);
    await d.admin.query("update jobs.runners set paused_until = null");
    assert.equal(await schedule(d.context), 2, "both slots are reassigned");
    resume.resolve();
    assert.equal(await late, 0);
    assert.equal(d.launcher.started.length, 2);
  });

  it("frees the slot of a run that it would launch too late, and logs that nothing was started", async () => {
    await accept(d.context.db, [newJob("a"), newJob("u", { runner: "ec2" })]);
    const lines: { level: number; msg: string }[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const times = [0];
    const now = () => times.shift() ?? d.context.settings.runners.ec2.startSeconds * 1000;
    assert.equal(await schedule({ ...d.context, log, now }), 0);
    assert.equal(await openRuns(), 0);
    assert.deepEqual(d.launcher.started, []);
    const message = "a run was not launched: too much time has passed since the slot was taken";
    assert.deepEqual(
      lines.map(({ level, msg }) => [level, msg]),
      [
        [pino.levels.values.warn, message],
        [pino.levels.values.warn, message],
      ],
    );
  });

  it("terminates a late launch whose slot expired", async () => {
    await accept(d.context.db, [newJob("a")]);
    const { start } = d.launcher;
    d.launcher.start = async (run, runner) => {
      const externalId = await start.call(d.launcher, run, runner);
      await ageRuns();
      d.launcher.statuses.set(run, "UNKNOWN");
      await reap(d.context);
      return externalId;
    };
    assert.equal(await schedule(d.context), 0);
    assert.deepEqual(d.launcher.stopped, d.launcher.started);
    assert.equal(await runStarted(await d.as("job_keeper"), d.launcher.started[0] ?? ""), undefined);
  });

  it("ends the session of a lost job before it requeues the job", async () => {
    await accept(d.context.db, [newJob("a")]);
    const { run, reader } = await claimed();
    const ended = new Promise((resolve) => reader.once("end", resolve));
    const sleeping = reader.query("select pg_sleep(600)").catch((error: { code: string }) => error.code);
    d.launcher.statuses.set(run, "ENDED");
    await reap(d.context);
    assert.match(String(await sleeping), /57014|57P01/);
    await ended;
    assert.deepEqual(await jobs(), [{ request_id: "a", status: "PENDING", attempt: 1 }]);
    assert.equal(await openRuns(), 0);
  });

  it("fails a lost job as OutOfMemory if its run ran out of memory, since another run of this size would too", async () => {
    await accept(d.context.db, [newJob("a")]);
    const { run } = await claimed();
    d.launcher.statuses.set(run, "OUT_OF_MEMORY");
    await reap(d.context);
    const { rows } = await d.admin.query("select status, error from jobs.jobs");
    assert.deepEqual([rows[0].status, rows[0].error.type, rows[0].error.retryable], ["FAILED", "OutOfMemory", false]);
    assert.equal(await openRuns(), 0);
  });

  it("starts a larger run before all others for a read that ran out of memory and may not use EC2", async () => {
    const { glue: _, ...settings } = d.context.settings;
    const glue = { jobName: "reads", maxCapacity: 0.0625, largerCapacity: 1, arguments: {} };
    const context = { ...d.context, settings: { ...settings, glue, jobs: { ...settings.jobs, readsOnEc2: false } } };
    await createHandlers(context).tick();
    await accept(d.context.db, [newJob("a")]);
    const { run, job, keeper } = await claimed();
    const outOfMemory = new JobError("OutOfMemory", { reason: "a row does not fit into it" });
    assert.equal(await retry(keeper, job, outOfMemory.body(), 1_000), "RETRIED");
    await d.admin.query("update jobs.jobs set high_memory_retry_at = jobs.clock()");
    await accept(d.context.db, [newJob("b"), newJob("c"), newJob("d")]);
    d.launcher.statuses.set(run, "ENDED");
    await createHandlers(context).tick();
    assert.equal(d.launcher.started.length, 2, "as many as there are slots");
    assert.deepEqual(d.launcher.larger, [d.launcher.started[0]]);

    await createHandlers(d.context).tick();
    const { rows } = await d.admin.query(
      "select high_memory_retry_at, not_before from jobs.jobs where request_id = 'a'",
    );
    assert.deepEqual(
      rows,
      [{ high_memory_retry_at: null, not_before: null }],
      "in a stack without larger runs, any run may claim it",
    );
  });

  it("frees the slot of a silent run only once it is known to have ended", async () => {
    await accept(d.context.db, [newJob("a")]);
    const { run } = await claimed();
    await ageRuns();
    await reap(d.context);
    assert.deepEqual(d.launcher.stopped, [run]);
    assert.equal(await openRuns(), 1, "it is still active");
    d.launcher.statuses.set(run, "ENDED");
    await reap(d.context);
    assert.equal(await openRuns(), 0);
  });

  it("stops a run only after two lease durations without a heartbeat: its lease, and one more for a late heartbeat", async () => {
    await accept(d.context.db, [newJob("a")]);
    const { run } = await claimed();
    await d.admin.query("update jobs.runs set seen_at = jobs.clock() - interval '45 seconds'");
    await reap(d.context);
    assert.deepEqual(d.launcher.stopped, []);
    await d.admin.query("update jobs.runs set seen_at = jobs.clock() - interval '61 seconds'");
    await reap(d.context);
    assert.deepEqual(d.launcher.stopped, [run]);
    const { rows } = await d.admin.query("select stop_at is not null as stopping from jobs.runs");
    assert.deepEqual(rows, [{ stopping: true }], "it is marked as stopping");
  });

  it("requeues a lost job although AWS does not respond, and frees no slot meanwhile", async () => {
    await accept(d.context.db, [newJob("a")]);
    await claimed();
    await d.admin.query("update jobs.jobs set lease_until = jobs.clock() - interval '1 second'");
    d.launcher.status = () => Promise.reject(new Error("RequestLimitExceeded"));
    await reap(d.context);
    assert.deepEqual(await jobs(), [{ request_id: "a", status: "PENDING", attempt: 1 }]);
    assert.equal(await openRuns(), 1);
  });

  it("settles the other lost jobs while one row is locked", async () => {
    await accept(d.context.db, [newJob("held"), newJob("free")]);
    const { run, keeper, reader } = await claimed();
    assert(await claim(keeper, run, await backendOf(reader), undefined));
    await d.admin.query("update jobs.jobs set lease_until = jobs.clock() - interval '1 second'");
    const locker = await d.as("migrator");
    await locker.query("begin; select from jobs.jobs where request_id = 'held' for update");
    await reap(d.context);
    await locker.query("rollback");
    assert.deepEqual(await jobs(), [
      { request_id: "free", status: "PENDING", attempt: 1 },
      { request_id: "held", status: "IN_PROGRESS", attempt: 1 },
    ]);
  });

  it("ends only those active runs that have no slot", async () => {
    await accept(d.context.db, [newJob("a")]);
    const { run } = await claimed();
    const stray = "00000000-0000-4000-8000-000000000000";
    d.launcher.activeRuns.push({ run, externalId: "i-1" }, { run: stray, externalId: "i-2" });
    await reap(d.context);
    assert.deepEqual([...new Set(d.launcher.stopped)], [stray]);
    assert.deepEqual(await jobs(), [{ request_id: "a", status: "IN_PROGRESS", attempt: 1 }]);
  });

  it("sends a response whose sending was not recorded, once and unchanged", async () => {
    await accept(d.context.db, [newJob("a")]);
    const { job, keeper } = await claimed();
    const response = await finish(keeper, job, {
      status: "SUCCEEDED",
      result: "{}",
      rows: 0,
      bytes: 0,
      peakMemoryBytes: 0,
    });
    assert.equal(await sendDueResponses(d.context), 0, "its runner has ten seconds to send it");
    await d.admin.query("update jobs.jobs set due_at = jobs.clock() where due_at is not null");
    assert.equal(await sendDueResponses(d.context), 1);
    assert.equal(await sendDueResponses(d.context), 0);
    const [message] = await d.receive(d.context.queues.responses);
    assert.equal(message?.Body, response?.body);
    assert.deepEqual(
      Object.fromEntries(
        Object.entries(message?.MessageAttributes ?? {}).map(([name, value]) => [name, value.StringValue]),
      ),
      { requestId: "a", status: "SUCCEEDED", responseId: "default/a" },
    );
  });

  it("sends all due responses, however many", async () => {
    for (let index = 0; index < 60; index++)
      await storeRefusal(d.context.db, {
        responseId: `r-${index}`,
        tenant: "default",
        requestId: `bad-${index}`,
        error: new JobError("InvalidRequest", { count: 1 }).body(),
        labels: {},
      });
    await d.admin.query("update jobs.answers set due_at = jobs.clock()");
    assert.equal(await sendDueResponses(d.context), 60);
  });

  it("runs the other maintenance tasks when some fail", async () => {
    await accept(d.context.db, [newJob("a")]);
    d.context.tracking.put = () => Promise.reject(new Error("the tracking store is down"));
    d.launcher.status = () => Promise.reject(new Error("throttled"));
    await claimed();
    await accept(d.context.db, [newJob("b")]);
    await createHandlers(d.context).tick();
    assert.equal(d.launcher.started.length, 1);
  });

  it("starts a run for a waiting job as soon as another run has ended", async () => {
    await accept(d.context.db, [newJob("a"), newJob("b"), newJob("c")]);
    await schedule(d.context);
    const [first = ""] = d.launcher.started;
    await d.admin.query("update jobs.runs set state = 'RUNNING' where id = $1", [first]);
    await createHandlers(d.context).runEnded({ run: first, outcome: "ENDED" });
    assert.equal(d.launcher.started.length, 3);
  });

  it("connects with the requested role", async () => {
    const client = await connect("canceller");
    assert.equal((await client.query("select current_user as name")).rows[0].name, "canceller");
    await client.end();
  });
});
