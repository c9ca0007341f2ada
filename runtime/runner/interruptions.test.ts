import assert from "node:assert/strict";
import { requirePython } from "../testing/python/python.ts";
import { testPlatform } from "../testing/runner/runner.ts";
import { RUNNER_WORK, WORK } from "../testing/runner/work.ts";

for (const [runner, work] of RUNNER_WORK)
  describe(`an administrator interrupts a job (${work}) of the runner in ${runner}`, () => {
    let p: Awaited<ReturnType<typeof testPlatform>>;
    let python: string | undefined;
    const kind = work === "read" ? "glue" : "ec2";
    const role = work === "read" ? "job\\_reader%" : "job\\_writer";
    before(async function () {
      if (runner === "Python") python = requirePython(this, "python");
      const runners = { [kind]: { slots: 1, idleSeconds: 60 } };
      p = await testPlatform({ runners, jobs: { leaseSeconds: 30, maxAttempts: 2, readsOnEc2: false } });
    });
    after(() => p?.close());

    /** Does what the dispatcher's tick would do later. */
    const skipBackoff = (requestId: string) =>
      p.admin.query("update jobs.jobs set not_before = null where request_id = $1 and not_before is not null", [
        requestId,
      ]);

    let number = 0;
    let started = false;
    /** Starts a job that waits for a lock, and calls `act` with its session while it waits. */
    const blocked = async (act: (pid: number) => Promise<unknown>, rest: object = {}, times = 1) => {
      const requestId = `blocked-${++number}`;
      const blocker = await p.as("migrator");
      await blocker.query("begin; lock table prices, ports in access exclusive mode");
      try {
        await p.request({ requestId, task: WORK[work], ...rest });
        if (!started) p.startRuns(kind, undefined, python);
        started = true;
        for (let time = 1; time <= times; time++) {
          let pid = 0;
          await p.until(`attempt ${time} waits`, async () => {
            await skipBackoff(requestId);
            const { rows } = await p.admin.query(
              `select a.pid from pg_stat_activity a, jobs.jobs j where a.datname = current_database()
               and a.usename like $1 and a.wait_event_type = 'Lock' and j.request_id = $2 and j.attempt = $3`,
              [role, requestId, time],
            );
            pid = rows[0]?.pid ?? 0;
            return pid !== 0;
          });
          await act(pid);
          await p.until(
            `attempt ${time} has ended`,
            async () =>
              (await p.document(requestId)).attempts.length >= time &&
              (await p.document(requestId)).attempts[time - 1].outcome !== undefined,
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

    for (const [name, act] of Object.entries({ cancel, terminate }))
      it(`retries it after a ${name}, and reports the attempt as Interrupted`, async () => {
        const document = await blocked(act);
        assert.equal(document.status, "SUCCEEDED", JSON.stringify(document));
        assert.deepEqual(
          document.attempts.map(({ outcome }: { outcome: string }) => outcome),
          ["Interrupted", "SUCCEEDED"],
        );
      });

    it("fails it as Interrupted after its last attempt", async () => {
      const document = await blocked(cancel, {}, 2);
      assert.deepEqual(
        [document.status, document.error.type, document.error.category],
        ["FAILED", "Interrupted", "System"],
      );
      assert.match(document.error.message, /administrator.*canceling statement due to user request/);
    });

    it("still reports its own timeout as TimedOut", async () => {
      const document = await blocked(async () => undefined, { timeoutSeconds: 1 });
      assert.deepEqual([document.status, document.error.type], ["FAILED", "TimedOut"]);
    });
  });
