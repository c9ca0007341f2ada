import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { GLUE_DPU_SIZES, LIMITS } from "../../../infra/limits/limits.ts";
import { partitionOf } from "../../../infra/limits/partitions.ts";
import { requirePython } from "../../../runtime/testing/python/python.ts";

/** Location in a published model: a service, a shape or operation, and a member or null. */
type ModelLocation = readonly [service: string, shape: string, member: string | null];
interface Fact {
  text: string;
  min: number | null;
  max: number | null;
}

const SQS_ATTRIBUTES: ModelLocation = ["sqs", "CreateQueueRequest", "Attributes"];
const GLUE_TIMEOUT: ModelLocation = ["glue", "CreateJobRequest", "Timeout"];
const RDS_STORAGE: ModelLocation = ["rds", "CreateDBInstanceMessage", "AllocatedStorage"];
const POSTGRES_GP3 = /RDS for PostgreSQL .*?gp3\): Must be an integer from ([\d,]+) to ([\d,]+)\./;

/** Facts that the program relies on: the location, how to find the number there, and the number that is expected. */
const FACTS: Readonly<Record<string, readonly [ModelLocation, RegExp | "min" | "max", number, group?: number]>> = {
  sqsMessage: [SQS_ATTRIBUTES, /MaximumMessageSize .*? to ([\d,]+) bytes/, LIMITS.sqsMessage.value],
  sqsRetentionMin: [SQS_ATTRIBUTES, /MessageRetentionPeriod .*? from ([\d,]+) seconds/, LIMITS.sqsRetentionMin.value],
  sqsRetentionMax: [SQS_ATTRIBUTES, /MessageRetentionPeriod .*? to ([\d,]+) seconds/, LIMITS.sqsRetentionMax.value],
  sqsRetentionDefault: [
    SQS_ATTRIBUTES,
    /MessageRetentionPeriod .*? Default: ([\d,]+) /,
    LIMITS.sqsRetentionDefault.value,
  ],
  sqsVisibilityMax: [SQS_ATTRIBUTES, /VisibilityTimeout .*? from 0 to ([\d,]+) /, LIMITS.sqsVisibilityMax.value],
  sqsVisibilityDefault: [
    SQS_ATTRIBUTES,
    /VisibilityTimeout – .*? Default: ([\d,]+)\./,
    LIMITS.sqsVisibilityDefault.value,
  ],
  sqsName: [["sqs", "CreateQueueRequest", "QueueName"], /up to ([\d,]+) characters/, LIMITS.sqsName.value],
  sqsInFlight: [
    ["sqs", "ChangeMessageVisibility", null],
    /maximum of (?:approximately )?([\d,]+) in flight/,
    LIMITS.sqsInFlight.value,
  ],
  eventSourceConcurrencyMin: [
    ["lambda", "ScalingConfig", "MaximumConcurrency"],
    "min",
    LIMITS.eventSourceConcurrencyMin.value,
  ],
  eventSourceConcurrencyMax: [
    ["lambda", "ScalingConfig", "MaximumConcurrency"],
    "max",
    LIMITS.eventSourceConcurrencyMax.value,
  ],
  lambdaUnreserved: [
    ["lambda", "PutFunctionConcurrency", null],
    /at least ([\d,]+) simultaneous executions unreserved/,
    LIMITS.lambdaUnreserved.value,
  ],
  glueDefaultTimeout: [
    GLUE_TIMEOUT,
    /defaulted to ([\d,]+) minutes for Glue version 4\.0/,
    LIMITS.glueDefaultTimeout.value,
  ],
  "glueTimeoutMax + 1": [GLUE_TIMEOUT, /less than 7 days or ([\d,]+) minutes/, LIMITS.glueTimeoutMax.value + 1],
  "the smaller of GLUE_DPU_SIZES": [
    ["glue", "CreateJobRequest", "MaxCapacity"],
    /pythonshell" ?\), you can allocate either ([\d.]+) or [\d.]+ DPU/,
    GLUE_DPU_SIZES[0].dpu,
  ],
  "the larger of GLUE_DPU_SIZES": [
    ["glue", "CreateJobRequest", "MaxCapacity"],
    /pythonshell" ?\), you can allocate either [\d.]+ or ([\d.]+) DPU/,
    GLUE_DPU_SIZES[1].dpu,
  ],
  loadBalancerName: [
    ["elbv2", "CreateLoadBalancerInput", "Name"],
    /maximum of (\d+) characters/,
    LIMITS.loadBalancerName.value,
  ],
  "loadBalancerName (target group)": [
    ["elbv2", "CreateTargetGroupInput", "Name"],
    /maximum of (\d+) characters/,
    LIMITS.loadBalancerName.value,
  ],
  openSearchName: [["opensearch", "CreateDomainRequest", "DomainName"], "max", LIMITS.openSearchName.value],
  rdsBackupDays: [
    ["rds", "CreateDBInstanceMessage", "BackupRetentionPeriod"],
    /value from 0 to (\d+)\./,
    LIMITS.rdsBackupDays.value,
  ],
  rdsStorageMin: [RDS_STORAGE, POSTGRES_GP3, LIMITS.rdsStorageMin.value],
  rdsStorageMax: [RDS_STORAGE, POSTGRES_GP3, LIMITS.rdsStorageMax.value, 2],
  groupDescription: [
    ["ec2", "CreateSecurityGroupRequest", "Description"],
    /Up to (\d+) characters/,
    LIMITS.groupDescription.value,
  ],
  "groupDescription (rule)": [
    ["ec2", "IpRange", "Description"],
    /Up to (\d+) characters/,
    LIMITS.groupDescription.value,
  ],
  "the maximum length of a client token": [
    ["ec2", "RunInstancesRequest", "ClientToken"],
    /Maximum (\d+) ASCII characters/,
    64,
  ],
  "the maximum number of parts of an upload": [
    ["s3", "UploadPartRequest", "PartNumber"],
    /between 1 and ([\d,]+)/,
    10_000,
  ],
};

describe("AWS's published documentation", () => {
  let partitions: Record<string, string[]>;
  let facts: Fact[];
  before(function () {
    const script = fileURLToPath(new URL("documentation.py", import.meta.url));
    const input = JSON.stringify(Object.values(FACTS).map(([location]) => location));
    ({ partitions, facts } = JSON.parse(
      execFileSync(requirePython(this, "models"), [script], { input, encoding: "utf8", maxBuffer: 1e8 }),
    ));
  });

  for (const [index, [name, [location, source, expected, group = 1]]] of Object.entries(FACTS).entries())
    it(`has the value of ${name} in ${location.filter(Boolean).join(".")}`, () => {
      const fact = facts[index];
      assert(fact);
      const value = typeof source === "string" ? fact[source] : source.exec(fact.text)?.[group]?.replaceAll(",", "");
      assert.equal(value === undefined || value === null ? undefined : Number(value), expected, fact.text);
    });

  it("has each region in the same partition as the program", () => {
    const regions = Object.entries(partitions).flatMap(([partition, names]) =>
      names.map((region) => ({ partition, region })),
    );
    assert.ok(regions.length > 30, `${regions.length} regions`);
    for (const { partition, region } of regions.filter(({ region }) => !region.endsWith("-global")))
      assert.equal(partitionOf(region), partition, region);
  });
});
