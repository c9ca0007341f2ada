import assert from "node:assert/strict";
import { ROOT } from "../runtime/platform/root.ts";
import { readStackFile } from "../stacks/config/parse.ts";
import { planCapacity } from "../stacks/planning/capacity.ts";
import { declarationOf } from "../stacks/testing/provider/declared.ts";
import { MUTANTS } from "./testing/mutants.ts";
import { type EngineResource, type Pack, startPack, urnOf } from "./testing/packClient.ts";
import { packEnvironment } from "./testing/packEnvironment.ts";
import { compliantProgram, SETTINGS } from "./testing/program/compliant.ts";
import {
  DATABASE,
  FUNCTION,
  LAUNCH_TEMPLATE,
  LISTENER,
  LOAD_BALANCER,
  QUEUE,
  REPOSITORY,
  SECURITY_GROUP,
} from "./types.ts";
import { UNKNOWN_TEXT } from "./unknownValues.ts";

const database = (props: Record<string, unknown>): EngineResource => {
  const compliant = compliantProgram().find(({ type }) => type === DATABASE);
  assert.ok(compliant);
  return { ...compliant, props: { ...compliant.props, ...props } };
};
const exemption = (until: string, urn = urnOf(database({}))) => ({
  "rds-private": { exempt: [{ urn, reason: "moves next week", until }] },
});

describe("configuration of a policy pack", () => {
  let pack: Pack;
  before(async () => {
    pack = await startPack("security");
  });
  after(() => pack.close());

  const publicDatabase = [database({ publiclyAccessible: true })];
  const privateFindings = async () =>
    (await pack.findings(publicDatabase)).filter(({ policy }) => policy === "rds-private");

  it("exempts a resource by its URN, with a reason, until the end of a day", async () => {
    await pack.configure(exemption("2999-12-31"));
    assert.deepEqual(await privateFindings(), []);
    await pack.configure(exemption("2999-12-31", "urn:pulumi:of::another::aws:x:X::one"));
    assert.equal((await privateFindings()).length, 1);
  });

  it("reports an expired exemption as a violation, with its date", async () => {
    await pack.configure(exemption("2020-02-29"));
    assert.deepEqual(
      (await privateFindings()).map(({ message, level }) => ({ message, level })),
      [
        {
          level: "mandatory",
          message:
            "shop-database: publiclyAccessible is true, so the internet reaches it: set it to false. Its exemption (moves next week) ended on 2020-02-29: fix the resource, or renew the exemption.",
        },
      ],
    );
  });

  it("ignores an exemption without a reason, or with an invalid date, URN or field", async () => {
    const compliant = { urn: urnOf(database({})), reason: "moves next week", until: "2999-12-31" };
    for (const invalid of [
      { reason: undefined },
      { reason: " " },
      { until: "2999-13-01" },
      { until: "soon" },
      { urn: compliant.urn.replace(/\w+$/, "*") },
      { when: 1 },
    ]) {
      await pack.configure({ "rds-private": { exempt: [{ ...compliant, ...invalid }] } });
      assert.equal((await privateFindings()).length, 1, JSON.stringify(invalid));
    }
    await pack.configure({ "rds-private": { exempt: [compliant] } });
    assert.deepEqual(await privateFindings(), []);
  });

  it("reports unknown settings of a rule once", async () => {
    const messages = async () => (await privateFindings()).map(({ message }) => message);
    await pack.configure({ "rds-private": { dayz: 7, exempt: exemption("2999-12-31")["rds-private"].exempt } });
    assert.deepEqual(await messages(), [
      "the pack's configuration sets dayz, which rds-private does not have: did you mean exempt?",
    ]);
    assert.deepEqual(await messages(), []);
  });

  it("makes a rule advisory, or disables it", async () => {
    await pack.configure({ "rds-private": { enforcementLevel: "advisory" } });
    assert.deepEqual(
      (await privateFindings()).map(({ level }) => level),
      ["advisory"],
    );
    await pack.configure({ "rds-private": { enforcementLevel: "disabled" } });
    assert.deepEqual(await privateFindings(), []);
  });

  it("changes thresholds, and relaxes rules when the program keeps no data", async () => {
    const backups = async () =>
      (await pack.findings([database({ backupRetentionPeriod: 5 })])).filter(({ policy }) => policy === "rds-backups");
    await pack.configure({});
    assert.equal((await backups()).length, 1);
    await pack.configure({ "rds-backups": { days: 5 } });
    assert.deepEqual(await backups(), []);
    await pack.configure({ "rds-backups": { holdsData: false } });
    assert.deepEqual(await backups(), []);
    const standby = async () =>
      (await pack.findings([database({ multiAz: false })])).filter(({ policy }) => policy === "rds-multi-az").length;
    assert.equal(await standby(), 1);
    await pack.configure({ "rds-multi-az": { holdsData: false } });
    assert.equal(await standby(), 0);
    await pack.configure({ "rds-backups": { days: "many" } });
    assert.equal((await backups()).length, 1, "an invalid setting counts as missing");
  });

  it("remediates missing properties with safe defaults, and changes no explicit value", async () => {
    const remediate = { enforcementLevel: "remediate" };
    await pack.configure({
      "sqs-encrypted": remediate,
      "ecr-immutable-tags": remediate,
      "rds-encrypted": remediate,
      "rds-multi-az": remediate,
      "ecr-scan-on-push": remediate,
      "kms-rotation": remediate,
      "elb-drop-invalid-headers": remediate,
    });
    const remediationsOf = (type: string, props: Record<string, unknown>) =>
      pack.remediate({ type, name: "resource", props });
    assert.deepEqual(await remediationsOf(QUEUE, { name: "q" }), [{ name: "q", sqsManagedSseEnabled: true }]);
    assert.deepEqual(await remediationsOf(QUEUE, { sqsManagedSseEnabled: false }), []);
    assert.deepEqual(await remediationsOf(QUEUE, { kmsMasterKeyId: "alias/own" }), []);
    const key = "aws:kms/key:Key";
    assert.deepEqual(await remediationsOf(key, {}), [{ enableKeyRotation: true }]);
    assert.deepEqual(await remediationsOf(key, { enableKeyRotation: false }), []);
    assert.deepEqual(await remediationsOf(LOAD_BALANCER, {}), [{ dropInvalidHeaderFields: true }]);
    assert.deepEqual(await remediationsOf(LOAD_BALANCER, { loadBalancerType: "network" }), []);
    assert.deepEqual(await remediationsOf(REPOSITORY, {}), [{ imageTagMutability: "IMMUTABLE" }]);
    assert.deepEqual(await remediationsOf(DATABASE, { storageEncrypted: false }), []);
    assert.deepEqual(
      await remediationsOf(DATABASE, {}),
      [{ storageEncrypted: true }],
      "a standby has a cost, so it is not a safe default",
    );
  });
});

