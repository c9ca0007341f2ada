import assert from "node:assert/strict";
import fc from "fast-check";
import { CONNECTIONS_PER, DEPLOYMENT_TASK_FACTOR } from "../../infra/limits/capacity.ts";
import { EC2_TYPES, type Ec2Type, LIMITS, RDS_CLASSES, type RdsClass } from "../../infra/limits/limits.ts";
import { CONNECTIONS } from "../../runtime/dispatcher/dispatcher.ts";
import { PLANNING_CONNECTIONS } from "../../runtime/platform/postgres.ts";
import { ROOT } from "../../runtime/platform/root.ts";
import { parseStackConfig, readStackFile } from "../config/parse.ts";
import type { StackConfig } from "../config/schema.ts";
import { rawConfig } from "../testing/config.ts";
import { planCapacity } from "./capacity.ts";

const configOf = (raw: unknown): StackConfig => {
  const { config, problems } = parseStackConfig(raw, "dev");
  if (!config) throw new Error(JSON.stringify(problems));
  return config;
};
const planOf = (raw: unknown) => {
  const { plan, problems } = planCapacity(configOf(raw));
  if (!plan) throw new Error(JSON.stringify(problems));
  return plan;
};
const problemsOf = (raw: unknown) => planCapacity(configOf(raw)).problems;

