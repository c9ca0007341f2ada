/**
 * Service limits of one account in one region, as data.
 *
 * `value` is AWS's default. `hard` limits are fixed; `adjustable` ones have a Service Quotas code. The values that an
 * account was granted are in its stacks' `quotas`.
 */
export interface Limit {
  readonly value: number;
  /** Lowest known value of an account, if it is below `value`; unverified. */
  readonly lowestKnown?: number;
  readonly unit: string;
  readonly kind: "hard" | "adjustable";
  /** Service and code in Service Quotas; adjustable limits only. */
  readonly quota?: { readonly service: string; readonly code: string };
  readonly source: Source;
}

/** Source of a value. */
export interface Source {
  /** Page, API reference or provider documentation with the value. */
  readonly document: string;
  /** Month in which the value was compared with the document; "unverified" if it was not. */
  readonly checked: "2026-11" | "unverified";
}

const verifiedSource = (document: string) => ({ document, checked: "2026-11" }) as const;
const unverifiedSource = (document: string) => ({ document, checked: "unverified" }) as const;

const GLUE_PAGE = unverifiedSource("AWS General Reference, AWS Glue endpoints and quotas");
const SQS_API = verifiedSource("Amazon SQS API Reference, SetQueueAttributes, SendMessage and ReceiveMessage");
const SCALING_API = verifiedSource("Pulumi AWS provider, lambda.EventSourceMapping scalingConfig.maximumConcurrency");
const RDS_CONNECTIONS = verifiedSource("AWS Prescriptive Guidance, Tuning PostgreSQL parameters, max_connections");
const RDS_GP3 = verifiedSource("Amazon RDS User Guide, gp3 storage for PostgreSQL");
const RDS_STORAGE = verifiedSource("Amazon RDS API Reference, CreateDBInstance.AllocatedStorage for PostgreSQL");

