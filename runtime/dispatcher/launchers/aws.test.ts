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
import { likeEc2 } from "../../testing/launchers/likeEc2.ts";
import { type Moto, startMoto } from "../../testing/launchers/moto.ts";
import { CallRecorder, judgeCalls } from "../../testing/models/calls.ts";
import { requirePython } from "../../testing/python/python.ts";
import { CapacityUnavailable, LaunchDeadlineExceeded } from "../launcher.ts";
import { Ec2Launcher, type Pace } from "./ec2.ts";
import { LAUNCH_SIZE, runOf } from "./ec2Tags.ts";
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
    /** What is sent by a command while something is done; `answer` in place of moto's, where it has none of its own. */
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

    it("starts a run that is told its id, its kind and its script, and sees it alive", async () => {
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

    it("is refused where the job has no room for another run", async () => {
      const name = await job(1);
      await launcher(name).start(randomUUID(), "glue");
      await assert.rejects(launcher(name).start(randomUUID(), "glue"), (error) => {
        assert.ok(error instanceof CapacityUnavailable);
        assert.match(error.message, /^ConcurrentRunsExceededException/);
        return true;
      });
    });

    it("knows which answers say that there is no room now; any other leaves the outcome open", async () => {
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

    it("starts no run once its time is over", async () => {
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

    it("asks for the end of many runs, 25 by one call, and finds those whose launch was not recorded", async () => {
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

    it("finds a run whose launch was not recorded, and asks for the end of that one", async () => {
      const name = await job(5);
      const run = randomUUID();
      await launcher(name).start(randomUUID(), "glue");
      const id = await launcher(name).start(run, "glue");
      assert.equal(await launcher(name).status(run, undefined), "ALIVE");
      // moto knows no BatchStopJobRun: what is sent is looked at instead.
      const sent = await sentBy("BatchStopJobRunCommand", () => launcher(name).stop(run, undefined), {});
      assert.deepEqual(sent, [{ JobName: name, JobRunIds: [id] }]);
    });

    it("gives a larger run more DPUs than the others, and no argument by which it would be another's", async () => {
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

    it("tells a run that Glue ended for its memory from one that ended otherwise", async () => {
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

    it("lists the runs that live, and what each was told to be", async () => {
      const name = await job(5);
      const run = randomUUID();
      const externalId = await launcher(name).start(run, "glue");
      assert.deepEqual(await launcher(name).listActive(), [{ run, externalId }]);
    });

    it("counts no run as living that Glue is about to end", async () => {
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

    it("asks for a run once, whatever comes of it: a second call could be a second run", async () => {
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

    it("knows nothing of a run that never was, and takes a job that is missing for an unknown outcome", async () => {
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
    let other: Ec2Launcher;
    let atPace: (pace: Pace) => Ec2Launcher;
    const states = async (run: string) => {
      const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
      const instances = Reservations.flatMap(({ Instances = [] }) => Instances);
      return instances.filter((one) => runOf(one) === run).map(({ State }) => State?.Name);
    };
    /** Time that passes only while the launcher waits. */
    class VirtualTime implements Pace {
      milliseconds = 0;
      now = () => this.milliseconds;
      random = () => 0.5;
      async sleep(milliseconds: number) {
        this.milliseconds += milliseconds;
      }
    }
    /** Puts a function in front of RunInstances while something is done; it throws in place of moto, or lets the call through. */
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
    /** AWS's two buckets of RunInstances (Amazon EC2 Developer Guide, request throttling), on a virtual clock. */
    const buckets = (time: VirtualTime, instances = 1_000) => {
      const bucket = (size: number) => ({ tokens: size, at: 0, size });
      const requests = bucket(5);
      const resources = bucket(instances);
      const refill = (one: typeof requests) => {
        one.tokens = Math.min(one.size, one.tokens + ((time.now() - one.at) / 1_000) * 2);
        one.at = time.now();
      };
      return ({ MaxCount = 1 }: RunInstancesCommandInput) => {
        refill(requests);
        refill(resources);
        if (requests.tokens < 1) throw awsError("RequestLimitExceeded", "Request limit exceeded.", 503);
        requests.tokens -= 1;
        if (resources.tokens < MaxCount)
          throw awsError("RequestLimitExceeded", "You exceeded the resource rate limit of ec2:RunInstances.", 503);
        resources.tokens -= MaxCount;
      };
    };
    const runIds = (count: number) => Array.from({ length: count }, () => randomUUID() as string);
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
      atPace = (pace) => new Ec2Launcher(template, ec2, pace);
      launcher = atPace(new VirtualTime());
      other = new Ec2Launcher({ ...template, tags: { "rates:stack": "other" } }, ec2);
    });
    after(() => ec2.destroy());

    it("starts one instance whose tags name its run, sees it alive, ends it, and sees that", async () => {
      const run = randomUUID();
      const id = await launcher.start(run, "ec2");
      assert.match(id, /^i-/);
      assert.equal((await states(run)).length, 1);
      assert.equal(await launcher.status(run, id), "ALIVE");
      await launcher.stop(run, id);
      assert.equal(await launcher.status(run, id), "ENDED");
    });

    it("takes an instance that was stopped for one that has ended: it does no work any more", async () => {
      const run = randomUUID();
      const id = await launcher.start(run, "ec2");
      await ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
      assert.deepEqual(await states(run), ["stopped"]);
      assert.equal(await launcher.status(run, id), "ENDED");
    });

    it("finds an instance whose launch was not recorded by its tag, and ends it", async () => {
      const run = randomUUID();
      await launcher.start(run, "ec2");
      assert.equal(await launcher.status(run, undefined), "ALIVE");
      await launcher.stop(run, undefined);
      assert.deepEqual(await states(run), ["terminated"]);
    });

    it("lists this stack's instances that live, with their runs, and no other stack's", async () => {
      const run: string = randomUUID();
      const externalId = await launcher.start(run, "ec2");
      const ended: string = randomUUID();
      await launcher.stop(ended, await launcher.start(ended, "ec2"));
      const living = await launcher.listActive();
      assert.deepEqual(
        living.filter((one) => [run, ended].includes(one.run)),
        [{ run, externalId }],
      );
      assert.deepEqual(await other.listActive(), []);
    });

    it("tries every subnet where a zone has no room, with a token of its own for each, and gives up when none has", async () => {
      const sent: (string | undefined)[][] = [];
      let left = 1;
      const full = ({ SubnetId, ClientToken }: RunInstancesCommandInput) => {
        sent.push([SubnetId, ClientToken]);
        if (left-- > 0) throw awsError("InsufficientInstanceCapacity", "no room", 500);
      };
      await inFrontOf(full, async () => {
        assert.match(await launcher.start(randomUUID(), "ec2"), /^i-/);
        assert.deepEqual(
          sent.map(([subnet]) => subnet),
          subnetIds,
        );
        assert.equal(new Set(sent.map(([, token]) => token)).size, 2);
        left = 2;
        await assert.rejects(launcher.start(randomUUID(), "ec2"), CapacityUnavailable);
      });
    });

    it("starts all runs of a launch by one call, and gives each its own instance", async () => {
      const runs = runIds(20);
      let calls = 0;
      const outcomes = await inFrontOf(
        ({ MinCount, MaxCount, ClientToken = "" }) => {
          calls++;
          assert.deepEqual([MinCount, MaxCount], [1, 20]);
          assert.match(ClientToken, /^[0-9a-f]{64}$/);
        },
        () => launcher.startAll(runs, "ec2"),
      );
      assert.equal(calls, 1);
      const ids = runs.map((run) => outcomes.get(run));
      assert.equal(new Set(ids).size, 20);
      const living = new Map((await launcher.listActive()).map(({ run, externalId }) => [run, externalId]));
      assert.deepEqual(
        runs.map((run) => living.get(run)),
        ids,
      );
      await launcher.stopAll(
        runs.map((run, index) => ({ run, externalId: index % 2 ? String(ids[index]) : undefined })),
      );
      for (const run of runs) assert.deepEqual(await states(run), ["terminated"]);
    });

    it("starts in the next subnet what a zone had no room for", async () => {
      const runs = runIds(10);
      const asked: [string | undefined, number | undefined][] = [];
      const outcomes = await inFrontOf(
        (input) => {
          asked.push([input.SubnetId, input.MaxCount]);
          // EC2 starts as many as it can, at least MinCount.
          if (input.SubnetId === subnetIds[0]) input.MaxCount = 4;
        },
        () => launcher.startAll(runs, "ec2"),
      );
      assert.deepEqual(asked, [
        [subnetIds[0], 10],
        [subnetIds[1], 6],
      ]);
      assert.equal(new Set(runs.map((run) => outcomes.get(run))).size, 10);
      for (const run of runs) assert.deepEqual(await states(run), ["running"], run);
    });

    it("launches 100 within 30 s and 500 within a minute of AWS's own request rates", async () => {
      for (const [count, seconds] of [
        [100, 30],
        [500, 60],
      ] as const) {
        const time = new VirtualTime();
        const runs = runIds(count);
        const outcomes = await inFrontOf(buckets(time), () => atPace(time).startAll(runs, "ec2"));
        assert.ok(runs.every((run) => String(outcomes.get(run)).startsWith("i-")));
        assert.ok(time.now() <= seconds * 1_000, `${count} instances took ${time.now()} ms`);
        await launcher.stopAll(runs.map((run) => ({ run, externalId: String(outcomes.get(run)) })));
      }
    });

    it("sends each request in the turn that it was given, and none whose turn comes too late", async () => {
      const time = new VirtualTime();
      const turns = [0, 700, undefined];
      const asked: number[] = [];
      const paced = new Ec2Launcher(template, ec2, time, async (patience) => {
        asked.push(patience);
        return turns.shift();
      });
      let requests = 0;
      const count = () => {
        requests++;
      };
      await inFrontOf(count, async () => {
        const ids = [await paced.start(randomUUID(), "ec2")];
        assert.equal(time.now(), 0);
        ids.push(await paced.start(randomUUID(), "ec2"));
        assert.equal(time.now(), 700);
        await assert.rejects(paced.start(randomUUID(), "ec2"), (error) => {
          assert.ok(error instanceof CapacityUnavailable, String(error));
          assert.match(error.message, /^RequestLimitExceeded: other launches have booked/);
          return true;
        });
        assert.deepEqual([requests, asked], [2, [25_000, 25_000, 25_000]]);
        await paced.stopAll(ids.map((externalId) => ({ run: "", externalId })));
      });
    });

    it("waits out a throttle with the same token, and takes a long one for a refusal", async () => {
      const time = new VirtualTime();
      const tokens: unknown[] = [];
      let left = 3;
      const throttle = ({ ClientToken }: RunInstancesCommandInput) => {
        tokens.push(ClientToken);
        if (left-- > 0) throw awsError("RequestLimitExceeded", "Request limit exceeded.", 503);
      };
      await inFrontOf(throttle, async () => {
        assert.match(await atPace(time).start(randomUUID(), "ec2"), /^i-/);
        assert.equal(tokens.length, 4);
        assert.equal(new Set(tokens).size, 1);
        assert.ok(time.now() > 0 && time.now() < 10_000, `${time.now()} ms`);
        left = Number.POSITIVE_INFINITY;
        time.milliseconds = 0;
        await assert.rejects(atPace(time).start(randomUUID(), "ec2"), (error) => {
          assert.ok(error instanceof CapacityUnavailable);
          assert.match(error.message, /^RequestLimitExceeded/);
          return true;
        });
        assert.ok(time.now() > 15_000 && time.now() <= 25_000, `${time.now()} ms`);
      });
    });

    it("counts every throttled request itself: the SDK repeats none of them", async () => {
      let calls = 0;
      const server = createServer((_request, response) => {
        calls++;
        response
          .writeHead(503, { "content-type": "text/xml" })
          .end(
            "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>no</Message></Error></Errors></Response>",
          );
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
        const time = new VirtualTime();
        let waits = 0;
        const sleep = (milliseconds: number) => {
          waits++;
          return time.sleep(milliseconds);
        };
        const pace: Pace = { now: time.now, random: time.random, sleep };
        const own = new Ec2Launcher(
          { launchTemplateId: "lt-1", launchTemplateVersion: "1", subnetIds, tags: {} },
          undefined,
          pace,
        );
        await assert.rejects(own.start(randomUUID(), "ec2"), CapacityUnavailable);
        assert.ok(waits > 3, `${waits} waits`);
        assert.equal(calls, waits + 1);
      } finally {
        for (const name of Object.keys(env)) delete process.env[name];
        Object.assign(process.env, before);
        server.closeAllConnections();
        server.close();
      }
    });

    it("asks for fewer at once where instances are throttled, not requests", async () => {
      const time = new VirtualTime();
      const runs = runIds(40);
      const outcomes = await inFrontOf(buckets(time, 30), () => atPace(time).startAll(runs, "ec2"));
      assert.ok(runs.every((run) => String(outcomes.get(run)).startsWith("i-")));
      assert.ok(time.now() < 25_000, `${time.now()} ms`);
    });

    it("repeats a call whose outcome is unknown with the same token, and never starts a run twice", async () => {
      const runs = runIds(3);
      const tokens: unknown[] = [];
      ec2.middlewareStack.add(
        (next, context) => async (args) => {
          if (context.commandName !== "RunInstancesCommand") return next(args);
          tokens.push((args.input as RunInstancesCommandInput).ClientToken);
          if (tokens.length === 1) {
            await next(args);
            throw Object.assign(new Error("socket hang up"), { name: "TimeoutError" });
          }
          return next(args);
        },
        { name: "lost", step: "initialize" },
      );
      try {
        const outcomes = await launcher.startAll(runs, "ec2");
        assert.equal(tokens.length, 2);
        assert.equal(new Set(tokens).size, 1);
        assert.ok(runs.every((run) => String(outcomes.get(run)).startsWith("i-")));
      } finally {
        ec2.middlewareStack.remove("lost");
      }
    });

    it("leaves only the group whose outcome is unknown open, and refuses what it did not ask for", async () => {
      const runs = runIds(LAUNCH_SIZE + 2);
      const outcomes = await inFrontOf(
        () => {
          throw Object.assign(new Error("socket hang up"), { name: "TimeoutError" });
        },
        () => launcher.startAll(runs, "ec2"),
      );
      assert.deepEqual(
        runs.map((run) => outcomes.get(run) instanceof CapacityUnavailable),
        runs.map((_, index) => index >= LAUNCH_SIZE),
      );
    });

    it("ends the others where EC2 no longer knows one of the instances", async () => {
      const runs = runIds(3);
      const outcomes = await launcher.startAll(runs, "ec2");
      await launcher.stopAll([
        ...runs.map((run) => ({ run, externalId: String(outcomes.get(run)) })),
        { run: randomUUID(), externalId: "i-0123456789abcdef0" },
        { run: randomUUID(), externalId: undefined },
      ]);
      for (const run of runs) assert.deepEqual(await states(run), ["terminated"]);
    });

    it("knows which answers say that there is no room now, here or at all; any other leaves the outcome open", async () => {
      const answers: Record<
        string,
        "refused at once" | "refused after every subnet" | "refused after a while" | "open"
      > = {
        InsufficientInstanceCapacity: "refused after every subnet",
        InsufficientFreeAddressesInSubnet: "refused after every subnet",
        Unsupported: "refused after every subnet",
        VcpuLimitExceeded: "refused at once",
        InstanceLimitExceeded: "refused at once",
        MaxSpotInstanceCountExceeded: "refused at once",
        SpotMaxPriceTooLow: "refused at once",
        RequestLimitExceeded: "refused after a while",
        Throttling: "refused after a while",
        InternalError: "open",
        UnauthorizedOperation: "open",
        IdempotentParameterMismatch: "open",
        TimeoutError: "open",
      };
      const found: typeof answers = {};
      for (const name of Object.keys(answers)) {
        let calls = 0;
        const time = new VirtualTime();
        const refuse = () => {
          calls++;
          throw awsError(name);
        };
        const error = await inFrontOf(refuse, () =>
          atPace(time)
            .start(randomUUID(), "ec2")
            .catch((thrown: unknown) => thrown),
        );
        found[name] = !(error instanceof CapacityUnavailable)
          ? "open"
          : time.now() > 0
            ? "refused after a while"
            : calls === subnetIds.length
              ? "refused after every subnet"
              : "refused at once";
      }
      assert.deepEqual(found, answers);
    });

    it("asks for no instance, in no subnet, once its time is over", async () => {
      const run = randomUUID();
      const late = () => {
        throw new LaunchDeadlineExceeded();
      };
      await assert.rejects(launcher.start(run, "ec2", { assertBeforeDeadline: late }), LaunchDeadlineExceeded);
      assert.deepEqual(await states(run), []);
    });

    it("does not take an instance that is not shown for a dead one", async () => {
      assert.equal(await launcher.status(randomUUID(), "i-0123456789abcdef0"), "UNKNOWN");
      assert.equal(await launcher.status(randomUUID(), undefined), "UNKNOWN");
      await launcher.stop(randomUUID(), undefined);
    });

    it("leaves the outcome open where the template is not there", async () => {
      const missing = new Ec2Launcher(
        { launchTemplateId: "lt-0123456789abcdef0", launchTemplateVersion: "1", subnetIds, tags: {} },
        ec2,
      );
      await assert.rejects(missing.start(randomUUID(), "ec2"), (error) => !(error instanceof CapacityUnavailable));
    });
  });

  // A suite of its own, to come last.
  describe("all their calls", () => {
    it("keep every constraint that AWS publishes", function () {
      const python = requirePython(this, "models");
      for (const operation of ["StartJobRun", "BatchStopJobRun", "RunInstances", "TerminateInstances"])
        assert.ok(recorder.operations.has(operation), `${operation} was recorded`);
      assert.deepEqual(judgeCalls(python, recorder.calls), []);
    });
  });
});
