import assert from "node:assert/strict";
import { requirePython } from "../testing/python/python.ts";
import { testPlatform } from "../testing/runner/runner.ts";

for (const language of ["TypeScript", "Python"] as const)
  describe(`a run of the runner in ${language} that ends`, () => {
    let python: string | undefined;
    before(function () {
      if (language === "Python") python = requirePython(this, "python");
    });

    /** Creates a platform whose only run is executing the first of two reads. */
    const startBusyRun = async (settings: object) => {
      const runners = { glue: { slots: 1, idleSeconds: 60, ...settings }, ec2: { slots: 0 } };
      const p = await testPlatform({ runners, jobs: { leaseSeconds: 30 } });
      const task = { type: "read", sql: "select pg_sleep(2)" } as const;
      for (const requestId of ["current", "waits"]) await p.requestUnchecked({ requestId, task });
      const [run] = p.startRuns("glue", undefined, python);
      assert(run);
      await p.until("the first read runs", async () => (await p.document("current")).status === "IN_PROGRESS");
      return { p, run };
    };
    /** Asserts that the run ended normally, with its job finished, and claimed no other. */
    const assertEnded = async ({ p, run }: Awaited<ReturnType<typeof startBusyRun>>) => {
      try {
        assert.equal(await run.exit, 0, run.output());
        const documents = await Promise.all(["current", "waits"].map(p.document));
        assert.deepEqual(
          documents.map(({ status, attempts }) => [status, attempts.length]),
          [
            ["SUCCEEDED", 1],
            ["PENDING", 0],
          ],
        );
        assert.equal((await p.receive(p.context.queues.responses)).length, 1);
        const { rows } = await p.admin.query("select state from jobs.runs");
        assert.deepEqual(
          rows,
          [{ state: "RETIRING" }],
          "it claims nothing more, and holds its slot until it has ended",
        );
      } finally {
        await p.close();
      }
    };

    it("finishes its current job, responds and claims no other when it is drained, for example on a Spot notice", async () => {
      const busyRun = await startBusyRun({});
      busyRun.run.child.kill("SIGTERM");
      await assertEnded(busyRun);
    });

    it("claims no job when it starts after its slot expired, or when another process has its id", async () => {
      const runners = { glue: { slots: 1, idleSeconds: 60 }, ec2: { slots: 0 } };
      const p = await testPlatform({ runners, jobs: { leaseSeconds: 30 } });
      try {
        await p.request({ requestId: "waits", task: { type: "read", sql: "select 1 as n" } });
        const [id = ""] = p.launcher.started.splice(0);
        for (const state of ["ENDED", "RUNNING"]) {
          await p.admin.query("update jobs.runs set state = $2 where id = $1", [id, state]);
          const run = p.start(id, "glue", undefined, python);
          assert.equal(await run.exit, 0, run.output());
        }
        const { status, attempts } = await p.document("waits");
        assert.deepEqual([status, attempts], ["PENDING", []]);
        const { rows } = await p.admin.query("select state, seen_at from jobs.runs");
        assert.deepEqual(rows, [{ state: "RUNNING", seen_at: null }]);
      } finally {
        await p.close();
      }
    });

    it("claims no further job once its lifetime is over, even if jobs wait", async () => {
      await assertEnded(await startBusyRun({ lifetimeSeconds: 1 }));
    });
  });

/** SQL that makes the first update of a job to FAILED raise a deadlock error. */
const DEADLOCKED_END = `
  create sequence jobs.end_calls;
  create function jobs.fail_end() returns trigger language plpgsql security definer as $$
  begin
    if nextval('jobs.end_calls') = 1 then raise deadlock_detected; end if;
    return new;
  end
  $$;
  create trigger fail_end before update on jobs.jobs for each row
  when (new.status = 'FAILED') execute function jobs.fail_end()`;

for (const language of ["TypeScript", "Python"] as const)
  describe(`the end of an attempt of the runner in ${language}`, () => {
    let python: string | undefined;
    before(function () {
      if (language === "Python") python = requirePython(this, "python");
    });

    it("is recorded again after a deadlock, and the log names the job", async () => {
      const p = await testPlatform({ jobs: { leaseSeconds: 30 } });
      try {
        await p.admin.query(DEADLOCKED_END);
        await p.requestUnchecked({ requestId: "fails", task: { type: "read", sql: "select 1 / 0" } });
        const [run] = p.startRuns("glue", undefined, python);
        assert(run);
        assert.equal(await run.exit, 0, run.output());
        assert.equal((await p.document("fails")).error.type, "InvalidSql");
        const lines = run.output().split("\n");
        const repeats = lines
          .filter((line) => line.includes("repeating a call to the database"))
          .map((line) => JSON.parse(line));
        const { rows } = await p.admin.query("select id::int from jobs.jobs");
        assert.deepEqual(
          repeats.map(({ job }) => job),
          [rows[0].id],
          run.output(),
        );
      } finally {
        await p.close();
      }
    });
  });