/** Every service limit by name; values in the given unit. */
export const LIMITS = {
  lambdaConcurrency: {
    value: 1_000,
    lowestKnown: 10,
    unit: "concurrent executions",
    kind: "adjustable",
    quota: { service: "lambda", code: "L-B99A9384" },
    source: verifiedSource("AWS Lambda Developer Guide, Lambda quotas"),
  },
  lambdaUnreserved: {
    value: 100,
    unit: "concurrent executions that functions cannot reserve",
    kind: "hard",
    source: verifiedSource("AWS Lambda API Reference, PutFunctionConcurrency"),
  },
  lambdaTimeout: {
    value: 900,
    unit: "seconds",
    kind: "hard",
    source: verifiedSource("AWS Lambda Developer Guide, Lambda quotas"),
  },
  eventSourceConcurrencyMin: {
    value: 2,
    unit: "concurrent executions",
    kind: "hard",
    source: SCALING_API,
  },
  eventSourceConcurrencyMax: {
    value: 1_000,
    unit: "concurrent executions",
    kind: "hard",
    source: SCALING_API,
  },
  glueRuns: {
    value: 2_000,
    lowestKnown: 50,
    unit: "concurrent job runs of the account",
    kind: "adjustable",
    quota: { service: "glue", code: "L-5E4153CA" },
    source: GLUE_PAGE,
  },
  glueRunsPerJob: {
    value: 1_000,
    unit: "concurrent runs of one job",
    kind: "adjustable",
    quota: { service: "glue", code: "L-F574AED9" },
    source: GLUE_PAGE,
  },
  glueDpus: {
    value: 1_000,
    unit: "DPUs",
    kind: "adjustable",
    quota: { service: "glue", code: "L-08F3B322" },
    source: GLUE_PAGE,
  },
  glueDefaultTimeout: {
    value: 2_880,
    unit: "minutes, the timeout of a Glue job that names none",
    kind: "hard",
    source: verifiedSource("AWS Glue API Reference, Job.Timeout"),
  },
  glueTimeoutMax: {
    value: 10_079,
    unit: "minutes, the maximum timeout of a Glue job: less than seven days",
    kind: "hard",
    source: verifiedSource("AWS Glue API Reference, Job.Timeout"),
  },
  ec2Vcpus: {
    value: 5,
    unit: "vCPUs of running standard instances",
    kind: "adjustable",
    quota: { service: "ec2", code: "L-1216C47A" },
    source: verifiedSource("Amazon EC2 User Guide, On-Demand Instance quotas, in a public copy"),
  },
  ec2SpotVcpus: {
    value: 5,
    unit: "vCPUs of standard Spot requests",
    kind: "adjustable",
    quota: { service: "ec2", code: "L-34B43A08" },
    source: verifiedSource("Amazon EC2 User Guide, Spot Instance quotas, in a public copy"),
  },
  fargateVcpus: {
    value: 6,
    unit: "vCPUs of running tasks",
    kind: "adjustable",
    quota: { service: "fargate", code: "L-3032A538" },
    source: verifiedSource("Amazon ECS Developer Guide, AWS Fargate service quotas, in a public copy"),
  },
  rdsInstances: {
    value: 40,
    unit: "DB instances",
    kind: "adjustable",
    quota: { service: "rds", code: "L-7B6409FD" },
    source: verifiedSource("Amazon RDS User Guide, Quotas in Amazon RDS"),
  },
  openSearchDomains: {
    value: 100,
    unit: "domains",
    kind: "adjustable",
    quota: { service: "es", code: "L-076D529E" },
    source: verifiedSource("Amazon OpenSearch Service Developer Guide of 2023-09, quotas"),
  },
  loadBalancers: {
    value: 50,
    unit: "Application Load Balancers",
    kind: "adjustable",
    quota: { service: "elasticloadbalancing", code: "L-53DA6B97" },
    source: verifiedSource("Elastic Load Balancing, Quotas for your Application Load Balancers"),
  },
  sqsMessage: { value: 1_048_576, unit: "bytes, attributes included", kind: "hard", source: SQS_API },
  sqsRetentionMin: { value: 60, unit: "seconds", kind: "hard", source: SQS_API },
  sqsRetentionMax: { value: 1_209_600, unit: "seconds", kind: "hard", source: SQS_API },
  sqsRetentionDefault: { value: 345_600, unit: "seconds", kind: "hard", source: SQS_API },
  sqsVisibilityMax: { value: 43_200, unit: "seconds", kind: "hard", source: SQS_API },
  sqsVisibilityDefault: { value: 30, unit: "seconds", kind: "hard", source: SQS_API },
  sqsName: {
    value: 80,
    unit: "characters of a queue's name",
    kind: "hard",
    source: verifiedSource("Amazon SQS API Reference, CreateQueue"),
  },
  sqsPrincipals: {
    value: 50,
    unit: "principals in a queue's policy",
    kind: "hard",
    source: verifiedSource("Amazon SQS Developer Guide, Amazon SQS policy quotas"),
  },
  rolePolicies: {
    value: 10_240,
    unit: "characters of all inline policies of a role, white space not counted",
    kind: "hard",
    source: verifiedSource("AWS IAM User Guide, IAM and AWS STS quotas"),
  },
  ec2UserData: {
    value: 16_384,
    unit: "bytes of an instance's user data, before base64",
    kind: "hard",
    source: verifiedSource("Amazon EC2 User Guide, instance user data"),
  },
  allowedNetworks: {
    value: 25,
    unit: "networks that may reach the load balancer: a security group has 60 rules, of which the program needs four and each network two; six stay free",
    kind: "hard",
    source: verifiedSource("Amazon VPC User Guide, Amazon VPC quotas, inbound rules per security group"),
  },
  groupDescription: {
    value: 255,
    unit: "characters of the description of a security group or of one of its rules",
    kind: "hard",
    source: verifiedSource("Amazon EC2 API Reference, CreateSecurityGroup and IpRange"),
  },
  sqsInFlight: { value: 120_000, unit: "messages", kind: "hard", source: SQS_API },
  rdsConnections: {
    value: 5_000,
    unit: "maximum connections of the default parameter group",
    kind: "hard",
    source: RDS_CONNECTIONS,
  },
  rdsBytesPerConnection: {
    value: 9_531_392,
    unit: "bytes of instance memory per connection",
    kind: "hard",
    source: RDS_CONNECTIONS,
  },
  rdsBackupDays: {
    value: 35,
    unit: "days",
    kind: "hard",
    source: verifiedSource("Pulumi AWS provider, rds.Instance backupRetentionPeriod"),
  },
  rdsStorageMin: { value: 20, unit: "GiB of gp3", kind: "hard", source: RDS_STORAGE },
  rdsStorageMax: {
    value: 65_536,
    unit: "GiB of gp3",
    kind: "hard",
    source: RDS_STORAGE,
  },
  rdsGp3Iops: { value: 3_000, unit: "I/O operations per second of gp3", kind: "hard", source: RDS_GP3 },
  rdsGp3LargeIops: {
    value: 12_000,
    unit: "I/O operations per second of gp3 with at least rdsGp3LargeGb",
    kind: "hard",
    source: RDS_GP3,
  },
  rdsGp3LargeGb: {
    value: 400,
    unit: "GiB of gp3 from which RDS stripes over four volumes",
    kind: "hard",
    source: RDS_GP3,
  },
  loadBalancerName: {
    value: 32,
    unit: "characters of a load balancer's or target group's name",
    kind: "hard",
    source: verifiedSource("Pulumi AWS provider, lb.LoadBalancer and lb.TargetGroup name"),
  },
  openSearchName: {
    value: 28,
    unit: "characters of a domain's name",
    kind: "hard",
    source: verifiedSource("Amazon OpenSearch Service API Reference, CreateDomain.DomainName"),
  },
  subnetReserved: {
    value: 5,
    unit: "addresses of each subnet that AWS reserves",
    kind: "hard",
    source: verifiedSource("Amazon VPC User Guide of 2023-06, Subnet CIDR blocks"),
  },
} as const satisfies Record<string, Limit>;