describe("properties that a program leaves to the provider, unknown in a preview", () => {
  for (const name of ["limits", "security"] as const)
    it(`are not reported by ${name}, but explicit unknown values are`, async () => {
      const pack = await startPack(name);
      const findingsAfter = async (change: (resource: EngineResource) => void) => {
        const program = compliantProgram();
        for (const resource of program) {
          change(resource);
          const { inputs, chosen } = declarationOf(resource.type);
          const missing = [...chosen, ...inputs].filter((key) => resource.props[key] === undefined);
          resource.outputs = { ...Object.fromEntries(missing.map((key) => [key, UNKNOWN_TEXT])), ...resource.props };
        }
        return (await pack.findings(program)).map(({ policy, level, message }) => `${policy} ${level} ${message}`);
      };
      try {
        await pack.configure(SETTINGS);
        assert.deepEqual(await findingsAfter(() => undefined), []);
        const messages = await findingsAfter(({ type, name, props }) => {
          if (type === SECURITY_GROUP && name === "shop-api") props.ingress = UNKNOWN_TEXT;
          if (type === LISTENER && name === "shop-api-https") props.sslPolicy = UNKNOWN_TEXT;
          if (type === QUEUE && name === "shop-queues-dead") props.messageRetentionSeconds = UNKNOWN_TEXT;
        });
        assert.deepEqual(
          messages.map((message) =>
            message.replace(" is unknown, so the rule cannot be checked: set an explicit value.", ""),
          ),
          {
            limits: [
              "sqs-limits mandatory shop-queues-dead: messageRetentionSeconds",
              "ec2-group-description mandatory shop-api: ingress",
              "sqs-dead-letter-retention mandatory shop-queues-dead: messageRetentionSeconds",
            ],
            security: [
              "no-ingress-from-the-world mandatory shop-api: ingress",
              "elb-tls mandatory shop-api-https: sslPolicy",
            ],
          }[name],
        );
      } finally {
        await pack.close();
      }
    });
});

describe("the number of instances that rules count", () => {
  it("comes from the pack's configuration or the launch template's tag; if both are missing, it is reported", async () => {
    const pack = await startPack("limits");
    const messages = async (tags: Record<string, string> | undefined, instances?: number) => {
      await pack.configure({
        ...SETTINGS,
        "ec2-vcpus": { ec2Vcpus: 2, ...(instances === undefined ? {} : { instances: { "shop-ec2": instances } }) },
      });
      const program = compliantProgram().filter(({ type }) => type === LAUNCH_TEMPLATE);
      for (const { props } of program) props.tags = tags;
      return (await pack.findings(program))
        .filter(({ policy }) => policy === "ec2-vcpus")
        .map(({ message }) => message);
    };
    try {
      assert.match((await messages(undefined))[0] ?? "", /nothing limits how many instances are launched from it/);
      assert.match((await messages({ "rates:max-instances": "7" }))[0] ?? "", /14 vCPUs at once/);
      assert.match((await messages({ "rates:max-instances": "7" }, 3))[0] ?? "", /6 vCPUs at once/);
      assert.deepEqual(await messages({ "rates:max-instances": "1" }), []);
    } finally {
      await pack.close();
    }
  });
});

