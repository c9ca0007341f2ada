import assert from "node:assert/strict";
import { createHandlers } from "../dispatcher/handlers.ts";
import { requirePython } from "../testing/python/python.ts";
import { type DatabaseProxy, databaseProxy } from "../testing/runner/databaseProxy.ts";
import { testPlatform } from "../testing/runner/runner.ts";
import { RUNNER_WORK, WORK } from "../testing/runner/work.ts";

for (const [language, work] of RUNNER_WORK)
  describe(`a failover of the database during a job (${work}) of the runner in ${language}`, () => {
    let p: Awaited<ReturnType<typeof testPlatform>>;
    let proxy: DatabaseProxy;
    let python: string | undefined;
    const runnerType = work === "read" ? "glue" : "ec2";
    before(function () {
      if (language === "Python") python = requirePython(this, "python");
    });
    beforeEach(async () => {
      p = await testPlatform({
        runners: { [runnerType]: { slots: 1, idleSeconds: 0 } },
        jobs: { leaseSeconds: 30, readsOnEc2: false },
      });
      proxy = await databaseProxy(Number(p.database.env.DATABASE_PORT));
    });
    afterEach(async () => {
      await p?.close();
      await proxy?.close();
    });

    it("is reported as DatabaseUnavailable by the run itself, and the next attempt completes the job", async () => {
      const blocker = await p.as("migrator");
      await blocker.query("begin; lock table prices, ports in access exclusive mode");
      await p.request({ requestId: "job", task: WORK[work] });
      const directPort = p.database.env.DATABASE_PORT ?? "";
      p.database.env.DATABASE_PORT = String(proxy.port);
      const [run] = p.startRuns(runnerType, undefined, python);
      assert(run);
      await p.until("the job waits for the lock", async () => {
        const { rows } = await p.admin.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
           and (usename like 'job\\_reader%' or usename = 'job_writer')`,
        );
        return rows.length > 0;
      });
      await proxy.fail();
      proxy.recover();
      await p.until("the end of the attempt is recorded", async () => (await p.document("job")).status === "PENDING");
      await blocker.query("rollback");
      const { attempts, error } = await p.document("job");
      assert.equal(attempts[0].outcome, "DatabaseUnavailable", run.output());
      assert.deepEqual([error.type, error.category, error.retryable], ["DatabaseUnavailable", "System", true]);

      await run.exit;
      p.database.env.DATABASE_PORT = directPort;
      const handlers = createHandlers(p.context);
      p.launcher.statuses.set(run.run, "ENDED");
      await handlers.runEnded({ run: run.run, outcome: "ENDED" });
      await p.admin.query("update jobs.jobs set not_before = jobs.clock() where status = 'PENDING'");
      await handlers.tick();
      const [second] = p.startRuns(runnerType, undefined, python);
      if (second) assert.equal(await second.exit, 0, second.output());
      const document = await p.document("job");
      assert.deepEqual([document.status, document.attempts.length], ["SUCCEEDED", 2], JSON.stringify(document));
      const { rows } = await p.admin.query("select price from prices");
      assert.deepEqual(rows, work === "update" ? [{ price: 5 }] : []);
    });
  });

describe("a server that has become read-only", () => {
  it("is reported as DatabaseUnavailable by an update, which is retried", async () => {
    const p = await testPlatform({ runners: { ec2: { slots: 1, idleSeconds: 0 } }, jobs: { leaseSeconds: 30 } });
    try {
      await p.request({ requestId: "job", task: WORK.update });
      // In this database only: tests share the cluster.
      await p.admin.query(
        `alter role job_writer in database ${p.database.name} set default_transaction_read_only = on`,
      );
      const [run] = p.startRuns("ec2");
      await p.until("the attempt has ended", async () => (await p.document("job")).attempts[0]?.outcome !== undefined);
      const { status, attempts, error } = await p.document("job");
      assert.deepEqual([status, attempts[0].outcome], ["PENDING", "DatabaseUnavailable"], run?.output());
      assert.match(error.message, /read-only transaction/);
    } finally {
      await p.close();
    }
  });
});