/** Characters that Pulumi appends to generated names: a hyphen and seven hexadecimal digits. */
export const PULUMI_SUFFIX = 8;

const GIB = 1_073_741_824;
const instance = <Arch extends "x86_64" | "arm64">(arch: Arch, vcpus: number, gib: number) => ({
  arch,
  vcpus,
  memoryBytes: gib * GIB,
});

/**
 * RDS instance classes for Postgres: vCPUs and memory in bytes (Amazon RDS User Guide of 2023-06, DB instance classes).
 */
export const RDS_CLASSES = {
  "db.t4g.micro": instance("arm64", 2, 1),
  "db.t4g.small": instance("arm64", 2, 2),
  "db.t4g.medium": instance("arm64", 2, 4),
  "db.t4g.large": instance("arm64", 2, 8),
  "db.t4g.xlarge": instance("arm64", 4, 16),
  "db.t3.medium": instance("x86_64", 2, 4),
  "db.t3.large": instance("x86_64", 2, 8),
  "db.m6i.large": instance("x86_64", 2, 8),
  "db.m6i.xlarge": instance("x86_64", 4, 16),
  "db.m7g.large": instance("arm64", 2, 8),
  "db.m7g.xlarge": instance("arm64", 4, 16),
  "db.m7g.2xlarge": instance("arm64", 8, 32),
  "db.m7g.4xlarge": instance("arm64", 16, 64),
  "db.r6i.large": instance("x86_64", 2, 16),
  "db.r6i.xlarge": instance("x86_64", 4, 32),
  "db.r7g.large": instance("arm64", 2, 16),
  "db.r7g.xlarge": instance("arm64", 4, 32),
  "db.r7g.2xlarge": instance("arm64", 8, 64),
  "db.r7g.4xlarge": instance("arm64", 16, 128),
} as const;

/** Tag of a launch template with the maximum number of its instances, for which AWS has no property. */
export const INSTANCES_TAG = "rates:max-instances";

