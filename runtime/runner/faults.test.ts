import assert from "node:assert/strict";
import { createHandlers } from "../dispatcher/handlers.ts";
import { testPlatform } from "../testing/runner/runner.ts";
import { CRASH_POINTS } from "./crashPoints.ts";

const items = [1, 2, 3].map((price) => ({ orig_code: "AAAAA", dest_code: "BBBBB", day: "2021-01-01", price }));
const TASKS = {
  update: { runnerType: "ec2", task: { type: "update", target: "prices", source: { inline: items } } },
  read: { runnerType: "glue", task: { type: "read", sql: "select generate_series(1, 3) as n", format: "json" } },
} as const;

describe("a job whose runner fails", () => {
  let p: Awaited<ReturnType<typeof testPlatform>>;
  beforeEach(async () => {
    p = await testPlatform();
  });
  afterEach(() => p.close());

  const rows = async () =>
    (await p.admin.query("select price from prices order by price")).rows.map((row) => row.price);
  /** Receives the messages of the queue, asserts that all are copies of one response, and returns it. */
  const response = async () => {
    const messages = await p.receive(p.context.queues.responses);
    assert(messages.length >= 1, "at least one response");
    assert.equal(new Set(messages.map((message) => message.Body)).size, 1, "all copies are the same");
    return JSON.parse(messages[0]?.Body ?? "");
  };
  /** Runs the dispatcher after a run's end, without delays: a new run starts, or due responses are sent. */
  const settle = async (run: string) => {
    p.launcher.statuses.set(run, "ENDED");
    const handlers = createHandlers(p.context);
    await handlers.runEnded({ run, outcome: "ENDED" });
    await p.admin.query("update jobs.jobs set not_before = jobs.clock() where status = 'PENDING'");
    await p.admin.query("update jobs.jobs set due_at = jobs.clock() where due_at is not null");
    await handlers.tick();
  };

  for (const [type, { runnerType, task }] of Object.entries(TASKS))
    for (const step of CRASH_POINTS.filter((point) => type === "update" || point !== "COMMIT"))
      it(`completes once and gets a response when its runner is killed: ${type}, ${step}`, async () => {
        await p.request({ requestId: "job", task });
        const [first] = p.startRuns(runnerType, { step, signal: "SIGKILL" });
        assert(first);
        assert.equal(await first.exit, "SIGKILL", first.output());
        const committed = step === "outbox" || step === "send";
        assert.equal((await p.document("job")).status, committed ? "SUCCEEDED" : "IN_PROGRESS");
        assert.deepEqual(await rows(), type === "update" && committed ? [1, 2, 3] : []);

        await settle(first.run);
        const [second] = p.startRuns(runnerType);
        assert.equal(second !== undefined, !committed, "a second run starts only if the first did not commit");
        assert.equal(await (second?.exit ?? 0), 0, second?.output());
        const received = await response();
        assert.equal(received.status, "SUCCEEDED");
        assert.equal(received.stats.attempts, committed ? 1 : 2);
        assert.deepEqual(await rows(), type === "update" ? [1, 2, 3] : []);
        if (type === "read") assert.deepEqual(received.result.inline, [{ n: 1 }, { n: 2 }, { n: 3 }]);
      });

  for (const step of ["BEGIN", "COPY", "fence", "COMMIT"] as const)
    it(`is applied once when its runner is paused past its lease and resumed: ${step}`, async () => {
      await p.request({ requestId: "job", task: TASKS.update.task });
      const [paused] = p.startRuns("ec2", { step, signal: "SIGSTOP" });
      assert(paused);
      await p.until("the runner is paused", async () => p.isStopped(paused.child.pid ?? 0));
      await p.until(
        "its lease has expired",
        async () =>
          (await p.admin.query("select lease_until < jobs.clock() as expired from jobs.jobs")).rows[0].expired,
      );
      // Another run gets the job while the first run is still alive and keeps its slot.
      await createHandlers(p.context).tick();
      assert.equal((await p.document("job")).status, "PENDING");
      await p.admin.query("update jobs.jobs set not_before = jobs.clock()");
      await createHandlers(p.context).tick();
      const [second] = p.startRuns("ec2");
      assert(second);
      assert.equal(await second.exit, 0, second.output());
      paused.child.kill("SIGCONT");
      await paused.exit;
      assert.deepEqual(await rows(), [1, 2, 3]);
      assert.equal((await response()).stats.attempts, 2);
    });

  it("records the database session of a read on EC2, so that the dispatcher can end it", async () => {
    await p.close();
    p = await testPlatform({
      runners: { glue: { slots: 0 }, ec2: { slots: 1, idleSeconds: 0 } },
      jobs: { leaseSeconds: 30 },
    });
    const task = { type: "read", sql: "select 'at work', pg_sleep(60)", format: "csv" } as const;
    await p.requestUnchecked({ requestId: "job", task });
    const [run] = p.startRuns("ec2");
    assert(run);
    const activeSessions = async () =>
      (
        await p.admin.query(
          `select a.pid, j.backend_pid from pg_stat_activity a cross join jobs.jobs j
           where a.datname = current_database() and a.usename like 'job_reader_%' and a.state = 'active' and a.query like 'copy%'`,
        )
      ).rows;
    await p.until("it reads", async () => (await activeSessions()).length > 0);
    const [{ pid, backend_pid }] = await activeSessions();
    assert.equal(backend_pid, pid);
    run.child.kill("SIGKILL");
    await run.exit;
    await settle(run.run);
    const { rows: remaining } = await p.admin.query("select from pg_stat_activity where pid = $1", [pid]);
    assert.equal(remaining.length, 0);
  });

  it("commits although the server ends its runner's job_keeper session during the work", async () => {
    await p.request({ requestId: "job", task: TASKS.update.task });
    const [run] = p.startRuns("ec2", { step: "COPY", signal: "SIGSTOP" });
    assert(run);
    await p.until("the runner is paused", async () => p.isStopped(run.child.pid ?? 0));
    const { rows: ended } = await p.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and usename = 'job_keeper'`,
    );
    assert.equal(ended.length, 1);
    run.child.kill("SIGCONT");
    assert.equal(await run.exit, 1, "it cannot claim further jobs");
    assert.deepEqual(await rows(), [1, 2, 3]);
    const received = await response();
    assert.deepEqual([received.status, received.stats.attempts], ["SUCCEEDED", 1]);
  });

  it("is applied once although its request is sent five times at once", async () => {
    const body = { requestId: "batch", task: TASKS.update.task };
    await Promise.all([p.request(body), p.request(body, body), p.request(body), p.request(body)]);
    const [first, ...others] = p.startRuns("ec2", { step: "COPY", signal: "SIGKILL" });
    assert.equal(others.length, 0);
    assert(first);
    await first.exit;
    await settle(first.run);
    const [second] = p.startRuns("ec2");
    assert.equal(await second?.exit, 0, second?.output());
    await p.request(body);
    assert.deepEqual(await rows(), [1, 2, 3]);
    await response();
  });

  it("fails after its last attempt, with the reason in the response", async () => {
    await p.request({ requestId: "job", task: TASKS.update.task });
    for (let attempt = 1; attempt <= 3; attempt++) {
      const [run] = p.startRuns("ec2", { step: "COPY", signal: "SIGKILL" });
      assert(run, `attempt ${attempt}`);
      await run.exit;
      await settle(run.run);
      await settle(run.run);
    }
    const received = await response();
    assert.deepEqual(
      [received.status, received.error.type, received.error.retryable, received.stats.attempts],
      ["FAILED", "RunnerLost", true, 3],
    );
    assert.deepEqual(await rows(), []);
  });

  it("succeeds; when the connection is lost afterwards, its idle runner logs the failure and exits with 1", async () => {
    await p.close();
    p = await testPlatform({ runners: { glue: { slots: 1, idleSeconds: 60 }, ec2: { slots: 0 } } });
    await p.request({ requestId: "job", task: TASKS.read.task });
    const [run] = p.startRuns("glue");
    assert(run);
    await p.until("the job is done", async () => (await p.document("job")).status === "SUCCEEDED");
    await p.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and usename = 'job_keeper'`,
    );
    assert.equal(await run.exit, 1, run.output());
    assert.match(run.output(), /"msg":"failed"/);
    assert.doesNotMatch(run.output(), /Unhandled|node:events/);
  });
});
