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
    const response = await launcher.launch(launch, assertBeforeDeadline);
    assert.ok(response.outcome === "started", JSON.stringify(response));
    return response.instances;
  };
  const listed = async (launch: Launch) =>
    (await launcher.list()).filter((instance) => instance.launch === launch.launch);
  /** Intercepts RunInstances during an action: the function throws instead of moto, or lets the call through. */
  const withIntercepted = async <T>(
    intercept: (input: RunInstancesCommandInput) => void,
    work: () => Promise<T>,
  ): Promise<T> => {
    ec2.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName === "RunInstancesCommand") intercept(args.input as RunInstancesCommandInput);
        return next(args);
      },
      { name: "intercept", step: "initialize" },
    );
    try {
      return await work();
    } finally {
      ec2.middlewareStack.remove("intercept");
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
    const instances = await withIntercepted(
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
    assert.ok((await listed(launch)).every(({ ended, isTerminating }) => ended && isTerminating));
  });

  it("returns fewer instances than requested if the zone has capacity for fewer", async () => {
    const few = (input: RunInstancesCommandInput) => {
      input.MaxCount = 4;
    };
    const instances = await withIntercepted(few, () => started(launchOf(10)));
    assert.equal(instances.length, 4);
    await launcher.terminate(instances);
  });

  it("returns the same instances for a repeated launch, and rejects one with other parameters", async () => {
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

  it("treats a stopped instance as ended, but the dispatcher terminates it, since it costs money", async () => {
    const launch = launchOf(1);
    const instances = await started(launch);
    await ec2.send(new StopInstancesCommand({ InstanceIds: instances }));
    const [stopped] = await listed(launch);
    assert.deepEqual([stopped?.ended, stopped?.isTerminating], [true, false]);
    const d = await testDispatcher();
    try {
      await reap({ ...d.context, launchers: { ...d.context.launchers, ec2: launcher } });
    } finally {
      await d.close();
    }
    const [reaped] = await listed(launch);
    assert.equal(reaped?.isTerminating, true);
  });

  it("lists the instances of its stack only, and none without the stack's tag", async () => {
    const launch = launchOf(1);
    const instances = await started(launch);
    assert.deepEqual(await listed(launch), [
      { instance: instances[0], launch: launch.launch, ended: false, isTerminating: false },
    ]);
    assert.deepEqual(await new Ec2Launcher({ ...template, tags: { "rates:stack": "other" } }, ec2).list(), []);
    assert.deepEqual(await new Ec2Launcher({ ...template, tags: {} }, ec2).list(), []);
    await launcher.terminate(instances);
  });

  it("terminates the other instances if EC2 no longer has one of them, and names none twice in a request", async () => {
    const launch = launchOf(3);
    const instances = await started(launch);
    const earlier = recorder.calls.length;
    await launcher.terminate([...instances, "i-0123456789abcdef0", ...instances]);
    const requests = recorder.calls.slice(earlier).map(({ input }) => (input as { InstanceIds: string[] }).InstanceIds);
    for (const ids of requests) assert.equal(new Set(ids).size, ids.length, ids.join());
    assert.deepEqual(new Set(requests.flat()), new Set([...instances, "i-0123456789abcdef0"]));
    assert.ok((await listed(launch)).every(({ isTerminating }) => isTerminating));
    await launcher.terminate([]);
  });

  it("sends nothing after the deadline, which it checks last", async () => {
    const launch = launchOf(1);
    const order: string[] = [];
    const late = () => {
      order.push("deadline checked");
      throw new LaunchDeadlineExceeded();
    };
    await withIntercepted(
      () => order.push("called"),
      () => assert.rejects(launcher.launch(launch, late), LaunchDeadlineExceeded),
    );
    assert.deepEqual(order, ["called", "deadline checked"]);
    assert.deepEqual(await listed(launch), []);
  });

  it("distinguishes missing capacity, of a zone or the account, from throttling; after any other error the outcome is unknown", async () => {
    const expected: Record<string, string> = {
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
      InternalError: "unknown",
      Unavailable: "unknown",
      UnauthorizedOperation: "unknown",
      IdempotentParameterMismatch: "unknown",
      IdempotentInstanceTerminated: "unknown",
      TimeoutError: "unknown",
    };
    const outcomeOf = async (name: string, message?: string) => {
      const refuse = () => {
        throw awsError(name, message, 503);
      };
      const response = await withIntercepted(refuse, () =>
        launcher.launch(launchOf(2), assertBeforeDeadline).catch(() => undefined),
      );
      if (response?.outcome !== "short") return response?.outcome ?? "unknown";
      assert.match(response.reason, new RegExp(`^${name}: `));
      return response.targets.length === 1 ? "short here" : "short everywhere";
    };
    const actual: typeof expected = {};
    for (const name of Object.keys(expected)) actual[name] = await outcomeOf(name);
    assert.deepEqual(actual, expected);
    const resources = "You exceeded the resource rate limit of ec2:RunInstances.";
    assert.equal(await outcomeOf("RequestLimitExceeded", resources), "tooMany");
  });

  it("requests Spot Instances in the request and not in the template, so that On-Demand stays possible", async () => {
    const spotFirst = new Ec2Launcher({ ...template, spot: true }, ec2);
    assert.deepEqual(spotFirst.targets, [...subnetIds.map((subnet) => `spot:${subnet}`), ...subnetIds]);
    assert.equal(spotFirst.request, launcher.request);
    const only = new Ec2Launcher({ ...template, spot: true, onDemandFallback: false }, ec2);
    assert.deepEqual(only.targets, spotFirst.targets.slice(0, subnetIds.length));
    const inputs: RunInstancesCommandInput[] = [];
    for (const target of [spotFirst.targets[0], spotFirst.targets.at(-1)]) {
      const response = await withIntercepted(
        (input) => inputs.push(input),
        () => spotFirst.launch(launchOf(1, { target: target ?? "" }), assertBeforeDeadline),
      );
      assert.ok(response.outcome === "started", JSON.stringify(response));
      await spotFirst.terminate(response.instances);
    }
    assert.deepEqual(
      inputs.map(({ SubnetId, InstanceMarketOptions }) => [SubnetId, InstanceMarketOptions]),
      [
        [subnetIds[0], { MarketType: "spot", SpotOptions: { InstanceInterruptionBehavior: "terminate" } }],
        [subnetIds.at(-1), undefined],
      ],
    );
  });

  it("applies an account's limit only to its market (Spot or On-Demand), and missing capacity only to the zone", async () => {
    const spotFirst = new Ec2Launcher({ ...template, spot: true }, ec2);
    const spot = spotFirst.targets.slice(0, subnetIds.length);
    const shortTargets = async (name: string, target = "") => {
      const refuse = () => {
        throw awsError(name);
      };
      const response = await withIntercepted(refuse, () =>
        spotFirst.launch(launchOf(1, { target }), assertBeforeDeadline),
      );
      return response.outcome === "short" ? response.targets : response.outcome;
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
      assert.deepEqual(await shortTargets(name, spot[0]), spotFirst.targets, name);
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

  it("starts the instances of a burst for the dispatcher, which gives them runs and ends them with the stack", async () => {
    const d = await testDispatcher({ runners: { ec2: { slots: 12 } } });
    try {
      const context = { ...d.context, launchers: { ...d.context.launchers, ec2: launcher } };
      const jobs = Array.from({ length: 12 }, (_, index) => newJob(`job-${index}`, { runner: "ec2" }));
      await accept(d.context.db, jobs);
      let requests = 0;
      // The first zone has capacity for five.
      const zone = (input: RunInstancesCommandInput) => {
        requests++;
        if (input.SubnetId === subnetIds[0]) input.MaxCount = 5;
      };
      assert.equal(await withIntercepted(zone, () => schedule(context)), 12);
      assert.equal(requests, 2);
      const instances = (await launcher.list()).filter(({ isTerminating }) => !isTerminating);
      assert.equal(instances.length, 12);
      const keeper = await d.as("job_keeper");
      const slots = [];
      for (const instance of instances) slots.push((await instanceStarted(keeper, instance))?.slot);
      assert.deepEqual(
        slots.sort((a = 0, b = 0) => a - b),
        Array.from({ length: 12 }, (_, index) => index + 1),
      );
      await launcher.terminate([instances[0]?.instance ?? ""]);
      await reap(context);
      const { rows } = await d.admin.query("select count(*)::int as open from jobs.runs where state <> 'ENDED'");
      assert.equal(rows[0].open, 11);
      assert.equal(await drain(context), 11);
      assert.ok((await launcher.list()).every(({ isTerminating }) => isTerminating));
    } finally {
      await d.close();
    }
  });

  // The last test, since it checks the calls of all others.
  it("sends only calls that satisfy the constraints of botocore's service models", function () {
    const python = requirePython(this, "models");
    for (const operation of ["RunInstances", "TerminateInstances"])
      assert.ok(recorder.operations.has(operation), `${operation} was recorded`);
    assert.deepEqual(checkCalls(python, recorder.calls), []);
  });
});
