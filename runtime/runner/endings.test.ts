import assert from "node:assert/strict";
import { requirePython } from "../testing/python/python.ts";
import { testPlatform } from "../testing/runner/runner.ts";

for (const kind of ["TypeScript", "Python"] as const)
  describe(`a run of the runner in ${kind} that is to end`, () => {
    let python: string | undefined;
    before(function () {
      if (kind === "Python") python = requirePython(this, "python");
    });

    /** A platform whose only run is executing the first of two reads. */
    const busy = async (settings: object) => {
      const runners = { glue: { slots: 1, idleSeconds: 60, ...settings }, ec2: { slots: 0 } };
      const p = await testPlatform({ runners, jobs: { leaseSeconds: 30 } });
      const task = { type: "read", sql: "select pg_sleep(2)" } as const;
      for (const requestId of ["in-hand", "waits"]) await p.requestUnchecked({ requestId, task });
      const [run] = p.startRuns("glue", undefined, python);
      assert(run);
      await p.until("it works", async () => (await p.document("in-hand")).status === "IN_PROGRESS");
      return { p, run };
    };
    /** Asserts that the run ended normally, with its job finished, and claimed no other. */
    const ended = async ({ p, run }: Awaited<ReturnType<typeof busy>>) => {
      try {
        assert.equal(await run.exit, 0, run.output());
        const documents = await Promise.all(["in-hand", "waits"].map(p.document));
        assert.deepEqual(
          documents.map(({ status, attempts }) => [status, attempts.length]),
          [
            ["SUCCEEDED", 1],
            ["PENDING", 0],
          ],
        );
        assert.equal((await p.receive(p.context.queues.responses)).length, 1);
        const { rows } = await p.admin.query("select state from jobs.runs");
        assert.deepEqual(rows, [{ state: "RETIRING" }], "nobody counts on it, and its slot is held until it is gone");
      } finally {
        await p.close();
      }
    };

    it("finishes its current job, answers it and claims no other when it is drained, for example on a Spot notice", async () => {
      const made = await busy({});
      made.run.child.kill("SIGTERM");
      await ended(made);
    });

    it("claims no job when it starts after its slot was abandoned, or when another run has its id", async () => {
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

    it("takes no further job once its lifetime is up, whatever waits", async () => {
      await ended(await busy({ lifetimeSeconds: 1 }));
    });
  });
