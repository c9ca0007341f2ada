import Type from "typebox";
import { LIMITS } from "../../infra/limits/limits.ts";
import { BOUNDS } from "../../runtime/contract/bounds.ts";
import { SCOPES } from "../../runtime/contract/scopes.ts";

/** Schema of a stack's configuration: every field with its description, default and bounds. */

const noOtherProperties = { additionalProperties: false } as const;
/** A group without required fields, so that the group itself is optional. */
const optional = { additionalProperties: false, default: {} } as const;

const integer = (description: string, minimum: number, maximum: number) =>
  Type.Integer({ minimum, maximum, description });
const integerWithDefault = (value: number, description: string, minimum: number, maximum: number) =>
  Type.Integer({ minimum, maximum, default: value, description });
const booleanWithDefault = (value: boolean, description: string) => Type.Boolean({ default: value, description });
const text = (pattern: string, description: string, value?: string) =>
  Type.String({ pattern, description, ...(value === undefined ? {} : { default: value }) });
/** Quota that the account was granted; the default is AWS's (limits.ts). */
const quota = (value: number, description: string) => Type.Integer({ minimum: 0, default: value, description });

const Account = Type.Object(
  {
    id: text("^[0-9]{12}$", "the 12-digit id of the AWS account, in quotes"),
    region: text("^[a-z]{2,4}(-[a-z]+)+-[1-9]$", "an AWS region, for example eu-central-1"),
  },
  { ...noOtherProperties, description: "account and region of the stack, which changes nothing in others" },
);

/** Tag value that every service accepts (Amazon RDS API Reference, Tag; AWS IAM API Reference, Tag). */
const tagValue = (description: string) =>
  text(
    "^(?!aws:|rds:)[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,256}$",
    `${description}, 1 to 256 letters, digits, spaces and _ . : / = + @ -, not beginning with aws: or rds:`,
  );

const Tags = Type.Object(
  {
    owner: tagValue("team or person responsible for the stack"),
    costCentre: tagValue("cost centre that pays for the stack"),
  },
  { ...noOtherProperties, description: "tags of every resource, in addition to the names of project and stack" },
);

const Quotas = Type.Object(
  {
    lambdaConcurrency: quota(LIMITS.lambdaConcurrency.value, "concurrent executions of Lambda functions"),
    glueRuns: quota(LIMITS.glueRuns.value, "concurrent Glue job runs"),
    glueDpus: quota(LIMITS.glueDpus.value, "Glue DPUs in use at once"),
    ec2Vcpus: quota(
      LIMITS.ec2Vcpus.value,
      "vCPUs of running standard instances: the On-Demand quota, or the Spot quota if runners.ec2.spot is true; with onDemandFallback the lower of the two",
    ),
    fargateVcpus: quota(LIMITS.fargateVcpus.value, "vCPUs of Fargate tasks"),
    rdsInstances: quota(LIMITS.rdsInstances.value, "RDS instances"),
    share: Type.Number({
      minimum: 0.01,
      maximum: 1,
      default: 1,
      description:
        "share of the quotas, except rdsInstances, that this stack may use, so that several stacks fit into one account",
    }),
  },
  { ...optional, description: "quotas of the account, with the values that Service Quotas shows" },
);

const Network = Type.Object(
  {
    cidr: Type.String({
      default: "10.0.0.0/16",
      description:
        "IPv4 network of the VPC, /16 or smaller, with space for two /28 subnets per zone, for example 10.0.0.0/16",
    }),
    zones: Type.Array(text("^[a-z0-9-]+[a-z]$", "the name of an availability zone, for example eu-central-1a"), {
      minItems: 2,
      maxItems: 6,
      description: "availability zones with subnets; the load balancer and RDS require at least two",
    }),
    nat: Type.Enum(["none", "single", "perZone"], {
      default: "single",
      description: "number of NAT gateways: none, a single one for all zones, or one per zone",
    }),
  },
  noOtherProperties,
);

const Database = Type.Object(
  {
    instanceClass: Type.String({ description: "RDS instance class, one of RDS_CLASSES in infra/limits/limits.ts" }),
    storageGb: integer(
      "GiB of gp3 storage; three times the largest batch should be free",
      LIMITS.rdsStorageMin.value,
      LIMITS.rdsStorageMax.value,
    ),
    multiAz: booleanWithDefault(false, "runs a standby in a second zone"),
    deletionProtection: booleanWithDefault(true, "protects the database and the load balancer against deletion"),
    backupDays: integerWithDefault(7, "days for which automatic backups are kept", 1, LIMITS.rdsBackupDays.value),
    maxConnections: Type.Optional(
      integer(
        "max_connections instead of RDS's value for the class; a change of a deployed stack takes effect at the instance's next restart",
        50,
        LIMITS.rdsConnections.value,
      ),
    ),
  },
  noOtherProperties,
);

