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
import { requirePython } from "../../runner/glue/testing/python.ts";
import { Refused, TooLate } from "../launcher.ts";
import { Ec2Launcher, RUN_TAG } from "./ec2.ts";
import { GlueLauncher } from "./glue.ts";
import { type Moto, startMoto } from "./testing/moto.ts";

describe("launchers against moto's AWS", () => {
  let moto: Moto;
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
        assert.ok(error instanceof Refused);
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
        return thrown instanceof Refused;
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
        throw new TooLate();
      };
      await assert.rejects(launcher(name).start(randomUUID(), "glue", { inTime: late }), TooLate);
      assert.deepEqual(await launcher(name).living(), []);
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
      assert.deepEqual(await launcher(name).living(), [{ run, externalId }]);
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
        living = await launcher(name).living();
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
        await assert.rejects(launcher_.start(randomUUID(), "glue"), (error) => !(error instanceof Refused));
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
      await assert.rejects(launcher("no-such-job").start(randomUUID(), "glue"), (error) => !(error instanceof Refused));
    });
  });

  describe("EC2", () => {
    let ec2: EC2Client;
    let subnetIds: string[];
    let launcher: Ec2Launcher;
    let other: Ec2Launcher;
    const states = async (run: string) => {
      const { Reservations = [] } = await ec2.send(
        new DescribeInstancesCommand({ Filters: [{ Name: `tag:${RUN_TAG}`, Values: [run] }] }),
      );
      return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ State }) => State?.Name));
    };
    before(async () => {
      ec2 = new EC2Client(moto);
      const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
      subnetIds = Subnets.flatMap(({ SubnetId }) => SubnetId ?? []).slice(0, 2);
      const { LaunchTemplate } = await ec2.send(
        new CreateLaunchTemplateCommand({
          LaunchTemplateName: "runner",
          LaunchTemplateData: { ImageId: "ami-12c6146b", InstanceType: "t4g.small" },
        }),
      );
      const template = { launchTemplateId: LaunchTemplate?.LaunchTemplateId ?? "", launchTemplateVersion: "1" };
      launcher = new Ec2Launcher({ ...template, subnetIds, tags: { "rates:stack": "test" } }, ec2);
      other = new Ec2Launcher({ ...template, subnetIds, tags: { "rates:stack": "other" } }, ec2);
    });
    after(() => ec2.destroy());

    it("starts one instance that is tagged with its run, sees it alive, ends it, and sees that", async () => {
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
      const living = await launcher.living();
      assert.deepEqual(
        living.filter((one) => [run, ended].includes(one.run)),
        [{ run, externalId }],
      );
      assert.deepEqual(await other.living(), []);
    });

    it("tries every subnet where a zone has no room, with a token of its own for each, and gives up when none has", async () => {
      const sent: (string | undefined)[][] = [];
      let left = 1;
      ec2.middlewareStack.add(
        (next, context) => async (args) => {
          if (context.commandName !== "RunInstancesCommand") return next(args);
          const { SubnetId, ClientToken } = args.input as RunInstancesCommandInput;
          sent.push([SubnetId, ClientToken]);
          if (left-- > 0) throw Object.assign(new Error("no room"), { name: "InsufficientInstanceCapacity" });
          return next(args);
        },
        { name: "full", step: "initialize" },
      );
      try {
        assert.match(await launcher.start(randomUUID(), "ec2"), /^i-/);
        assert.deepEqual(
          sent.map(([subnet]) => subnet),
          subnetIds,
        );
        assert.equal(new Set(sent.map(([, token]) => token)).size, 2);
        left = 2;
        await assert.rejects(launcher.start(randomUUID(), "ec2"), Refused);
      } finally {
        ec2.middlewareStack.remove("full");
      }
    });

    it("knows which answers say that there is no room now, here or at all; any other leaves the outcome open", async () => {
      const answers: Record<string, "refused at once" | "refused after every subnet" | "open"> = {
        InsufficientInstanceCapacity: "refused after every subnet",
        InsufficientFreeAddressesInSubnet: "refused after every subnet",
        Unsupported: "refused after every subnet",
        VcpuLimitExceeded: "refused at once",
        InstanceLimitExceeded: "refused at once",
        MaxSpotInstanceCountExceeded: "refused at once",
        SpotMaxPriceTooLow: "refused at once",
        RequestLimitExceeded: "refused at once",
        InternalError: "open",
        UnauthorizedOperation: "open",
        IdempotentParameterMismatch: "open",
        TimeoutError: "open",
      };
      const found: typeof answers = {};
      for (const name of Object.keys(answers)) {
        let calls = 0;
        ec2.middlewareStack.add(
          (next, context) => async (args) => {
            if (context.commandName !== "RunInstancesCommand") return next(args);
            calls++;
            throw Object.assign(new Error("no"), { name });
          },
          { name: "refusing", step: "initialize" },
        );
        const error = await launcher.start(randomUUID(), "ec2").catch((thrown: unknown) => thrown);
        ec2.middlewareStack.remove("refusing");
        found[name] = !(error instanceof Refused)
          ? "open"
          : calls === subnetIds.length
            ? "refused after every subnet"
            : "refused at once";
      }
      assert.deepEqual(found, answers);
    });

    it("asks for no instance, in no subnet, once its time is over", async () => {
      const run = randomUUID();
      const late = () => {
        throw new TooLate();
      };
      await assert.rejects(launcher.start(run, "ec2", { inTime: late }), TooLate);
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
      await assert.rejects(missing.start(randomUUID(), "ec2"), (error) => !(error instanceof Refused));
    });
  });
});