describe("the quotas of rules", () => {
  const programWithRuns = (runs: number) => {
    const program = compliantProgram();
    for (const { props } of program) if (props.executionProperty) props.executionProperty = { maxConcurrentRuns: runs };
    return program;
  };
  const messagesForRuns = async (pack: Pack, runs: number) =>
    (await pack.findings(programWithRuns(runs)))
      .filter(({ policy }) => policy === "glue-concurrent-runs")
      .map(({ message }) => message);

  it("are AWS's defaults or the pack's configuration, multiplied by the program's share", async () => {
    const pack = await startPack("limits");
    try {
      await pack.configure(SETTINGS);
      assert.deepEqual(await messagesForRuns(pack, 900), []);
      await pack.configure({ ...SETTINGS, "glue-concurrent-runs": { glueRuns: 100, share: 0.57 } });
      assert.deepEqual(await messagesForRuns(pack, 57), [], "100 times 0.57 is less than 57 in floating point");
      await pack.configure({ ...SETTINGS, "glue-concurrent-runs": { glueRuns: 200, share: 0.25 } });
      assert.deepEqual(await messagesForRuns(pack, 51), [
        "shop-glue: the program's jobs may have 51 runs at once, 1 more than 0.25 of the quota of 200 (L-5E4153CA): lower executionProperty.maxConcurrentRuns (51 here).",
      ]);
      await pack.configure({ ...SETTINGS, "glue-concurrent-runs": { glueRuns: 101, share: 0.57 } });
      assert.match((await messagesForRuns(pack, 58))[0] ?? "", /, 0\.43 more than/);
    } finally {
      await pack.close();
    }
  });

  it("let functions reserve as many executions as the capacity planner: a share of all but the account's 100", async () => {
    const pack = await startPack("limits");
    const messagesFor = async (reserved: number, lambdaConcurrency: number, share: number) => {
      await pack.configure({ "lambda-reserved-concurrency": { lambdaConcurrency, share } });
      const program = [{ type: FUNCTION, name: "worker", props: { reservedConcurrentExecutions: reserved } }];
      return (await pack.findings(program))
        .filter(({ policy }) => policy === "lambda-reserved-concurrency")
        .map(({ message }) => message);
    };
    try {
      assert.deepEqual(await messagesFor(90, 1_000, 0.1), []);
      assert.deepEqual(await messagesFor(91, 1_000, 0.1), [
        "worker: the program's functions reserve 91 executions, 1 more than 0.1 of the 900 that can be reserved, since AWS keeps 100 of the account's 1000 unreserved: lower reservedConcurrentExecutions (91 here), or have quota L-B99A9384 raised.",
      ]);
      assert.deepEqual(await messagesFor(50, 200, 0.5), []);
      assert.equal((await messagesFor(51, 200, 0.5)).length, 1);
      assert.deepEqual(await messagesFor(29, 200, 0.29), [], "0.29 times 100 is less than 29 in floating point");
    } finally {
      await pack.close();
    }
  });

  it("come from the stack's configuration in our own programs, whatever the pack's configuration", async () => {
    const pack = await startPack("limits", packEnvironment("dev"));
    try {
      await pack.configure({ "glue-concurrent-runs": { glueRuns: 2_000 } });
      assert.deepEqual(await messagesForRuns(pack, 26), [
        "shop-glue: the program's jobs may have 26 runs at once, 1 more than 0.5 of the quota of 50 (L-5E4153CA): lower executionProperty.maxConcurrentRuns (26 here).",
      ]);
    } finally {
      await pack.close();
    }
  });

  it("include all connections of an API task of our own programs: its pool, and the one that plans reads", async () => {
    const pack = await startPack("limits", packEnvironment("dev"));
    try {
      const program = compliantProgram();
      MUTANTS["rds-connections"]?.[0]?.mutate(program);
      const [finding] = (await pack.findings(program)).filter(({ policy }) => policy === "rds-connections");
      const { plan } = planCapacity(readStackFile("dev", ROOT));
      // The program has 12 tasks, and twice as many during a deployment.
      assert.match(finding?.message ?? "", new RegExp(`shop-api ${24 * ((plan?.api.poolMax ?? 0) + 1)}\\)`));
    } finally {
      await pack.close();
    }
  });
});
