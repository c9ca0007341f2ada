import assert from "node:assert/strict";
import { requirePython } from "../testing/python/python.ts";
import { testPlatform } from "../testing/runner/runner.ts";
import { RUNNER_WORK, WORK } from "../testing/runner/work.ts";

for (const [language, work] of RUNNER_WORK)
  describe(`a job (${work}) of the runner in ${language}, interrupted by an administrator`, () => {
    let p: Awaited<ReturnType<typeof testPlatform>>;
    let python: string | undefined;
    const runnerType = work === "read" ? "glue" : "ec2";
    const role = work === "read" ? "job\\_reader%" : "job\\_writer";
    before(async function () {
      if (language === "Python") python = requirePython(this, "python");
      const runners = { [runnerType]: { slots: 1, idleSeconds: 60 } };
      p = await testPlatform({ runners, jobs: { leaseSeconds: 30, maxAttempts: 2, readsOnEc2: false } });
    });
    after(() => p?.close());

    /** Makes a retried job claimable now. */
    const skipBackoff = (requestId: string) =>
      p.admin.query("update jobs.jobs set not_before = null where request_id = $1 and not_before is not null", [
        requestId,
      ]);

    let number = 0;
    let isRunStarted = false;
    /** Runs a job that waits for a lock, and calls `interrupt` with the pid of its session in each attempt. */
    const runBlocked = async (interrupt: (pid: number) => Promise<unknown>, options: object = {}, attempts = 1) => {
      const requestId = `blocked-${++number}`;
      const blocker = await p.as("migrator");
      await blocker.query("begin; lock table prices, ports in access exclusive mode");
      try {
        await p.request({ requestId, task: WORK[work], ...options });
        if (!isRunStarted) p.startRuns(runnerType, undefined, python);
        isRunStarted = true;
        for (let attempt = 1; attempt <= attempts; attempt++) {
          let pid = 0;
          await p.until(`attempt ${attempt} waits`, async () => {
            await skipBackoff(requestId);
            const { rows } = await p.admin.query(
              `select a.pid from pg_stat_activity a, jobs.jobs j where a.datname = current_database()
               and a.usename like $1 and a.wait_event_type = 'Lock' and j.request_id = $2 and j.attempt = $3`,
              [role, requestId, attempt],
            );
            pid = rows[0]?.pid ?? 0;
            return pid !== 0;
          });
          await interrupt(pid);
          await p.until(
            `attempt ${attempt} has ended`,
            async () =>
              (await p.document(requestId)).attempts.length >= attempt &&
              (await p.document(requestId)).attempts[attempt - 1].outcome !== undefined,
          );
        }
      } finally {
        await blocker.query("rollback");
      }
      await p.until(`${requestId} ends`, async () => {
        await skipBackoff(requestId);
        return /SUCCEEDED|FAILED/.test((await p.document(requestId)).status);
      });
      return p.document(requestId);
    };
    const cancel = (pid: number) => p.admin.query("select pg_cancel_backend($1)", [pid]);
    const terminate = (pid: number) => p.admin.query("select pg_terminate_backend($1)", [pid]);

    for (const [name, interrupt] of Object.entries({ cancel, terminate }))
      it(`is retried after a ${name}, and its attempt is reported as Interrupted`, async () => {
        const document = await runBlocked(interrupt);
        assert.equal(document.status, "SUCCEEDED", JSON.stringify(document));
        assert.deepEqual(
          document.attempts.map(({ outcome }: { outcome: string }) => outcome),
          ["Interrupted", "SUCCEEDED"],
        );
      });

    it("fails as Interrupted after its last attempt", async () => {
      const document = await runBlocked(cancel, {}, 2);
      assert.deepEqual(
        [document.status, document.error.type, document.error.category],
        ["FAILED", "Interrupted", "System"],
      );
      assert.match(document.error.message, /administrator.*canceling statement due to user request/);
    });

    it("still fails as TimedOut at its own timeout", async () => {
      const document = await runBlocked(async () => undefined, { timeoutSeconds: 1 });
      assert.deepEqual([document.status, document.error.type], ["FAILED", "TimedOut"]);
    });
  });
