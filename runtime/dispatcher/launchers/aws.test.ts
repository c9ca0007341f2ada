import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  CreateLaunchTemplateCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  EC2Client,
  type RunInstancesCommandInput,
  StopInstancesCommand,
} from "@aws-sdk/client-ec2";
import { CreateJobCommand, GetJobRunCommand, GlueClient } from "@aws-sdk/client-glue";
import { accept, instanceStarted } from "../../store/jobs.ts";
import type { Launch } from "../../store/launches.ts";
import { testDispatcher } from "../../testing/dispatcher.ts";
import { newJob } from "../../testing/jobs.ts";
import { likeEc2 } from "../../testing/launchers/likeEc2.ts";
import { type Moto, startMoto } from "../../testing/launchers/moto.ts";
import { CallRecorder, judgeCalls } from "../../testing/models/calls.ts";
import { requirePython } from "../../testing/python/python.ts";
import { drain } from "../drain.ts";
import { CapacityUnavailable, LaunchDeadlineExceeded } from "../launcher.ts";
import { reap } from "../reap.ts";
import { schedule } from "../schedule.ts";
import { Ec2Launcher } from "./ec2.ts";
import { GlueLauncher } from "./glue.ts";

describe("launchers against moto's AWS", () => {
  let moto: Moto;
  const recorder = new CallRecorder();
  before(async function () {
    moto = await startMoto(requirePython(this, "moto_server"));
  });
  after(() => moto?.stop());

  describe("Glue", () => {
    let glue: GlueClient;
    const launcher = (jobName: string) =>
      new GlueLauncher(
        { jobName, maxCapacity: 0.0625, largerCapacity: 1, arguments: { "--scriptLocation": "s3://scripts/mine.py" } },
        glue,
      );
    /** Records the requests of a command during an action; `answer` replaces moto's response if it is unsuitable. */
    const sentBy = async (commandName: string, work: () => Promise<unknown>, answer?: object): Promise<unknown[]> => {
      const sent: unknown[] = [];
      glue.middlewareStack.add(
        (next, context) => async (args) => {
          if (context.commandName !== commandName) return next(args);
          sent.push(args.input);
          return answer ? { output: { $metadata: {}, ...answer }, response: {} } : next(args);
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
    before(() => {
      glue = new GlueClient({ ...moto, maxAttempts: 1 });
      recorder.watch(glue);
    });
    after(() => glue.destroy());

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

    it("reports a job without capacity for another run", async () => {
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
      const answerOf = async (error: string) => {
        glue.middlewareStack.add(
          () => async () => {
            throw Object.assign(new Error("no"), { name: error });
          },
          { name: "refusing", step: "initialize" },
        );
        const thrown = await launcher(name)
          .start(randomUUID(), "glue")
          .catch((one: unknown) => one);
        glue.middlewareStack.remove("refusing");
        return thrown instanceof CapacityUnavailable;
      };
      for (const error of [
        "ConcurrentRunsExceededException",
        "ResourceNumberLimitExceededException",
        "ThrottlingException",
      ])
        assert.equal(await answerOf(error), true, error);
      for (const error of [
        "InternalServiceException",
        "OperationTimeoutException",
        "TimeoutError",
        "AccessDeniedException",
      ])
        assert.equal(await answerOf(error), false, error);
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
        new Set([...runs.map((one) => one.externalId), id]),
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

    it("gives a larger run more DPUs, and otherwise the same arguments", async () => {
      const name = await job(5);
      const sent = await sentBy("StartJobRunCommand", async () => {
        await launcher(name).start(randomUUID(), "glue");
        await launcher(name).start(randomUUID(), "glue", { larger: true });
      });
      assert.deepEqual(
        (sent as { MaxCapacity: number }[]).map((one) => one.MaxCapacity),
        [0.0625, 1],
      );
    });

    it("distinguishes a run that Glue ended for its memory", async () => {
      const name = await job(5);
      const statusOf = async (JobRun: object) => {
        let status: string | undefined;
        const look = async () => {
          status = await launcher(name).status(randomUUID(), "jr_1");
        };
        await sentBy("GetJobRunCommand", look, { JobRun });
        return status;
      };
      const failed = (ErrorMessage?: string) => statusOf({ JobRunState: "FAILED", ErrorMessage });
      assert.equal(await failed("Command failed due to Out of Memory"), "OUT_OF_MEMORY");
      assert.equal(await failed("Command failed with exit code 1"), "ENDED");
      assert.equal(await failed(), "ENDED");
      assert.equal(await statusOf({ JobRunState: "STOPPING" }), "ALIVE");
    });

    it("lists active runs with their tags", async () => {
      const name = await job(5);
      const run = randomUUID();
      const externalId = await launcher(name).start(run, "glue");
      assert.deepEqual(await launcher(name).listActive(), [{ run, externalId }]);
    });

    it("does not list a run that Glue is stopping as active", async () => {
      const name = await job(1);
      const JobRuns = ["RUNNING", "STOPPING", "SUCCEEDED"].map((JobRunState) => ({
        JobRunState,
        Id: `jr_${JobRunState}`,
        Arguments: { "--run": JobRunState },
      }));
      let living: unknown;
      const look = async () => {
        living = await launcher(name).listActive();
      };
      await sentBy("GetJobRunsCommand", look, { JobRuns });
      assert.deepEqual(living, [{ run: "RUNNING", externalId: "jr_RUNNING" }]);
    });

    it("sends StartJobRun once, whatever happens, since a second call could start a second run", async () => {
      let calls = 0;
      const server = createServer((_request, response) => {
        calls++;
        response
          .writeHead(500, { "content-type": "application/x-amz-json-1.1" })
          .end('{"__type":"InternalServiceException"}');
      });
      await once(server.listen(0, "127.0.0.1"), "listening");
      const env = {
        AWS_ENDPOINT_URL_GLUE: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        AWS_REGION: moto.region,
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
      };
      const before = { ...process.env };
      Object.assign(process.env, env);
      try {
        const launcher_ = new GlueLauncher({ jobName: "reads", maxCapacity: 0.0625, arguments: {} });
        await assert.rejects(launcher_.start(randomUUID(), "glue"), (error) => !(error instanceof CapacityUnavailable));
        assert.equal(calls, 1);
      } finally {
        for (const name of Object.keys(env)) delete process.env[name];
        Object.assign(process.env, before);
        server.closeAllConnections();
        server.close();
      }
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
  });

  describe("EC2", () => {
    let ec2: EC2Client;
    let template: ConstructorParameters<typeof Ec2Launcher>[0];
    let subnetIds: string[];
    let launcher: Ec2Launcher;
    const assertBeforeDeadline = () => undefined;
    const launchOf = (instances: number, more: Partial<Launch> = {}): Launch => ({
      launch: randomUUID(),
      send: 1,
      request: launcher.request,
      target: subnetIds[0] ?? "",
      instances,
      sendMs: 10_000,
      ...more,
    });
    const started = async (launch: Launch): Promise<string[]> => {
      const answer = await launcher.launch(launch, assertBeforeDeadline);
      assert.ok(answer.outcome === "started", JSON.stringify(answer));
      return answer.instances;
    };
    const listed = async (launch: Launch) => (await launcher.list()).filter((one) => one.launch === launch.launch);
    /** Intercepts RunInstances during an action: the function throws instead of moto, or lets the call through. */
    const inFrontOf = async <T>(
      intercept: (input: RunInstancesCommandInput) => void,
      work: () => Promise<T>,
    ): Promise<T> => {
      ec2.middlewareStack.add(
        (next, context) => async (args) => {
          if (context.commandName === "RunInstancesCommand") intercept(args.input as RunInstancesCommandInput);
          return next(args);
        },
        { name: "inFront", step: "initialize" },
      );
      try {
        return await work();
      } finally {
        ec2.middlewareStack.remove("inFront");
      }
    };
    const awsError = (name: string, message = "no", httpStatusCode = 400) =>
      Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
    before(async () => {
      ec2 = likeEc2(new EC2Client(moto));
      recorder.watch(ec2);
      const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
      subnetIds = Subnets.flatMap(({ SubnetId }) => SubnetId ?? []).slice(0, 2);
      const { LaunchTemplate } = await ec2.send(
        new CreateLaunchTemplateCommand({
          LaunchTemplateName: "runner",
          LaunchTemplateData: { ImageId: "ami-12c6146b", InstanceType: "t4g.small" },
        }),
      );
      const launchTemplateId = LaunchTemplate?.LaunchTemplateId ?? "";
      template = { launchTemplateId, launchTemplateVersion: "1", subnetIds, tags: { "rates:stack": "test" } };
      launcher = new Ec2Launcher(template, ec2);
    });
    after(() => ec2.destroy());

    it("starts all instances of a launch with one call, with the launch as token and tag", async () => {
      const launch = launchOf(20);
      const inputs: RunInstancesCommandInput[] = [];
      const instances = await inFrontOf(
        (input) => inputs.push(input),
        () => started(launch),
      );
      assert.equal(new Set(instances).size, 20);
      const [{ MinCount, MaxCount, SubnetId, ClientToken } = {}, ...more] = inputs;
      assert.deepEqual(more, []);
      assert.deepEqual(
        { MinCount, MaxCount, SubnetId, ClientToken },
        { MinCount: 1, MaxCount: 20, SubnetId: subnetIds[0], ClientToken: launch.launch },
      );
      assert.deepEqual((await listed(launch)).map(({ instance }) => instance).sort(), [...instances].sort());
      const { Reservations = [] } = await ec2.send(
        new DescribeInstancesCommand({ InstanceIds: instances.slice(0, 1) }),
      );
      const tags = Reservations[0]?.Instances?.[0]?.Tags ?? [];
      const own = tags.filter(({ Key }) => Key?.startsWith("rates:"));
      assert.deepEqual(Object.fromEntries(own.map(({ Key = "", Value }) => [Key, Value])), {
        "rates:stack": "test",
        "rates:launch": launch.launch,
        "rates:runner": "ec2",
      });
      await launcher.terminate(instances);
      assert.ok((await listed(launch)).every(({ ended, terminated }) => ended && terminated));
    });

    it("returns as many instances as a zone has capacity for, possibly fewer", async () => {
      const few = (input: RunInstancesCommandInput) => {
        input.MaxCount = 4;
      };
      const instances = await inFrontOf(few, () => started(launchOf(10)));
      assert.equal(instances.length, 4);
      await launcher.terminate(instances);
    });

    it("returns the same instances for a repeated launch, even with other parameters", async () => {
      const launch = launchOf(3);
      const instances = await started(launch);
      assert.deepEqual(await started(launch), instances);
      assert.equal((await listed(launch)).length, 3);
      await assert.rejects(launcher.launch({ ...launch, instances: 4 }, assertBeforeDeadline), {
        name: "IdempotentParameterMismatch",
      });
      await launcher.terminate(instances);
    });

    it("repeats another dispatcher's launch with the same parameters", async () => {
      const newer = new Ec2Launcher({ ...template, launchTemplateVersion: "2", tags: { "rates:stack": "new" } }, ec2);
      const launch = launchOf(1);
      const instances = await started(launch);
      assert.deepEqual(await newer.launch(launch, assertBeforeDeadline), { outcome: "started", instances });
      await launcher.terminate(instances);
    });

    it("treats a stopped instance as ended, but terminates it, since it costs money", async () => {
      const launch = launchOf(1);
      const instances = await started(launch);
      await ec2.send(new StopInstancesCommand({ InstanceIds: instances }));
      const [one] = await listed(launch);
      assert.deepEqual([one?.ended, one?.terminated], [true, false]);
      await launcher.terminate(instances);
    });

    it("lists the instances of its stack only, and none without the stack's tag", async () => {
      const launch = launchOf(1);
      const instances = await started(launch);
      assert.deepEqual(await listed(launch), [
        { instance: instances[0], launch: launch.launch, ended: false, terminated: false },
      ]);
      assert.deepEqual(await new Ec2Launcher({ ...template, tags: { "rates:stack": "other" } }, ec2).list(), []);
      assert.deepEqual(await new Ec2Launcher({ ...template, tags: {} }, ec2).list(), []);
      await launcher.terminate(instances);
    });

    it("terminates the other instances if EC2 no longer has one of them, each once", async () => {
      const launch = launchOf(3);
      const instances = await started(launch);
      await launcher.terminate([...instances, "i-0123456789abcdef0", ...instances]);
      assert.ok((await listed(launch)).every(({ terminated }) => terminated));
      await launcher.terminate([]);
    });

    it("sends nothing after the deadline, which it checks last", async () => {
      const launch = launchOf(1);
      const order: string[] = [];
      const late = () => {
        order.push("in time?");
        throw new LaunchDeadlineExceeded();
      };
      await inFrontOf(
        () => order.push("begun"),
        () => assert.rejects(launcher.launch(launch, late), LaunchDeadlineExceeded),
      );
      assert.deepEqual(order, ["begun", "in time?"]);
      assert.deepEqual(await listed(launch), []);
    });

    it("distinguishes missing capacity, of a zone or the account, from throttling; after any other error the outcome is unknown", async () => {
      const answers: Record<string, string> = {
        InsufficientInstanceCapacity: "short here",
        InsufficientFreeAddressesInSubnet: "short here",
        UnfulfillableCapacity: "short here",
        Unsupported: "short here",
        VcpuLimitExceeded: "short everywhere",
        InstanceLimitExceeded: "short everywhere",
        MaxSpotInstanceCountExceeded: "short everywhere",
        SpotMaxPriceTooLow: "short everywhere",
        RequestLimitExceeded: "throttled",
        Throttling: "throttled",
        ResourceCountExceeded: "tooMany",
        InternalError: "open",
        Unavailable: "open",
        UnauthorizedOperation: "open",
        IdempotentParameterMismatch: "open",
        IdempotentInstanceTerminated: "open",
        TimeoutError: "open",
      };
      const answerOf = async (name: string, message?: string) => {
        const refuse = () => {
          throw awsError(name, message, 503);
        };
        const answer = await inFrontOf(refuse, () =>
          launcher.launch(launchOf(2), assertBeforeDeadline).catch(() => undefined),
        );
        if (answer?.outcome !== "short") return answer?.outcome ?? "open";
        assert.match(answer.reason, new RegExp(`^${name}: `));
        return answer.targets.length === 1 ? "short here" : "short everywhere";
      };
      const found: typeof answers = {};
      for (const name of Object.keys(answers)) found[name] = await answerOf(name);
      assert.deepEqual(found, answers);
      const resources = "You exceeded the resource rate limit of ec2:RunInstances.";
      assert.equal(await answerOf("RequestLimitExceeded", resources), "tooMany");
    });

    it("sends a request once: the SDK does not retry", async () => {
      let calls = 0;
      const server = createServer((_request, response) => {
        calls++;
        const error = "<Code>RequestLimitExceeded</Code><Message>no</Message>";
        response
          .writeHead(503, { "content-type": "text/xml" })
          .end(`<Response><Errors><Error>${error}</Error></Errors></Response>`);
      });
      await once(server.listen(0, "127.0.0.1"), "listening");
      const env = {
        AWS_ENDPOINT_URL_EC2: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        AWS_REGION: moto.region,
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
      };
      const before = { ...process.env };
      Object.assign(process.env, env);
      try {
        const own = new Ec2Launcher({ ...template, launchTemplateId: "lt-1" });
        assert.equal((await own.launch(launchOf(1), assertBeforeDeadline)).outcome, "throttled");
        assert.equal(calls, 1);
      } finally {
        for (const name of Object.keys(env)) delete process.env[name];
        Object.assign(process.env, before);
        server.closeAllConnections();
        server.close();
      }
    });

    it("leaves the outcome unknown if the template does not exist", async () => {
      const missing = new Ec2Launcher({ ...template, launchTemplateId: "lt-0123456789abcdef0" }, ec2);
      await assert.rejects(missing.launch(launchOf(1, { request: missing.request }), assertBeforeDeadline));
    });

    it("gives the instances of a burst their runs, through the whole dispatcher, and ends them with the stack", async () => {
      const d = await testDispatcher({ runners: { ec2: { slots: 12 } } });
      try {
        const context = { ...d.context, launchers: { ...d.context.launchers, ec2: launcher } };
        const jobs = Array.from({ length: 12 }, (_, index) => newJob(`job-${index}`, { runner: "ec2" }));
        await accept(d.context.db, jobs);
        let requests = 0;
        // The first zone has capacity for some.
        const zone = (input: RunInstancesCommandInput) => {
          requests++;
          if (input.SubnetId === subnetIds[0]) input.MaxCount = 5;
        };
        assert.equal(await inFrontOf(zone, () => schedule(context)), 12);
        assert.equal(requests, 2);
        const instances = (await launcher.list()).filter(({ terminated }) => !terminated);
        assert.equal(instances.length, 12);
        const keeper = await d.as("job_keeper");
        const slots = [];
        for (const one of instances) slots.push((await instanceStarted(keeper, one))?.slot);
        assert.deepEqual(
          slots.sort((a = 0, b = 0) => a - b),
          Array.from({ length: 12 }, (_, index) => index + 1),
        );
        await launcher.terminate([instances[0]?.instance ?? ""]);
        await reap(context);
        const { rows } = await d.admin.query("select count(*)::int as open from jobs.runs where state <> 'ENDED'");
        assert.equal(rows[0].open, 11);
        assert.equal(await drain(context), 11);
        assert.ok((await launcher.list()).every(({ terminated }) => terminated));
      } finally {
        await d.close();
      }
    });
  });

  // A separate suite, so that it runs last.
  describe("all their calls", () => {
    it("satisfy every constraint that AWS publishes", function () {
      const python = requirePython(this, "models");
      for (const operation of ["StartJobRun", "BatchStopJobRun", "RunInstances", "TerminateInstances"])
        assert.ok(recorder.operations.has(operation), `${operation} was recorded`);
      assert.deepEqual(judgeCalls(python, recorder.calls), []);
    });
  });
});
