import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { CreateJobCommand, GetJobRunCommand, GlueClient } from "@aws-sdk/client-glue";
import { withFailingService } from "../../testing/launchers/failingService.ts";
import { CallRecorder, checkCalls } from "../../testing/models/calls.ts";
import { type Moto, startMoto } from "../../testing/moto/server.ts";
import { requirePython } from "../../testing/python/python.ts";
import { CapacityUnavailable, LaunchDeadlineExceeded } from "../launcher.ts";
import { GlueLauncher } from "./glue.ts";

describe("the launcher of Glue runs, against moto's Glue", () => {
  let moto: Moto;
  const recorder = new CallRecorder();
  let glue: GlueClient;
  const launcher = (jobName: string, slots = 8) =>
    new GlueLauncher(
      { jobName, maxCapacity: 0.0625, largerCapacity: 1, arguments: { "--scriptLocation": "s3://scripts/mine.py" } },
      slots,
      glue,
    );
  /** Records the requests of a command during an action; `output` replaces moto's response if it is unsuitable. */
  const sentBy = async (commandName: string, work: () => Promise<unknown>, output?: object): Promise<unknown[]> => {
    const sent: unknown[] = [];
    glue.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName !== commandName) return next(args);
        sent.push(args.input);
        return output ? { output: { $metadata: {}, ...output }, response: {} } : next(args);
      },
      { name: "sent", step: "initialize" },
    );
    try {
      await work();
    } finally {
      glue.middlewareStack.remove("sent");
    }
    return sent;
  };
  const job = async (MaxConcurrentRuns: number) => {
    const Name = `job-${randomUUID()}`;
    await glue.send(
      new CreateJobCommand({
        Name,
        Role: "arn:aws:iam::123456789012:role/glue",
        Command: { Name: "pythonshell", ScriptLocation: "s3://scripts/runner.py", PythonVersion: "3.9" },
        ExecutionProperty: { MaxConcurrentRuns },
      }),
    );
    return Name;
  };
  before(async function () {
    moto = await startMoto(requirePython(this, "moto_server"));
    glue = new GlueClient({ ...moto, maxAttempts: 1 });
    recorder.watch(glue);
  });
  after(() => {
    glue?.destroy();
    return moto?.stop();
  });

  it("starts a run with its id, type and script, and finds it running", async () => {
    const JobName = await job(2);
    const run = randomUUID();
    const id = await launcher(JobName).start(run, "glue");
    const { JobRun } = await glue.send(new GetJobRunCommand({ JobName, RunId: id }));
    assert.deepEqual(JobRun?.Arguments, {
      "--scriptLocation": "s3://scripts/mine.py",
      "--run": run,
      "--runner": "glue",
    });
    assert.equal(await launcher(JobName).status(run, id), "ALIVE");
  });

  it("throws CapacityUnavailable if the job has no capacity for another run", async () => {
    const name = await job(1);
    await launcher(name).start(randomUUID(), "glue");
    await assert.rejects(launcher(name).start(randomUUID(), "glue"), (error) => {
      assert.ok(error instanceof CapacityUnavailable);
      assert.match(error.message, /^ConcurrentRunsExceededException/);
      return true;
    });
  });

  it("recognizes errors of missing capacity; after any other error the outcome is unknown", async () => {
    const name = await job(1);
    const isMissingCapacity = async (error: string) => {
      glue.middlewareStack.add(
        () => async () => {
          throw Object.assign(new Error("no"), { name: error });
        },
        { name: "refusing", step: "initialize" },
      );
      const thrown = await launcher(name)
        .start(randomUUID(), "glue")
        .catch((reason: unknown) => reason);
      glue.middlewareStack.remove("refusing");
      return thrown instanceof CapacityUnavailable;
    };
    for (const error of [
      "ConcurrentRunsExceededException",
      "ResourceNumberLimitExceededException",
      "ThrottlingException",
    ])
      assert.equal(await isMissingCapacity(error), true, error);
    for (const error of [
      "InternalServiceException",
      "OperationTimeoutException",
      "TimeoutError",
      "AccessDeniedException",
    ])
      assert.equal(await isMissingCapacity(error), false, error);
  });

  it("starts no run after its deadline", async () => {
    const name = await job(1);
    const late = () => {
      throw new LaunchDeadlineExceeded();
    };
    await assert.rejects(
      launcher(name).start(randomUUID(), "glue", { assertBeforeDeadline: late }),
      LaunchDeadlineExceeded,
    );
    assert.deepEqual(await launcher(name).listActive(), []);
  });

  it("stops many runs, 25 per call, and finds those whose launch was not recorded", async () => {
    const name = await job(60);
    const unrecorded: string = randomUUID();
    const id = await launcher(name).start(unrecorded, "glue");
    const runs = Array.from({ length: 30 }, (_, index) => ({
      run: randomUUID() as string,
      externalId: `jr_${index}`,
    }));
    const all = [...runs, { run: unrecorded, externalId: undefined }, { run: randomUUID(), externalId: undefined }];
    const sent = (await sentBy("BatchStopJobRunCommand", () => launcher(name).stopAll(all), {})) as {
      JobRunIds: string[];
    }[];
    assert.deepEqual(
      sent.map(({ JobRunIds }) => JobRunIds.length),
      [25, 6],
    );
    assert.deepEqual(
      new Set(sent.flatMap(({ JobRunIds }) => JobRunIds)),
      new Set([...runs.map(({ externalId }) => externalId), id]),
    );
  });

  it("finds a run whose launch was not recorded, and stops it", async () => {
    const name = await job(5);
    const run = randomUUID();
    await launcher(name).start(randomUUID(), "glue");
    const id = await launcher(name).start(run, "glue");
    assert.equal(await launcher(name).status(run, undefined), "ALIVE");
    // moto does not implement BatchStopJobRun, so the request is checked.
    const sent = await sentBy("BatchStopJobRunCommand", () => launcher(name).stop(run, undefined), {});
    assert.deepEqual(sent, [{ JobName: name, JobRunIds: [id] }]);
  });

  it("reports the active runs that Glue does not stop, after it has stopped the others", async () => {
    const name = await job(2);
    const run = randomUUID();
    const active = await launcher(name).start(run, "glue");
    const ids = [active, "jr_ended", ...Array.from({ length: 30 }, (_, index) => `jr_${index}`)];
    const Errors = [active, "jr_ended"].map((JobRunId) => ({
      JobName: name,
      JobRunId,
      ErrorDetail: { ErrorCode: "InternalServiceException", ErrorMessage: "no" },
    }));
    const stop = () =>
      assert.rejects(
        launcher(name).stopAll(ids.map((externalId) => ({ run: randomUUID(), externalId }))),
        ({ message }: Error) =>
          message.includes(`${active} (InternalServiceException: no)`) && !/jr_ended/.test(message),
      );
    assert.equal((await sentBy("BatchStopJobRunCommand", stop, { Errors })).length, 2);
    const stopOne = () => assert.rejects(launcher(name).stop(run, active), /Glue did not stop/);
    await sentBy("BatchStopJobRunCommand", stopOne, { Errors });
  });

  it("stops all runs before it reads the states of those that were not stopped", async () => {
    const name = await job(1);
    const ids = Array.from({ length: 30 }, (_, index) => `jr_${index}`);
    const Errors = [{ JobRunId: "jr_0", ErrorDetail: { ErrorCode: "InternalServiceException", ErrorMessage: "no" } }];
    glue.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName !== "GetJobRunCommand") return next(args);
        throw Object.assign(new Error("slow down"), { name: "ThrottlingException" });
      },
      { name: "throttled", step: "initialize" },
    );
    const stop = () =>
      assert.rejects(
        launcher(name).stopAll(ids.map((externalId) => ({ run: randomUUID(), externalId }))),
        /Glue did not stop jr_0 \(InternalServiceException: no; reading its state failed: slow down\)/,
      );
    try {
      assert.equal((await sentBy("BatchStopJobRunCommand", stop, { Errors })).length, 2);
    } finally {
      glue.middlewareStack.remove("throttled");
    }
  });

  it("gives a larger run more DPUs", async () => {
    const name = await job(5);
    const sent = await sentBy("StartJobRunCommand", async () => {
      await launcher(name).start(randomUUID(), "glue");
      await launcher(name).start(randomUUID(), "glue", { larger: true });
    });
    assert.deepEqual(
      (sent as { MaxCapacity: number }[]).map(({ MaxCapacity }) => MaxCapacity),
      [0.0625, 1],
    );
  });

  it("reports a run that Glue ended for using too much memory as OUT_OF_MEMORY", async () => {
    const name = await job(5);
    const statusOf = async (JobRun: object) => {
      let status: string | undefined;
      const readStatus = async () => {
        status = await launcher(name).status(randomUUID(), "jr_1");
      };
      await sentBy("GetJobRunCommand", readStatus, { JobRun });
      return status;
    };
    const failed = (ErrorMessage?: string) => statusOf({ JobRunState: "FAILED", ErrorMessage });
    assert.equal(await failed("Command failed due to Out of Memory"), "OUT_OF_MEMORY");
    assert.equal(await failed("Command failed with exit code 1"), "ENDED");
    assert.equal(await failed(), "ENDED");
    assert.equal(await statusOf({ JobRunState: "STOPPING" }), "ALIVE");
  });

  it("lists active runs with their ids", async () => {
    const name = await job(5);
    const run = randomUUID();
    const externalId = await launcher(name).start(run, "glue");
    assert.deepEqual(await launcher(name).listActive(), [{ run, externalId }]);
  });

  it("searches twice as many runs as there are slots, page by page, and reads no page after a match", async () => {
    const slots = 270;
    const all = Array.from({ length: 1_000 }, (_, index) => ({
      JobRunState: "RUNNING",
      Id: `jr_${index}`,
      Arguments: { "--run": `run-${index}` },
    }));
    const tokens: (string | undefined)[] = [];
    glue.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName !== "GetJobRunsCommand") return next(args);
        const { NextToken, MaxResults = 0 } = args.input as { NextToken?: string; MaxResults?: number };
        tokens.push(NextToken);
        const from = Number(NextToken ?? 0);
        const JobRuns = all.slice(from, from + MaxResults);
        return { output: { $metadata: {}, JobRuns, NextToken: String(from + MaxResults) }, response: {} };
      },
      { name: "pages", step: "initialize" },
    );
    try {
      const large = launcher("any", slots);
      assert.equal(await large.status("run-269", undefined), "ALIVE");
      assert.deepEqual(tokens.splice(0), [undefined, "200"]);
      assert.equal((await large.listActive()).length, 600);
      assert.equal(await large.status("run-900", undefined), "UNKNOWN");
      assert.deepEqual(tokens.splice(0), [undefined, "200", "400", undefined, "200", "400"]);
      assert.equal((await launcher("any", 1).listActive()).length, 200);
    } finally {
      glue.middlewareStack.remove("pages");
    }
  });

  it("does not list a run that Glue is stopping as active", async () => {
    const name = await job(1);
    const JobRuns = ["RUNNING", "STOPPING", "SUCCEEDED"].map((JobRunState) => ({
      JobRunState,
      Id: `jr_${JobRunState}`,
      Arguments: { "--run": JobRunState },
    }));
    let active: unknown;
    const listActive = async () => {
      active = await launcher(name).listActive();
    };
    await sentBy("GetJobRunsCommand", listActive, { JobRuns });
    assert.deepEqual(active, [{ run: "RUNNING", externalId: "jr_RUNNING" }]);
  });

  it("does not repeat StartJobRun after a server error, since a second call could start a second run", async () => {
    const unavailable = {
      service: "GLUE",
      region: moto.region,
      status: 500,
      contentType: "application/x-amz-json-1.1",
      body: '{"__type":"InternalServiceException"}',
    } as const;
    const calls = await withFailingService(unavailable, async () => {
      const own = new GlueLauncher({ jobName: "reads", maxCapacity: 0.0625, arguments: {} }, 1);
      await assert.rejects(own.start(randomUUID(), "glue"), (error) => !(error instanceof CapacityUnavailable));
    });
    assert.equal(calls, 1);
  });

  it("does not find a run that never existed, and treats a missing job as an unknown outcome", async () => {
    const name = await job(1);
    assert.equal(await launcher(name).status(randomUUID(), undefined), "UNKNOWN");
    assert.equal(await launcher(name).status(randomUUID(), "jr_0"), "UNKNOWN");
    await assert.rejects(
      launcher("no-such-job").start(randomUUID(), "glue"),
      (error) => !(error instanceof CapacityUnavailable),
    );
  });

  // The last test, since it checks the calls of all others.
  it("sends only calls that satisfy the constraints of botocore's service models", function () {
    const python = requirePython(this, "models");
    for (const operation of ["StartJobRun", "BatchStopJobRun"])
      assert.ok(recorder.operations.has(operation), `${operation} was recorded`);
    assert.deepEqual(checkCalls(python, recorder.calls), []);
  });
});