describe("planCapacity", () => {
  it("computes the usable connections from RDS's formula, its safety factor and the reserved connections", () => {
    const { database } = planOf(rawConfig());
    // 4 GiB / 9,531,392 bytes = 450.6; 450 × 0.85 = 382.5; 3 and 2 are reserved.
    assert.equal(database.maxConnections, 450);
    assert.equal(database.usable, 377);
  });

  it("uses database.maxConnections in place of the formula and the factor, if it is set", () => {
    const { database } = planOf(
      rawConfig((base) => ({ ...base, database: { ...base.database, maxConnections: 400 } })),
    );
    assert.deepEqual([database.maxConnections, database.usable], [400, 395]);
  });

  it("divides the remaining quotas and connections among runs and instances without a configured number", () => {
    const { dispatcher, glue, ec2, api, database } = planOf(rawConfig());
    assert.deepEqual(dispatcher, {
      reservedConcurrency: 14,
      eventSourceConcurrency: 10,
      wakeupConcurrency: 2,
      connections: 56,
    });
    assert.deepEqual(api, { minTasks: 1, maxTasks: 2, poolMax: 8, connectionsPerTask: 9 });
    assert.equal(ec2.maxInstances, 2, "5 vCPUs are enough for two instances with 2 each");
    assert.equal(glue.maxConcurrentRuns, Math.floor((377 - 56 - 36 - 5 - 2 * 4) / 3));
    assert.deepEqual(database.parts, { dispatcher: 56, api: 36, operations: 5, glue: 270, ec2: 8 });
    assert.equal(database.total, 375);
  });

  it("gives EC2 the connections that Glue's quota leaves free", () => {
    const { glue, ec2 } = planOf(rawConfig((base) => ({ ...base, quotas: { glueRuns: 10, ec2Vcpus: 1_000 } })));
    assert.equal(glue.maxConcurrentRuns, 10);
    assert.equal(ec2.maxInstances, Math.floor((377 - 56 - 36 - 5 - 10 * 3) / 4));
  });

  it("reserves DPUs for one larger run when a read that ran out of memory may not use EC2", () => {
    const glueOf = (readsOnEc2: boolean, maxRuns?: number, dpu = 0.0625) =>
      planCapacity(
        configOf(
          rawConfig((base) => ({
            ...base,
            quotas: { glueDpus: 2 },
            jobs: { readsOnEc2 },
            runners: { ...base.runners, glue: { dpu, ...(maxRuns === undefined ? {} : { maxRuns }) } },
          })),
        ),
      );
    assert.deepEqual(glueOf(true).plan?.glue, { maxConcurrentRuns: 32, dpuPerRun: 0.0625 });
    assert.deepEqual(glueOf(false).plan?.glue, { maxConcurrentRuns: 17, dpuPerRun: 0.0625, largerDpu: 1 });
    assert.deepEqual(glueOf(false, undefined, 1).plan?.glue, { maxConcurrentRuns: 2, dpuPerRun: 1 });
    const [problem] = glueOf(false, 18).problems;
    assert.match(
      problem?.message ?? "",
      /^needs 2\.0625 DPUs \(runners\.glue\.dpu 0\.0625 each, and 1 for one run at a time\), 0\.0625 more/,
    );
  });

  it("counts the connections that the dispatcher opens: its pool, one for planning reads, and a canceller", () => {
    assert.equal(CONNECTIONS_PER.dispatcher, CONNECTIONS + PLANNING_CONNECTIONS + 1);
  });

  it("reserves no executions if the account allows only 10, and still limits the event sources", () => {
    const { dispatcher } = planOf(rawConfig((base) => ({ ...base, quotas: { lambdaConcurrency: 10 } })));
    assert.deepEqual(dispatcher, {
      reservedConcurrency: undefined,
      eventSourceConcurrency: 2,
      wakeupConcurrency: 2,
      connections: 40,
    });
  });

  it("leaves AWS's minimum of 100 executions unreserved", () => {
    const reserved = (lambdaConcurrency: number) =>
      planOf(rawConfig((base) => ({ ...base, quotas: { lambdaConcurrency } }))).dispatcher.reservedConcurrency;
    assert.equal(reserved(106), 6);
    assert.equal(reserved(105 + 100), 14);
  });

  it("reports every exceeded limit at once, with the excess and the remedy", () => {
    const raw = rawConfig((base) => ({
      ...base,
      quotas: {
        share: 0.5,
        lambdaConcurrency: 10,
        glueRuns: 50,
        glueDpus: 20,
        ec2Vcpus: 16,
        fargateVcpus: 6,
        rdsInstances: 0,
      },
      network: { ...base.network, cidr: "10.0.0.0/25" },
      database: { ...base.database, instanceClass: "db.t4g.micro" },
      api: { maxTasks: 4, taskVcpus: 1 },
      runners: { glue: { maxRuns: 30, dpu: 1 }, ec2: { ...base.runners.ec2, maxInstances: 6, spot: true } },
    }));
    assert.deepEqual(problemsOf(raw), [
      {
        key: "quotas.lambdaConcurrency",
        value: 10,
        message:
          "needs 6 executions for the dispatcher, 1 more than quotas.lambdaConcurrency 10 × quotas.share 0.5 = 5: request a higher quota L-B99A9384 in eu-central-1 and enter the granted value, or raise quotas.share.",
      },
      {
        key: "runners.glue.maxRuns",
        value: 30,
        message:
          "needs 30 runs, 5 more than quotas.glueRuns 50 × quotas.share 0.5 = 25: lower it, request a higher quota L-5E4153CA in eu-central-1 and enter the granted value, or raise quotas.share.",
      },
      {
        key: "runners.glue.maxRuns",
        value: 30,
        message:
          "needs 30 DPUs (runners.glue.dpu 1 each), 20 more than quotas.glueDpus 20 × quotas.share 0.5 = 10: lower one of the two, request a higher quota L-08F3B322 in eu-central-1 and enter the granted value, or raise quotas.share.",
      },
      {
        key: "runners.ec2.maxInstances",
        value: 6,
        message:
          "needs 12 vCPUs (2 per t4g.small), 4 more than quotas.ec2Vcpus 16 × quotas.share 0.5 = 8: lower it, use a smaller type, request higher quotas L-34B43A08 and L-1216C47A in eu-central-1 and enter the lower granted value, or raise quotas.share.",
      },
      {
        key: "api.maxTasks",
        value: 4,
        message:
          "needs 8 vCPUs (api.taskVcpus 1 each, 2 times while deploying), 5 more than quotas.fargateVcpus 6 × quotas.share 0.5 = 3: lower one of the two, request a higher quota L-3032A538 in eu-central-1 and enter the granted value, or raise quotas.share.",
      },
      {
        key: "quotas.rdsInstances",
        value: 0,
        message:
          "needs 1 instance, 1 more than the quota = 0: request a higher quota L-7B6409FD in eu-central-1 and enter the granted value.",
      },
      {
        key: "database.instanceClass",
        value: "db.t4g.micro",
        message:
          "needs 211 connections (dispatcher 20, api 72, operations 5, glue 90, ec2 24), 121 more than the usable connections of max_connections 112 = 90: use a larger class, request a higher quota L-B99A9384 in eu-central-1 so that the dispatcher's executions can be reserved, or lower api.maxTasks, api.poolMax, runners.glue.maxRuns or runners.ec2.maxInstances.",
      },
      {
        key: "network.cidr",
        value: "10.0.0.0/25",
        message:
          "needs 92 private addresses for runs, instances, tasks and services, 38 more than the addresses of the private subnets = 54: use a larger network, or lower runners.glue.maxRuns and runners.ec2.maxInstances.",
      },
    ]);
  });

  it("recommends a larger share only below 1, and more connections only if max_connections was lowered", () => {
    const oneVcpu = rawConfig((base) => ({ ...base, quotas: { ec2Vcpus: 1 } }));
    assert.deepEqual(
      problemsOf(oneVcpu).map(({ message }) => message),
      [
        "needs 2 vCPUs (2 per t4g.small), 1 more than quotas.ec2Vcpus 1 × quotas.share 1 = 1: lower it, use a smaller type, or request a higher quota L-1216C47A in eu-central-1 and enter the granted value.",
      ],
    );
    const tooFew = rawConfig((base) => ({ ...base, database: { ...base.database, maxConnections: 60 } }));
    assert.deepEqual(
      problemsOf(tooFew).map(({ message }) => message),
      [
        "needs 104 connections (dispatcher 56, api 36, operations 5, glue 3, ec2 4), 49 more than the usable connections of max_connections 60 = 55: use a larger class, raise database.maxConnections, or lower api.maxTasks, api.poolMax, runners.glue.maxRuns or runners.ec2.maxInstances.",
      ],
    );
  });

  it("limits runs to AWS's maximum per job, and max_connections to what the memory allows", () => {
    const raw = rawConfig((base) => ({
      ...base,
      database: { ...base.database, instanceClass: "db.r7g.4xlarge" },
      runners: { ...base.runners, glue: { maxRuns: 1_001 } },
    }));
    assert.deepEqual(
      problemsOf(raw).map(({ message }) => message),
      ["needs 1001 runs, 1 more than AWS's maximum per job (L-F574AED9) = 1000: lower it."],
    );
    const tooMany = rawConfig((base) => ({ ...base, database: { ...base.database, maxConnections: 451 } }));
    assert.deepEqual(problemsOf(tooMany), [
      {
        key: "database.maxConnections",
        value: 451,
        message:
          "needs 451 connections, 1 more than RDS's formula allows for the memory of db.t4g.medium = 450: lower it, or use a larger class.",
      },
    ]);
  });

  for (const stack of ["dev", "staging", "prod"])
    it(`plans ${stack} as shipped`, () => {
      const { plan, problems } = planCapacity(readStackFile(stack, ROOT));
      assert.deepEqual(problems, []);
      assert.ok(plan);
    });

  it("plans dev so that the Glue runs and vCPUs of two copies fit into one account", () => {
    const dev = readStackFile("dev", ROOT);
    const { plan } = planCapacity(dev);
    assert.ok(plan);
    assert.ok(2 * plan.glue.maxConcurrentRuns <= dev.quotas.glueRuns);
    assert.ok(
      2 * plan.ec2.maxInstances * EC2_TYPES[dev.runners.ec2.instanceType as Ec2Type].vcpus <= dev.quotas.ec2Vcpus,
    );
  });

  it("plans within all limits, or reports problems, for generated quotas, shares and sizes", () => {
    const integerUpTo = (maximum: number) => fc.integer({ min: 0, max: maximum });
    // Small configurations often fit, large ones must be rejected.
    const optionalRuns = fc.option(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1_500 })), {
      nil: undefined,
    });
    const configs = fc.record({
      quotas: fc.record({
        lambdaConcurrency: integerUpTo(1_500),
        glueRuns: integerUpTo(3_000),
        glueDpus: integerUpTo(1_500),
        ec2Vcpus: integerUpTo(1_000),
        fargateVcpus: integerUpTo(200),
        rdsInstances: integerUpTo(2),
      }),
      share: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 1, noNaN: true })),
      cidr: fc.constantFrom("10.0.0.0/16", "10.0.0.0/20", "10.0.0.0/24"),
      instanceClass: fc.constantFrom(...(Object.keys(RDS_CLASSES) as RdsClass[])),
      instanceType: fc.constantFrom(
        ...(Object.keys(EC2_TYPES) as Ec2Type[]).filter((type) => EC2_TYPES[type].arch === "arm64"),
      ),
      dpu: fc.constantFrom(0.0625, 1),
      readsOnEc2: fc.boolean(),
      maxRuns: optionalRuns,
      maxInstances: optionalRuns,
      maxTasks: fc.integer({ min: 1, max: 8 }),
      poolMax: fc.integer({ min: 1, max: 20 }),
    });
    const tolerance = 1e-6;
    let plans = 0;
    fc.assert(
      fc.property(configs, (input) => {
        const { quotas, share } = input;
        const config = configOf(
          rawConfig((base) => ({
            ...base,
            quotas: { ...quotas, share },
            network: { ...base.network, cidr: input.cidr },
            database: { ...base.database, instanceClass: input.instanceClass },
            api: { maxTasks: input.maxTasks, poolMax: input.poolMax, taskVcpus: 1 },
            jobs: { readsOnEc2: input.readsOnEc2 },
            runners: {
              glue: { dpu: input.dpu, ...(input.maxRuns === undefined ? {} : { maxRuns: input.maxRuns }) },
              ec2: {
                instanceType: input.instanceType,
                ...(input.maxInstances === undefined ? {} : { maxInstances: input.maxInstances }),
              },
            },
          })),
        );
        const { plan, problems } = planCapacity(config);
        if (!plan) {
          assert.ok(problems.length > 0);
          return;
        }
        plans += 1;
        const { dispatcher, glue, ec2, api, database } = plan;
        const executions = dispatcher.reservedConcurrency ?? 0;
        const queueConcurrency = dispatcher.eventSourceConcurrency + dispatcher.wakeupConcurrency;
        assert.ok(executions <= Math.max(0, quotas.lambdaConcurrency - 100) * share + tolerance);
        assert.ok(queueConcurrency <= (dispatcher.reservedConcurrency ?? quotas.lambdaConcurrency * share + tolerance));
        assert.ok(dispatcher.eventSourceConcurrency >= LIMITS.eventSourceConcurrencyMin.value);
        assert.ok(dispatcher.eventSourceConcurrency <= LIMITS.eventSourceConcurrencyMax.value);
        assert.ok(glue.maxConcurrentRuns >= 1 && glue.maxConcurrentRuns <= 1_000);
        assert.ok(glue.maxConcurrentRuns <= quotas.glueRuns * share + tolerance);
        const largest = input.readsOnEc2 ? glue.dpuPerRun : 1;
        assert.equal(glue.largerDpu ?? glue.dpuPerRun, largest);
        assert.ok((glue.maxConcurrentRuns - 1) * glue.dpuPerRun + largest <= quotas.glueDpus * share + tolerance);
        assert.ok(ec2.maxInstances >= 1);
        assert.ok(ec2.maxInstances * EC2_TYPES[input.instanceType].vcpus <= quotas.ec2Vcpus * share + tolerance);
        assert.ok(api.maxTasks * DEPLOYMENT_TASK_FACTOR <= quotas.fargateVcpus * share + tolerance);
        const connections =
          dispatcher.connections +
          glue.maxConcurrentRuns * 3 +
          ec2.maxInstances * 4 +
          (api.poolMax + PLANNING_CONNECTIONS) * api.maxTasks * DEPLOYMENT_TASK_FACTOR +
          5;
        assert.equal(database.total, connections);
        const formula = Math.min(RDS_CLASSES[input.instanceClass].memoryBytes / 9_531_392, 5_000);
        assert.ok(connections <= formula * 0.85 - 5 + tolerance);
        if (input.maxRuns !== undefined) assert.equal(glue.maxConcurrentRuns, input.maxRuns);
        if (input.maxInstances !== undefined) assert.equal(ec2.maxInstances, input.maxInstances);
      }),
      { numRuns: 2_000 },
    );
    assert.ok(plans > 100, `only ${plans} of 2,000 configurations had a plan`);
  });
});