/** EC2 instance types of runners: architecture, vCPUs and memory in bytes (AWS's EC2 price file of 2025-04-04). */
export const EC2_TYPES = {
  "t3.small": instance("x86_64", 2, 2),
  "t3.medium": instance("x86_64", 2, 4),
  "t4g.small": instance("arm64", 2, 2),
  "t4g.medium": instance("arm64", 2, 4),
  "c6i.large": instance("x86_64", 2, 4),
  "c6i.xlarge": instance("x86_64", 4, 8),
  "c7i.large": instance("x86_64", 2, 4),
  "c7i.xlarge": instance("x86_64", 4, 8),
  "c7g.large": instance("arm64", 2, 4),
  "c7g.xlarge": instance("arm64", 4, 8),
  "m6i.large": instance("x86_64", 2, 8),
  "m6i.xlarge": instance("x86_64", 4, 16),
  "m7i.large": instance("x86_64", 2, 8),
  "m7g.large": instance("arm64", 2, 8),
  "m7g.xlarge": instance("arm64", 4, 16),
} as const;

/**
 * Sizes of a Glue Python shell run: DPUs, and memory in bytes at 16 GB per DPU (AWS Glue API Reference,
 * Job.MaxCapacity).
 */
export const GLUE_DPU_SIZES = [
  { dpu: 0.0625, memoryBytes: 1 * GIB },
  { dpu: 1, memoryBytes: 16 * GIB },
] as const;

/**
 * Sizes of an API task on Fargate: vCPUs, and the minimum memory in bytes of each (Amazon ECS Developer Guide of
 * 2023-06, task CPU and memory).
 */
export const FARGATE_SIZES = [
  { vcpus: 0.25, memoryBytes: 0.5 * GIB },
  { vcpus: 0.5, memoryBytes: 1 * GIB },
  { vcpus: 1, memoryBytes: 2 * GIB },
  { vcpus: 2, memoryBytes: 4 * GIB },
  { vcpus: 4, memoryBytes: 8 * GIB },
] as const;

/**
 * Families of OpenSearch instances that do not support gp3, the volume type of the platform's data nodes (Amazon
 * OpenSearch Service Developer Guide of 2023-09, EBS volume size quotas).
 */
export const SEARCH_FAMILIES_WITHOUT_GP3 = ["t2", "m3", "m4", "c4", "r3", "r4", "i2", "i3", "r6gd"] as const;

/** Maximum GiB of gp3 of OpenSearch instance types that support less than 1,024 GiB (same page). */
export const SEARCH_GP3_GB: Readonly<Record<string, number>> = {
  "t3.small.search": 100,
  "t3.medium.search": 200,
  "c5.large.search": 256,
  "c5.xlarge.search": 512,
  "c6g.large.search": 256,
  "c6g.xlarge.search": 512,
};

export type RdsClass = keyof typeof RDS_CLASSES;
export type Ec2Type = keyof typeof EC2_TYPES;

/** Characters that EC2 accepts in the description of a security group or of a rule; no apostrophe. */
const DESCRIPTION_CHARACTERS = "a-zA-Z0-9 ._\\-:/()#,@[\\]+=&;{}!$*";
const INVALID_CHARACTERS = new RegExp(`[^${DESCRIPTION_CHARACTERS}]`, "gu");

/**
 * Checks the description of a security group or of a rule.
 *
 * @returns the problem and the remedy; undefined if EC2 accepts the text
 */
export function groupDescriptionProblem(text: string): string | undefined {
  const maximum = LIMITS.groupDescription.value;
  if (text.length > maximum)
    return `has ${text.length} characters, ${text.length - maximum} more than EC2's maximum of ${maximum}: shorten it.`;
  const invalid = [...new Set(text.match(INVALID_CHARACTERS))];
  if (invalid.length === 0) return undefined;
  return `has ${invalid.map((character) => JSON.stringify(character)).join(", ")}: EC2 accepts only ASCII letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*.`;
}
