/**
 * The service limits that this platform can run into, as data. They are the limits of one account in one region.
 *
 * `value` is what AWS gives a fresh account that has had nothing raised; where AWS starts accounts lower than its
 * documented default, `low` is what such accounts get. `hard` limits hold for everybody; `adjustable` ones carry the
 * code that Service Quotas knows them by. What an account was really granted stands in its stack's `quotas`.
 */
export interface Limit {
  readonly value: number;
  /** The lowest value known for new or old accounts, where it differs from `value`. */
  readonly low?: number;
  readonly unit: string;
  readonly kind: "hard" | "adjustable";
  /** The service and code in Service Quotas; adjustable limits only. */
  readonly quota?: { readonly service: string; readonly code: string };
  /** The AWS page or API that says so. */
  readonly source: string;
}

const GLUE_PAGE = "AWS General Reference, AWS Glue endpoints and quotas";
const SQS_PAGE = "Amazon SQS Developer Guide, Message quotas";
const SHELL_PAGE = "AWS Glue Developer Guide, Configuring job properties for Python shell jobs";

/** Every service limit by name; values in the unit given. */
export const LIMITS = {
  lambdaConcurrency: {
    value: 1_000,
    low: 10,
    unit: "concurrent executions",
    kind: "adjustable",
    quota: { service: "lambda", code: "L-B99A9384" },
    source: "AWS Lambda Developer Guide, Lambda quotas",
  },
  lambdaUnreserved: {
    value: 100,
    unit: "concurrent executions that no function may reserve",
    kind: "hard",
    source: "AWS Lambda Developer Guide, Configuring reserved concurrency",
  },
  lambdaTimeout: {
    value: 900,
    unit: "seconds",
    kind: "hard",
    source: "AWS Lambda Developer Guide, Lambda quotas",
  },
  eventSourceConcurrencyMin: {
    value: 2,
    unit: "concurrent executions",
    kind: "hard",
    source: "AWS Lambda API Reference, ScalingConfig.MaximumConcurrency",
  },
  eventSourceConcurrencyMax: {
    value: 1_000,
    unit: "concurrent executions",
    kind: "hard",
    source: "AWS Lambda API Reference, ScalingConfig.MaximumConcurrency",
  },
  glueRuns: {
    value: 2_000,
    low: 50,
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
  glueShellTimeout: { value: 2_880, unit: "minutes", kind: "hard", source: SHELL_PAGE },
  ec2Vcpus: {
    value: 5,
    unit: "vCPUs of running standard instances",
    kind: "adjustable",
    quota: { service: "ec2", code: "L-1216C47A" },
    source: "Amazon EC2 User Guide, EC2 On-Demand Instance quotas",
  },
  ec2SpotVcpus: {
    value: 5,
    unit: "vCPUs of standard Spot requests",
    kind: "adjustable",
    quota: { service: "ec2", code: "L-34B43A08" },
    source: "Amazon EC2 User Guide, Spot Instance quotas",
  },
  fargateVcpus: {
    value: 6,
    unit: "vCPUs of running tasks",
    kind: "adjustable",
    quota: { service: "fargate", code: "L-3032A538" },
    source: "Amazon ECS Developer Guide, AWS Fargate service quotas",
  },
  rdsInstances: {
    value: 40,
    unit: "DB instances",
    kind: "adjustable",
    quota: { service: "rds", code: "L-7B6409FD" },
    source: "Amazon RDS User Guide, Quotas in Amazon RDS",
  },
  openSearchDomains: {
    value: 100,
    unit: "domains",
    kind: "adjustable",
    quota: { service: "es", code: "L-076D529E" },
    source: "Amazon OpenSearch Service Developer Guide, quotas",
  },
  loadBalancers: {
    value: 50,
    unit: "Application Load Balancers",
    kind: "adjustable",
    quota: { service: "elasticloadbalancing", code: "L-53DA6B97" },
    source: "Elastic Load Balancing, Quotas for your Application Load Balancers",
  },
  sqsMessage: { value: 1_048_576, unit: "bytes, attributes included", kind: "hard", source: SQS_PAGE },
  sqsRetentionMin: { value: 60, unit: "seconds", kind: "hard", source: SQS_PAGE },
  sqsRetentionMax: { value: 1_209_600, unit: "seconds", kind: "hard", source: SQS_PAGE },
  sqsRetentionDefault: { value: 345_600, unit: "seconds", kind: "hard", source: SQS_PAGE },
  sqsVisibilityMax: { value: 43_200, unit: "seconds", kind: "hard", source: SQS_PAGE },
  sqsVisibilityDefault: { value: 30, unit: "seconds", kind: "hard", source: SQS_PAGE },
  sqsInFlight: { value: 120_000, unit: "messages", kind: "hard", source: SQS_PAGE },
  rdsConnections: {
    value: 5_000,
    unit: "connections that the default parameter group ever gives",
    kind: "hard",
    source: "Amazon RDS User Guide, Quotas in Amazon RDS, Maximum number of database connections",
  },
  rdsBytesPerConnection: {
    value: 9_531_392,
    unit: "bytes of instance memory for one connection",
    kind: "hard",
    source: "Amazon RDS User Guide, Quotas in Amazon RDS, Maximum number of database connections",
  },
  rdsBackupDays: { value: 35, unit: "days", kind: "hard", source: "Amazon RDS API Reference, BackupRetentionPeriod" },
  rdsStorageMin: { value: 20, unit: "GiB of gp3", kind: "hard", source: "Amazon RDS User Guide, DB instance storage" },
  rdsStorageMax: {
    value: 65_536,
    unit: "GiB of gp3",
    kind: "hard",
    source: "Amazon RDS User Guide, DB instance storage",
  },
  loadBalancerName: {
    value: 32,
    unit: "characters of a load balancer's or target group's name",
    kind: "hard",
    source: "Elastic Load Balancing API Reference, CreateLoadBalancer",
  },
  openSearchName: {
    value: 28,
    unit: "characters of a domain's name",
    kind: "hard",
    source: "Amazon OpenSearch Service API Reference, CreateDomain",
  },
  subnetReserved: {
    value: 5,
    unit: "addresses of each subnet that AWS keeps",
    kind: "hard",
    source: "Amazon VPC User Guide, Subnet CIDR blocks",
  },
} as const satisfies Record<string, Limit>;

const GIB = 1_073_741_824;
const instance = <Arch extends "x86_64" | "arm64">(arch: Arch, vcpus: number, gib: number) => ({
  arch,
  vcpus,
  memoryBytes: gib * GIB,
});

/** RDS instance classes for Postgres: vCPUs and memory in bytes (Amazon RDS User Guide, DB instance class hardware). */
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

/** EC2 instance types for runners: architecture, vCPUs and memory in bytes (Amazon EC2 Instance Types guide). */
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

/** The sizes of a Glue Python shell run, in DPUs, and the memory each has in bytes (the only two that AWS offers). */
export const GLUE_DPU_SIZES = [
  { dpu: 0.0625, memoryBytes: 1 * GIB },
  { dpu: 1, memoryBytes: 16 * GIB },
] as const;

export type RdsClass = keyof typeof RDS_CLASSES;
export type Ec2Type = keyof typeof EC2_TYPES;