/** Maximum number of data nodes. */
export const MAX_DATA_NODES = 80;

const PostgresTracking = Type.Object({ store: Type.Literal("postgres") }, noOtherProperties);
const OpenSearchTracking = Type.Object(
  {
    store: Type.Literal("opensearch"),
    instanceType: text(
      "^[a-z0-9]+\\.[a-z0-9]+\\.search$",
      "an OpenSearch instance type, for example m7g.medium.search",
    ),
    instanceCount: integer("number of data nodes, a multiple of zoneCount", 1, MAX_DATA_NODES),
    zoneCount: integer("number of zones over which the data nodes are spread; 1 turns zone awareness off", 1, 3),
    storageGb: integer("GiB of gp3 storage per data node", 10, 1_024),
  },
  noOtherProperties,
);
/** Schemas of the field `tracking`, by tracking store. */
export const TRACKING_STORES = { postgres: PostgresTracking, opensearch: OpenSearchTracking } as const;

/** Maps claims of the identity provider to access. */
const AccessRule = Type.Object(
  {
    claim: text("^.{1,200}$", "a claim of the ID token, or the path of a nested claim, for example realm_access.roles"),
    value: text(
      "^.{1,200}$",
      "required value of the claim, or of one element if the claim is a list; * accepts any value",
    ),
    tenant: Type.Optional(text("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "the tenant whose jobs the person may access")),
    tenantClaim: Type.Optional(text("^.{1,200}$", "the claim that contains the name of the tenant, instead of tenant")),
    scopes: Type.Array(Type.Enum([...SCOPES]), {
      minItems: 1,
      uniqueItems: true,
      description: "scopes that the person gets",
    }),
  },
  noOtherProperties,
);

const Oidc = Type.Object(
  {
    issuer: text(
      "^https://[a-z0-9.-]+(:443)?(/[!-~]*)?$",
      "URL of the issuer, on port 443; its configuration must be at /.well-known/openid-configuration below it",
    ),
    clientId: text(
      "^[!-~]{1,200}$",
      "client id of a public client (PKCE, no secret) at the provider, whose redirect URI is https://<api.domainName>/login/callback",
    ),
    name: text("^.{1,60}$", "the name of the provider on the sign-in page", "single sign-on"),
    scopes: Type.Array(text("^[!-~]{1,100}$", "an OAuth scope"), {
      default: ["openid", "profile", "email"],
      minItems: 1,
      maxItems: 20,
      uniqueItems: true,
      description: "requested scopes, including openid",
    }),
    rules: Type.Array(AccessRule, {
      minItems: 1,
      maxItems: 100,
      description: "rules that map claims to a tenant and scopes; the first matching rule applies",
    }),
  },
  {
    ...noOtherProperties,
    description: "OpenID Connect provider for sign-in; if missing, people sign in with tokens and links",
  },
);

const Api = Type.Object(
  {
    public: booleanWithDefault(false, "gives the load balancer public addresses"),
    allowedCidrs: Type.Array(Type.String({ description: "IPv4 network, for example 192.168.0.0/16" }), {
      default: [],
      uniqueItems: true,
      maxItems: LIMITS.allowedNetworks.value,
      description:
        "networks outside the VPC that may reach the load balancer; 0.0.0.0/0 (everyone) only if api.public is true",
    }),
    certificateArn: Type.Optional(
      text("^arn:aws:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$", "the ARN of an ACM certificate"),
    ),
    domainName: Type.Optional(text("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", "a host name in the certificate")),
    hostedZoneId: Type.Optional(
      text(
        "^Z[A-Z0-9]{5,31}$",
        "id of the Route 53 zone in which a record of domainName is created; if missing, create the record yourself",
      ),
    ),
    minTasks: integerWithDefault(1, "minimum number of API tasks", 1, 1_000),
    maxTasks: integerWithDefault(2, "maximum number of API tasks", 1, 1_000),
    taskVcpus: Type.Enum([0.25, 0.5, 1, 2, 4], { default: 0.5, description: "vCPUs per API task" }),
    poolMax: integerWithDefault(
      8,
      "database connections in the pool of an API task; the task opens one more, which plans reads",
      1,
      100,
    ),
    openRates: booleanWithDefault(false, "serves /rates without a token"),
    ratesDays: integerWithDefault(3_660, "maximum days of one /rates request", 1, 36_600),
    resultDelivery: Type.Enum(["redirect", "stream"], {
      default: "redirect",
      description:
        "default delivery of results in S3, for requests that name none: redirect to a presigned link, or stream through the API",
    }),
    signIn: Type.Object(
      {
        sessionMinutes: integerWithDefault(
          720,
          "minutes until a session of the dashboard or of `rates login` expires",
          5,
          10_080,
        ),
        linkMinutes: integerWithDefault(10, "minutes for which a sign-in link is valid", 1, 60),
        oidc: Type.Optional(Oidc),
      },
      { ...optional, description: "how people sign in" },
    ),
    limits: Type.Object(
      {
        tokenPerMinute: integerWithDefault(
          12_000,
          "maximum requests per token, minute and API task; 0 for no limit",
          0,
          1_000_000,
        ),
        addressPerMinute: integerWithDefault(
          3_000,
          "maximum requests without a valid token, per client address, minute and API task; 0 for no limit",
          0,
          1_000_000,
        ),
        ratesPerMinute: integerWithDefault(
          12_000,
          "maximum requests of /rates per minute and API task, for each token or address; with 0, only the limit of the token applies",
          0,
          1_000_000,
        ),
        connections: integerWithDefault(2_000, "maximum open connections per API task", 10, 100_000),
        streams: integerWithDefault(1_000, "maximum open event streams per API task", 1, 50_000),
        streamsPerToken: integerWithDefault(50, "maximum open event streams per token and API task", 1, 10_000),
      },
      optional,
    ),
  },
  optional,
);

/** Key that limits how many slots of a runner type one tenant can use. */
const TenantSlots = Type.Optional(
  integer(
    "maximum running jobs per tenant; by default all slots, or all but one if several tenants have a response queue",
    1,
    10_000,
  ),
);

const Runners = Type.Object(
  {
    glue: Type.Object(
      {
        maxRuns: Type.Optional(
          integer("maximum concurrent runs; by default as many as the quotas and the database allow", 1, 10_000),
        ),
        dpu: Type.Enum([0.0625, 1], {
          default: 0.0625,
          description: "DPUs per run (0.0625 has 1 GiB of memory, 1 has 16 GiB)",
        }),
        idleSeconds: integerWithDefault(30, "seconds that a run waits for its next job", 0, 900),
        tenantSlots: TenantSlots,
        timeoutMinutes: integerWithDefault(
          300,
          "minutes after which Glue ends a run",
          1,
          LIMITS.glueDefaultTimeout.value,
        ),
      },
      { ...optional, description: "Glue runs, which execute reads" },
    ),
    ec2: Type.Object(
      {
        maxInstances: Type.Optional(
          integer("maximum concurrent instances; by default as many as the quotas and the database allow", 1, 10_000),
        ),
        instanceType: Type.String({ description: "EC2 instance type, one of EC2_TYPES in infra/limits/limits.ts" }),
        machineImage: text(
          "^[A-Za-z0-9_.-]+$",
          "version of the ECS-optimized Amazon Linux 2023 image; `recommended` uses the newest one at each deployment",
          "recommended",
        ),
        spot: booleanWithDefault(false, "uses Spot Instances"),
        onDemandFallback: booleanWithDefault(true, "starts On-Demand Instances when no zone has Spot capacity"),
        idleSeconds: integerWithDefault(60, "seconds that an instance waits for its next job", 0, 3_600),
        tenantSlots: TenantSlots,
        lifetimeSeconds: integerWithDefault(
          14_400,
          "seconds after which an instance claims no further job",
          300,
          86_400,
        ),
      },
      { ...noOtherProperties, description: "EC2 runs, which execute updates, and reads if jobs.readsOnEc2 is true" },
    ),
  },
  noOtherProperties,
);

const Jobs = Type.Object(
  {
    rawSql: booleanWithDefault(false, "allows reads with raw SQL, in addition to named queries"),
    inlineBytes: integerWithDefault(
      200_000,
      "maximum bytes of a result, as JSON, that is sent inside the response; a larger one is stored in S3",
      0,
      BOUNDS.inlineBytes,
    ),
    readsOnEc2: booleanWithDefault(true, "allows reads to run on EC2 when Glue has no free slot or too little memory"),
    timeoutSeconds: integerWithDefault(900, "default time limit of a job in seconds", 1, 86_400),
    maxTimeoutSeconds: integerWithDefault(14_400, "maximum time limit of a job in seconds", 1, 86_400),
    leaseSeconds: integerWithDefault(30, "seconds without a heartbeat after which a run loses its job", 5, 900),
    maxWaiting: integerWithDefault(
      20_000,
      "maximum waiting jobs per tenant; further requests stay in the queue, or receive 429 over HTTP",
      1,
      1_000_000,
    ),
    maxAttempts: integerWithDefault(
      3,
      "maximum attempts of a job whose runs are lost or end with a retryable error",
      1,
      20,
    ),
    reportRows: integerWithDefault(
      BOUNDS.details,
      "maximum problems listed in the error of a batch; if it does not list all, the full report is stored in S3",
      1,
      BOUNDS.details,
    ),
    maxBadRows: integerWithDefault(
      100_000,
      "maximum bad rows that the report of a batch lists; reading of the source stops if more are found before its end",
      1,
      1_000_000,
    ),
    stagedBytes: integerWithDefault(
      4_000_000_000,
      "maximum bytes of a batch in the database before it is applied",
      1_000_000,
      1_000_000_000_000,
    ),
    urlHosts: Type.Array(text("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", "a host name"), {
      default: [],
      description: "hosts that url sources may name; requires NAT",
    }),
    sharedUploads: Type.Array(text("^[A-Za-z0-9._/-]{1,200}$", "1 to 200 letters, digits and . _ / -"), {
      default: [],
      maxItems: 100,
      uniqueItems: true,
      description:
        "key prefixes in the uploads bucket that every tenant may load from, if the stack names several tenants",
    }),
  },
  optional,
);

const Caller = Type.Object(
  {
    principal: text("^arn:aws:iam::[0-9]{12}:(root|(role|user)/.+)$", "the ARN of a role, user or account"),
    tenants: Type.Array(
      Type.String({
        pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description: "letters, digits and . _ - only, starting with a letter or digit, at most 64 characters",
      }),
      {
        default: ["default"],
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
        description:
          "tenants for which the caller sends requests and receives responses; tenants without their own queue share one",
      },
    ),
    scopes: Type.Array(Type.Enum(["read", "update"]), {
      default: ["read"],
      minItems: 1,
      uniqueItems: true,
      description: "tasks that the caller may request",
    }),
    senderIds: Type.Optional(
      Type.Array(text("^A(RO|ID)A[A-Z0-9]{12,124}$", "the unique id of a role (AROA…) or user (AIDA…)"), {
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
        description:
          "unique ids of the senders, as SQS records them in SenderId; required if the principal is an account, or belongs to another account",
      }),
    ),
  },
  {
    ...noOtherProperties,
    description:
      "principals that may send requests, upload sources and receive responses, in addition to the stack's own roles",
  },
);

const Data = Type.Object(
  {
    retentionDays: integerWithDefault(
      30,
      "days for which results, uploads, logs and ended jobs are kept; S3 keeps noncurrent versions of uploads for as many further days",
      1,
      3_650,
    ),
    auditDays: integerWithDefault(365, "days for which the audit trail (who did what) is kept", 1, 3_650),
    keep: booleanWithDefault(
      true,
      "when the stack is destroyed, keeps the buckets, the image repository, OpenSearch's log group, a final snapshot and automated backups",
    ),
  },
  optional,
);

const Traces = Type.Object(
  {
    endpoint: text(
      "^https://[a-z0-9.-]+(:443)?(/[!-~]*)?$",
      "URL of an OTLP/HTTP collector on port 443, to which /v1/traces is appended; requires NAT",
    ),
    headersSecret: Type.Optional(
      text(
        "^arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:rates/[A-Za-z0-9/_+=.@-]{1,200}-[A-Za-z0-9]{6}$",
        "ARN of a secret with headers for the collector, for example its key; the secret's name begins with rates/",
      ),
    ),
  },
  noOtherProperties,
);

const Budget = Type.Object(
  {
    monthlyUsd: Type.Number({ minimum: 1, description: "US dollars per month" }),
    email: text("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", "an email address that receives alarms and budget notifications"),
  },
  noOtherProperties,
);

/**
 * Schema of a stack: Pulumi.<stack>.yaml without the project's prefix. Parse it with parseStackConfig (parse.ts), which
 * also checks across fields; stacks/planning derives the capacity.
 */
export const StackConfig = Type.Object(
  {
    account: Account,
    tags: Tags,
    quotas: Quotas,
    network: Network,
    database: Database,
    tracking: Type.Union([PostgresTracking, OpenSearchTracking], { default: { store: "postgres" } }),
    api: Api,
    runners: Runners,
    jobs: Jobs,
    tenants: Type.Array(
      text(
        "^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$",
        "letters, digits and _ - only, starting with a letter or digit, at most 40 characters",
      ),
      { default: [], uniqueItems: true, description: "tenants with their own response queue" },
    ),
    callers: Type.Array(Caller, { default: [] }),
    traces: Type.Optional(Traces),
    data: Data,
    budget: Budget,
    arch: Type.Enum(["x86_64", "arm64"], {
      default: "arm64",
      description: "processor architecture of images, tasks and instances",
    }),
  },
  noOtherProperties,
);
export type StackConfig = Type.Static<typeof StackConfig>;
