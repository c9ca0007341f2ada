import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  CreateLaunchTemplateCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  EC2Client,
  type RunInstancesCommandInput,
  StopInstancesCommand,
} from "@aws-sdk/client-ec2";
import { accept, instanceStarted } from "../../store/jobs.ts";
import type { Launch } from "../../store/launches.ts";
import { testDispatcher } from "../../testing/dispatcher.ts";
import { newJob } from "../../testing/jobs.ts";
import { withEc2Idempotency } from "../../testing/launchers/ec2Idempotency.ts";
import { withFailingService } from "../../testing/launchers/failingService.ts";
import { CallRecorder, checkCalls } from "../../testing/models/calls.ts";
import { type Moto, startMoto } from "../../testing/moto/server.ts";
import { requirePython } from "../../testing/python/python.ts";
import { drain } from "../drain.ts";
import { LaunchDeadlineExceeded } from "../launcher.ts";
import { reap } from "../reap.ts";
import { schedule } from "../schedule.ts";
import { Ec2Launcher } from "./ec2.ts";

describe("the launcher of EC2 instances, against moto's EC2", () => {
  let moto: Moto;
  const recorder = new CallRecorder();
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
  before(async function () {
    moto = await startMoto(requirePython(this, "moto_server"));
    ec2 = withEc2Idempotency(new EC2Client(moto));
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
    template = {
      launchTemplateId,
      launchTemplateVersion: "1",
      subnetIds,
      spot: false,
      onDemandFallback: true,
      tags: { "rates:stack": "test" },
    };
    launcher = new Ec2Launcher(template, ec2);
  });
  after(() => {
    ec2?.destroy();
    return moto?.stop();
  });

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
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: instances.slice(0, 1) }));
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

  it("requests Spot Instances in the request and not by the template, which leaves On-Demand possible", async () => {
    const both = new Ec2Launcher({ ...template, spot: true }, ec2);
    assert.deepEqual(both.targets, [...subnetIds.map((subnet) => `spot:${subnet}`), ...subnetIds]);
    assert.equal(both.request, launcher.request);
    const only = new Ec2Launcher({ ...template, spot: true, onDemandFallback: false }, ec2);
    assert.deepEqual(only.targets, both.targets.slice(0, subnetIds.length));
    const inputs: RunInstancesCommandInput[] = [];
    for (const target of [both.targets[0], both.targets.at(-1)]) {
      const answer = await inFrontOf(
        (input) => inputs.push(input),
        () => both.launch(launchOf(1, { target: target ?? "" }), assertBeforeDeadline),
      );
      assert.ok(answer.outcome === "started", JSON.stringify(answer));
      await both.terminate(answer.instances);
    }
    assert.deepEqual(
      inputs.map(({ SubnetId, InstanceMarketOptions }) => [SubnetId, InstanceMarketOptions]),
      [
        [subnetIds[0], { MarketType: "spot", SpotOptions: { InstanceInterruptionBehavior: "terminate" } }],
        [subnetIds.at(-1), undefined],
      ],
    );
  });

  it("applies an account's limit to its market only (Spot or On-Demand), missing capacity to the zone", async () => {
    const both = new Ec2Launcher({ ...template, spot: true }, ec2);
    const spot = both.targets.slice(0, subnetIds.length);
    const shortTargets = async (name: string, target = "") => {
      const refuse = () => {
        throw awsError(name);
      };
      const answer = await inFrontOf(refuse, () => both.launch(launchOf(1, { target }), assertBeforeDeadline));
      return answer.outcome === "short" ? answer.targets : answer.outcome;
    };
    for (const name of [
      "MaxSpotInstanceCountExceeded",
      "SpotMaxPriceTooLow",
      "VcpuLimitExceeded",
      "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
    ])
      assert.deepEqual(await shortTargets(name, spot[0]), spot, name);
    for (const name of ["VcpuLimitExceeded", "InstanceLimitExceeded"])
      assert.deepEqual(await shortTargets(name, subnetIds[0]), subnetIds, name);
    for (const name of ["PendingVerification", "VolumeLimitExceeded"])
      assert.deepEqual(await shortTargets(name, spot[0]), both.targets, name);
    for (const name of ["InsufficientInstanceCapacity", "UnfulfillableCapacity", "InsufficientFreeAddressesInSubnet"])
      assert.deepEqual(await shortTargets(name, spot[1]), [spot[1]], name);
  });

  it("sends a request once: the SDK does not retry", async () => {
    const error = "<Code>RequestLimitExceeded</Code><Message>no</Message>";
    const throttling = {
      service: "EC2",
      region: moto.region,
      status: 503,
      contentType: "text/xml",
      body: `<Response><Errors><Error>${error}</Error></Errors></Response>`,
    } as const;
    const calls = await withFailingService(throttling, async () => {
      const own = new Ec2Launcher({ ...template, launchTemplateId: "lt-1" });
      assert.equal((await own.launch(launchOf(1), assertBeforeDeadline)).outcome, "throttled");
    });
    assert.equal(calls, 1);
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

  // The last test, since it checks the calls of all others.
  it("satisfies every constraint that AWS publishes, in all its calls", function () {
    const python = requirePython(this, "models");
    for (const operation of ["RunInstances", "TerminateInstances"])
      assert.ok(recorder.operations.has(operation), `${operation} was recorded`);
    assert.deepEqual(checkCalls(python, recorder.calls), []);
  });
});
