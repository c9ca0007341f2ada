import assert from "node:assert/strict";
import pg from "pg";
import { jobDatabase, newJob, testPlan } from "../testing/jobs.ts";
import { accept, claim, instanceStarted, runStarted } from "./jobs.ts";
import {
  assignInstances,
  beginLaunch,
  type Launch,
  type LaunchPlan,
  launchUnknown,
  type NextLaunch,
  recordLaunchResponse,
} from "./launches.ts";
import { closeRunners, expireJobs, openRuns, planRuns, runEnded } from "./runs.ts";

const PLAN: LaunchPlan = {
  runner: "ec2",
  version: "test",
  request: '{"template":"lt-1"}',
  targets: ["subnet-a", "subnet-b"],
  limit: 100,
  holdSeconds: 40,
  rate: { name: "RunInstances", burst: 1_000, perSecond: 1_000 },
};

describe("launches of several instances", () => {
  let fixture: Awaited<ReturnType<typeof jobDatabase>>;
  let dispatcher: pg.Client;
  let keeper: pg.Client;
  let keepers: pg.Pool;
  beforeEach(async () => {
    fixture = await jobDatabase();
    [dispatcher, keeper] = await Promise.all([fixture.as("dispatcher"), fixture.as("job_keeper")]);
    keepers = new pg.Pool({ connectionString: fixture.database.urlAs("job_keeper"), max: 4 });
  });
  afterEach(async () => {
    await keepers.end();
    await fixture.close();
  });

  /** Takes slots for the given number of runs. */
  const planInstances = async (count: number, slots = count): Promise<string[]> => {
    const jobs = Array.from({ length: count }, () => newJob(`job-${Math.random()}`, { runner: "ec2" }));
    await accept(dispatcher, jobs);
    return planRuns(dispatcher, testPlan("ec2", slots));
  };
  const asLaunch = (next: NextLaunch | undefined): Launch => {
    assert.ok(next && "launch" in next, JSON.stringify(next));
    return next;
  };
  const begin = async (plan: Partial<LaunchPlan> = {}) => asLaunch(await beginLaunch(dispatcher, { ...PLAN, ...plan }));
  const reportIn = (launch: string, instance: string, client: pg.Client | pg.Pool = keeper) =>
    instanceStarted(client, { launch, instance }, 1_000);
  const elapse = (seconds: number) =>
    fixture.admin.query(`
      update jobs.runs set created_at = created_at - interval '${seconds} s', start_deadline = start_deadline - interval '${seconds} s';
      update jobs.launches set send_until = send_until - interval '${seconds} s', held_until = held_until - interval '${seconds} s';
      update jobs.launch_targets set short_at = short_at - interval '${seconds} s';
      update jobs.runners set paused_until = paused_until - interval '${seconds} s'`);
  const runs = async () =>
    (await fixture.admin.query("select slot, state, external_id, outcome from jobs.runs order by slot, created_at"))
      .rows;

  it("are one request for all runs with a slot, whichever dispatcher planned them", async () => {
    assert.equal(await beginLaunch(dispatcher, PLAN), undefined, "no run is planned");
    await planInstances(2);
    await planInstances(1, 3);
    const launch = await begin();
    assert.match(launch.launch, /^[0-9a-f-]{36}$/);
    assert.deepEqual(
      { ...launch, launch: "", sendMs: Math.round(launch.sendMs / 1_000) },
      { launch: "", send: 1, request: PLAN.request, target: "subnet-a", instances: 3, sendMs: 20 },
    );
    assert.equal(await beginLaunch(dispatcher, PLAN), undefined, "each run is in one launch");
  });

  it("have a maximum number of instances", async () => {
    await planInstances(3);
    assert.equal((await begin({ limit: 2 })).instances, 2);
    assert.equal((await begin({ limit: 2 })).instances, 1);
  });

  it("leave runs of another code version to the dispatchers of that version", async () => {
    await planInstances(1);
    assert.equal(await beginLaunch(dispatcher, { ...PLAN, version: "next" }), undefined);
  });

  it("are sent within the first half of the time in which their runs must start", async () => {
    await planInstances(1);
    await elapse(25);
    assert.equal(Math.round((await begin()).sendMs / 1_000), 5);
    await planInstances(1, 2);
    await elapse(31);
    assert.equal(await beginLaunch(dispatcher, PLAN), undefined);
    assert.deepEqual(
      (await runs()).map(({ state, outcome }) => [state, outcome]),
      [
        ["STARTING", null],
        ["ENDED", "NOT_LAUNCHED"],
      ],
      "no instance was requested for the second run, whose slot is free",
    );
  });

  it("wait for the request rate without reserving anything", async () => {
    await planInstances(2);
    const rate = { name: "slow", burst: 1, perSecond: 1 / 3_600 };
    await begin({ limit: 1, rate });
    const next = await beginLaunch(dispatcher, { ...PLAN, rate });
    assert.ok(next && "waitMs" in next && next.waitMs > 3_590_000 && next.waitMs <= 3_600_000, JSON.stringify(next));
    assert.equal((await begin()).instances, 1);
  });

  it("give concurrent instances one run each, until all runs are taken", async () => {
    await planInstances(4);
    const { launch } = await begin();
    const instances = Array.from({ length: 20 }, (_, index) => `i-${index}`);
    const assigned = await Promise.all(instances.map((instance) => reportIn(launch, instance, keepers)));
    const slots = assigned.flatMap((result) => result?.slot ?? []).sort();
    assert.deepEqual(slots, [1, 2, 3, 4]);
    assert.equal(new Set(assigned.flatMap((result) => result?.run ?? [])).size, 4);
    assert.ok((await runs()).every(({ state, external_id }) => state === "RUNNING" && external_id.startsWith("i-")));
  });

  it("give an instance the run for which it was started, and no second run", async () => {
    await planInstances(2);
    const launch = await begin();
    assert.deepEqual(await recordLaunchResponse(dispatcher, launch, { instances: ["i-1", "i-2"] }), []);
    const [first, second] = await runs();
    assert.equal((await reportIn(launch.launch, second.external_id))?.slot, 2);
    assert.equal(await reportIn(launch.launch, second.external_id), undefined, "it has a run");
    assert.equal(await reportIn(launch.launch, "i-3"), undefined, "the other run belongs to the first instance");
    assert.equal((await reportIn(launch.launch, first.external_id))?.slot, 1);
  });

  it("give no run to an instance of another or an unknown launch", async () => {
    await planInstances(1);
    const { launch } = await begin();
    await planInstances(1, 2);
    const { launch: other } = await begin();
    assert.ok(await reportIn(other, "i-1"));
    assert.equal(await reportIn(other, "i-2"), undefined);
    assert.equal(await reportIn("00000000-0000-4000-8000-000000000000", "i-3"), undefined);
    assert.ok(await reportIn(launch, "i-4"));
  });

  it("let the run of a started instance claim a job, and end the back-off", async () => {
    await planInstances(1);
    await fixture.admin.query("update jobs.runners set pauses = 3 where runner = 'ec2'");
    const { launch } = await begin();
    const { run = "" } = (await reportIn(launch, "i-1")) ?? {};
    assert.ok(await claim(keeper, run, { pid: 1, start: "2021-01-01T00:00:00Z" }, undefined));
    const { rows } = await fixture.admin.query("select pauses from jobs.runners where runner = 'ec2'");
    assert.equal(rows[0].pauses, 0);
    assert.equal(await runStarted(keeper, run), undefined, "no other process may start it");
  });

  it("give no run to an instance that starts after its slot expired", async () => {
    const [run = ""] = await planInstances(1);
    const launch = await begin();
    await runEnded(dispatcher, run, "LOST");
    assert.equal(await reportIn(launch.launch, "i-1"), undefined);
    assert.deepEqual(
      await recordLaunchResponse(dispatcher, launch, { instances: ["i-1"] }),
      ["i-1"],
      "it may be terminated",
    );
  });

  it("move runs that were not started into a new launch with another target and its own token", async () => {
    await planInstances(5);
    const first = await begin();
    // One instance starts before EC2's response arrives.
    assert.ok(await reportIn(first.launch, "i-2"));
    const short = { short: ["subnet-a"], reason: "2 of 5 started" };
    assert.deepEqual(await recordLaunchResponse(dispatcher, first, { instances: ["i-1", "i-2"], ...short }), []);
    const second = await begin();
    assert.notEqual(second.launch, first.launch);
    assert.deepEqual([second.target, second.instances], ["subnet-b", 3]);
    assert.deepEqual((await runs()).filter(({ external_id }) => external_id !== null).length, 2);
    assert.ok(await reportIn(first.launch, "i-1"));
    assert.equal(await reportIn(first.launch, "i-3"), undefined, "the others belong to the second launch");
  });

  it("free the slots of runs for which no target has capacity, and make all dispatchers wait", async () => {
    await planInstances(2);
    for (const target of PLAN.targets) {
      const launch = await begin();
      assert.equal(launch.target, target);
      await recordLaunchResponse(dispatcher, launch, {
        instances: [],
        short: [target],
        reason: "InsufficientInstanceCapacity",
      });
    }
    const next = await beginLaunch(dispatcher, PLAN);
    assert.ok(next && "refused" in next);
    assert.equal(next.refused.length, 2);
    assert.match(String(next.reason), /subnet-a: InsufficientInstanceCapacity; subnet-b: InsufficientInstanceCapacity/);
    assert.ok(Date.parse(next.until) > Date.now());
    assert.deepEqual(
      (await runs()).map(({ state }) => state),
      ["ENDED", "ENDED"],
    );
    assert.deepEqual(await planRuns(dispatcher, testPlan("ec2", 4)), [], "all wait");
    await elapse(10);
    await planRuns(dispatcher, testPlan("ec2", 2));
    assert.equal((await begin()).target, "subnet-a", "every target is tried for later runs");
  });

  it("prefer a target without a recent lack of capacity", async () => {
    await planInstances(1);
    const first = await begin();
    await recordLaunchResponse(dispatcher, first, { instances: [], short: ["subnet-a"], reason: "full" });
    await elapse(1);
    await planInstances(1, 2);
    assert.equal((await begin()).target, "subnet-b");
    await planInstances(1, 3);
    await elapse(20);
    await elapse(40);
    await planInstances(1, 4);
    assert.equal((await begin()).target, "subnet-a", "a minute later it is preferred again");
  });

  it("repeat a launch with an unknown outcome unchanged and before all others, even during a pause", async () => {
    await planInstances(2);
    const first = await begin();
    await planInstances(1, 3);
    await launchUnknown(dispatcher, first);
    await fixture.admin.query("update jobs.runners set paused_until = jobs.clock() + interval '1 minute'");
    const again = await begin({ request: "newer", targets: ["subnet-c"] });
    assert.deepEqual({ ...again, send: 1, sendMs: 0 }, { ...first, sendMs: 0 });
    assert.equal(again.send, 2);
    assert.equal(await beginLaunch(dispatcher, PLAN), undefined, "it is reserved, and new launches wait");
  });

  it("are repeated by another dispatcher if the first dispatcher is silent, until their slots expire", async () => {
    await planInstances(1);
    const { launch } = await begin({ holdSeconds: 4 });
    assert.equal(await beginLaunch(dispatcher, PLAN), undefined);
    await elapse(5);
    assert.deepEqual(
      [(await begin({ holdSeconds: 4 })).launch, (await begin({ holdSeconds: 4 }).catch(() => ({ send: 0 }))).send],
      [launch, 0],
    );
    await elapse(30);
    assert.equal(await beginLaunch(dispatcher, PLAN), undefined, "its slots may soon belong to other runs");
  });

  it('accept "nothing started" only from the last dispatcher, but started instances from any', async () => {
    await planInstances(2);
    const first = await begin();
    await launchUnknown(dispatcher, first);
    const again = await begin();
    assert.deepEqual(await recordLaunchResponse(dispatcher, first, { instances: [] }), []);
    assert.equal(await beginLaunch(dispatcher, PLAN), undefined, "its runs stay in it");
    await launchUnknown(dispatcher, first);
    assert.equal(await beginLaunch(dispatcher, PLAN), undefined, "the first dispatcher's report does not repeat it");
    assert.deepEqual(await recordLaunchResponse(dispatcher, first, { instances: ["i-1", "i-2"] }), []);
    assert.deepEqual(
      await recordLaunchResponse(dispatcher, again, { instances: ["i-1", "i-2"] }),
      [],
      "the same again",
    );
    assert.deepEqual(
      (await runs()).map(({ external_id }) => external_id),
      ["i-1", "i-2"],
    );
  });

  it("accept instances that were found before the response arrived", async () => {
    await planInstances(2);
    const launch = await begin();
    assert.deepEqual(await assignInstances(dispatcher, launch.launch, ["i-1"]), []);
    assert.deepEqual(
      (await openRuns(dispatcher, 60)).map(({ externalId, launch }) => `${externalId} ${launch}`).sort(),
      [`i-1 ${launch.launch}`, `undefined ${launch.launch}`],
    );
    assert.deepEqual(await assignInstances(dispatcher, launch.launch, ["i-1", "i-2", "i-3"]), ["i-3"]);
  });

  it("are not repeated while the runner types are closed, and are deleted when they expire", async () => {
    await planInstances(1);
    const launch = await begin();
    await launchUnknown(dispatcher, launch);
    await closeRunners(dispatcher, true);
    assert.equal(await beginLaunch(dispatcher, PLAN), undefined);
    await fixture.admin.query("update jobs.launches set created_at = created_at - interval '10 days'");
    await expireJobs(dispatcher, 9, 10);
    assert.equal((await fixture.admin.query("select from jobs.launches")).rowCount, 0);
  });
});
