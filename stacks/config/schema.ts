import Type from "typebox";
import { LIMITS } from "../../infra/limits/limits.ts";
import { SCOPES } from "../../runtime/contract/scopes.ts";

/** Schema of a stack's configuration: every field with its description, default and bounds. */

const closed = { additionalProperties: false } as const;
/** A group of fields that all have defaults, so that the group itself is optional. */
const optional = { additionalProperties: false, default: {} } as const;

const whole = (description: string, minimum: number, maximum: number) =>
  Type.Integer({ minimum, maximum, description });
const wholeOr = (value: number, description: string, minimum: number, maximum: number) =>
  Type.Integer({ minimum, maximum, default: value, description });
const flag = (value: boolean, description: string) => Type.Boolean({ default: value, description });
const text = (pattern: string, description: string, value?: string) =>
  Type.String({ pattern, description, ...(value === undefined ? {} : { default: value }) });
/** Granted quota of the account; AWS's limits are in limits.ts. */
const quota = (value: number, description: string) => Type.Integer({ minimum: 0, default: value, description });

const Account = Type.Object(
  {
    id: text("^[0-9]{12}$", "the 12 digits of the AWS account, in quotes"),
    region: text("^[a-z]{2}(-[a-z]+)+-[1-9]$", "an AWS region, for example eu-central-1"),
  },
  { ...closed, description: "the one account and region that this stack may touch" },
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
  { ...closed, description: "on every resource, beside the names of project and stack" },
);

const Quotas = Type.Object(
  {
    lambdaConcurrency: quota(LIMITS.lambdaConcurrency.value, "concurrent executions of Lambda functions"),
    glueRuns: quota(LIMITS.glueRuns.value, "Glue job runs at once"),
    glueDpus: quota(LIMITS.glueDpus.value, "Glue DPUs at once"),
    ec2Vcpus: quota(LIMITS.ec2Vcpus.value, "vCPUs of standard instances, On-Demand or Spot like the runners"),
    fargateVcpus: quota(LIMITS.fargateVcpus.value, "vCPUs of Fargate tasks"),
    rdsInstances: quota(LIMITS.rdsInstances.value, "RDS instances"),
    share: Type.Number({
      minimum: 0.01,
      maximum: 1,
      default: 1,
      description: "this stack's part of all of them, so that several stacks fit one account",
    }),
  },
  { ...optional, description: "quotas of the account, as Service Quotas shows them" },
);

const Network = Type.Object(
  {
    cidr: Type.String({ default: "10.0.0.0/16", description: "addresses of the VPC, between /16 and /28" }),
    zones: Type.Array(text("^[a-z0-9-]+[a-z]$", "the name of an availability zone, as eu-central-1a"), {
      minItems: 2,
      maxItems: 6,
      description: "the zones with subnets; ALB and RDS want two even where the rest needs one",
    }),
    nat: Type.Enum(["none", "single", "perZone"], {
      default: "single",
      description: "NAT gateways: none, one for all zones, or one in each",
    }),
  },
  closed,
);

const Database = Type.Object(
  {
    instanceClass: Type.String({ description: "an RDS instance class of RDS_CLASSES in infra/limits/limits.ts" }),
    storageGb: whole(
      "GiB of gp3 storage; three times the largest batch should be free",
      LIMITS.rdsStorageMin.value,
      LIMITS.rdsStorageMax.value,
    ),
    multiAz: flag(false, "a standby in a second zone"),
    deletionProtection: flag(true, "protects the database and the load balancer against deletion"),
    backupDays: wholeOr(7, "days that automatic backups are kept", 1, LIMITS.rdsBackupDays.value),
    maxConnections: Type.Optional(
      whole(
        "max_connections in the parameter group, instead of the formula of the instance class",
        50,
        LIMITS.rdsConnections.value,
      ),
    ),
  },
  closed,
);

const PostgresTracking = Type.Object({ store: Type.Literal("postgres") }, closed);
const OpenSearchTracking = Type.Object(
  {
    store: Type.Literal("opensearch"),
    instanceType: text(
      "^[a-z0-9]+\\.[a-z0-9]+\\.search$",
      "an OpenSearch instance type, for example m7g.medium.search",
    ),
    instanceCount: whole("data nodes, a multiple of zoneCount", 1, 80),
    zoneCount: whole("zones that the data nodes are spread over; 1 is not zone-aware", 1, 3),
    storageGb: whole("GiB of gp3 storage of each data node", 10, 1_024),
  },
  closed,
);
/** Store of the tracking documents. */
export const TRACKING_STORES = { postgres: PostgresTracking, opensearch: OpenSearchTracking } as const;

/** Maps claims of the identity provider to access. */
const AccessRule = Type.Object(
  {
    claim: text("^.{1,200}$", "a claim of the provider, or a path in one, for example realm_access.roles"),
    value: text("^.{1,200}$", "required value of the claim, or of an element of a list; *: any value"),
    tenant: Type.Optional(text("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "tenant whose jobs it gives access to")),
    tenantClaim: Type.Optional(text("^.{1,200}$", "claim with the name of the tenant, instead of tenant")),
    scopes: Type.Array(Type.Enum([...SCOPES]), { minItems: 1, uniqueItems: true, description: "scopes of the person" }),
  },
  closed,
);

const Oidc = Type.Object(
  {
    issuer: text(
      "^https://[a-z0-9.-]+(:443)?(/[!-~]*)?$",
      "the issuer's URL, below which /.well-known/openid-configuration is; port 443",
    ),
    clientId: text("^[!-~]{1,200}$", "a public client (PKCE, no secret) that may lead back to /login/callback"),
    name: text("^.{1,60}$", "name on the sign-in page", "single sign-on"),
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
      description: "rules for access; the first matching rule decides",
    }),
  },
  { ...closed, description: "OpenID Connect provider for sign-in; without it people sign in with tokens and links" },
);

const Api = Type.Object(
  {
    public: flag(false, "gives the load balancer public addresses"),
    allowedCidrs: Type.Array(Type.String({ description: "an IPv4 network, for example 192.168.0.0/16" }), {
      default: [],
      uniqueItems: true,
      maxItems: LIMITS.groupNetworks.value,
      description:
        "networks beside the VPC that may reach the load balancer; 0.0.0.0/0, which is everybody, only where it is public",
    }),
    certificateArn: Type.Optional(
      text("^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$", "the ARN of an ACM certificate"),
    ),
    domainName: Type.Optional(
      text("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", "the host name that the certificate is for"),
    ),
    hostedZoneId: Type.Optional(
      text("^Z[A-Z0-9]{5,31}$", "the Route 53 zone that gets a record of domainName; without it none is created"),
    ),
    minTasks: wholeOr(1, "API tasks at least", 1, 1_000),
    maxTasks: wholeOr(2, "API tasks at most", 1, 1_000),
    taskVcpus: Type.Enum([0.25, 0.5, 1, 2, 4], { default: 0.5, description: "vCPUs of an API task" }),
    poolMax: wholeOr(8, "database connections of an API task", 1, 100),
    openRates: flag(false, "serves /rates without a token"),
    ratesDays: wholeOr(3_660, "maximum days of one /rates request", 1, 36_600),
    resultDelivery: Type.Enum(["redirect", "stream"], {
      default: "redirect",
      description: "how a result in S3 is handed out where a request does not say: by a link, or through the API",
    }),
    signIn: Type.Object(
      {
        sessionMinutes: wholeOr(720, "minutes that a session of the dashboard or of `rates login` lasts", 5, 10_080),
        linkMinutes: wholeOr(10, "minutes that a sign-in link is valid", 1, 60),
        oidc: Type.Optional(Oidc),
      },
      { ...optional, description: "how people sign in" },
    ),
    limits: Type.Object(
      {
        tokenPerMinute: wholeOr(
          12_000,
          "requests of one token a minute that an API task takes; 0: any number",
          0,
          1_000_000,
        ),
        addressPerMinute: wholeOr(3_000, "the same of one address without a token that is known", 0, 1_000_000),
        ratesPerMinute: wholeOr(12_000, "requests of /rates a minute, of one token or address", 0, 1_000_000),
        connections: wholeOr(2_000, "connections of an API task at once", 10, 100_000),
        streams: wholeOr(1_000, "event streams of an API task at once", 1, 50_000),
        streamsPerToken: wholeOr(50, "event streams of one token at once", 1, 10_000),
      },
      optional,
    ),
  },
  optional,
);

/** Key that keeps one tenant from holding all slots of a runner type. */
const TenantSlots = Type.Optional(
  whole("maximum jobs of one tenant at once; default: all slots but one if several tenants are named", 1, 10_000),
);

const Runners = Type.Object(
  {
    glue: Type.Object(
      {
        maxRuns: Type.Optional(whole("maximum runs at once; default: as many as quotas and database allow", 1, 10_000)),
        dpu: Type.Enum([0.0625, 1], { default: 0.0625, description: "DPUs of a run (1 GiB or 16 GiB of memory)" }),
        idleSeconds: wholeOr(30, "seconds that a run waits for its next job", 0, 900),
        tenantSlots: TenantSlots,
        timeoutMinutes: wholeOr(300, "minutes after which Glue ends a run", 1, LIMITS.glueShellTimeout.value),
      },
      { ...optional, description: "where reads run" },
    ),
    ec2: Type.Object(
      {
        maxInstances: Type.Optional(
          whole("maximum instances at once; default: as many as quotas and database allow", 1, 10_000),
        ),
        instanceType: Type.String({ description: "an EC2 instance type of EC2_TYPES in infra/limits/limits.ts" }),
        machineImage: text(
          "^[A-Za-z0-9_.-]+$",
          "the version of AWS's ECS-optimised Amazon Linux 2023 image; recommended is the newest at each deployment",
          "recommended",
        ),
        spot: flag(false, "uses Spot instances"),
        idleSeconds: wholeOr(60, "seconds that an instance waits for its next job", 0, 3_600),
        tenantSlots: TenantSlots,
        lifetimeSeconds: wholeOr(14_400, "seconds after which an instance claims no further job", 300, 86_400),
      },
      { ...closed, description: "where updates run" },
    ),
  },
  closed,
);

const Jobs = Type.Object(
  {
    rawSql: flag(false, "allows reads with SQL of their own"),
    inlineBytes: wholeOr(200_000, "results up to this size, as JSON, go into the response itself", 0, 900_000),
    readsOnEc2: flag(true, "allows reads on EC2 when Glue has no free slot or too little memory"),
    timeoutSeconds: wholeOr(900, "default time limit of a job in seconds", 1, 86_400),
    maxTimeoutSeconds: wholeOr(14_400, "maximum time limit of a job in seconds", 1, 86_400),
    leaseSeconds: wholeOr(30, "seconds without a heartbeat after which a run loses its job", 5, 900),
    maxWaiting: wholeOr(
      20_000,
      "maximum waiting jobs of a tenant; further requests stay in the queue, or receive 429",
      1,
      1_000_000,
    ),
    maxAttempts: wholeOr(3, "maximum attempts of a job whose runs are lost", 1, 20),
    reportRows: wholeOr(
      100,
      "bad rows listed in a response; the response has the location of the whole report",
      1,
      1_000,
    ),
    maxBadRows: wholeOr(
      100_000,
      "bad rows after which reading a batch stops; the report lists them and says so",
      1,
      1_000_000,
    ),
    stagedBytes: wholeOr(
      4_000_000_000,
      "maximum bytes of a batch in the database before it is applied",
      1_000_000,
      1_000_000_000_000,
    ),
    urlHosts: Type.Array(text("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", "a host name"), {
      default: [],
      description: "hosts that url sources may name; they need NAT",
    }),
    sharedUploads: Type.Array(text("^[A-Za-z0-9._/-]{1,200}$", "1 to 200 letters, digits and . _ / -"), {
      default: [],
      maxItems: 100,
      uniqueItems: true,
      description: "beginnings of keys in the uploads bucket that each of several tenants may load",
    }),
  },
  optional,
);

const Caller = Type.Object(
  {
    principal: text("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/.+)$", "the ARN of a role, user or account"),
    tenants: Type.Array(
      Type.String({
        pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description: "letters, digits and . _ - only, first a letter or digit, at most 64",
      }),
      {
        default: ["default"],
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
        description:
          "tenants whose requests it sends and whose responses it receives; tenants without a queue share one",
      },
    ),
    scopes: Type.Array(Type.Enum(["read", "update"]), {
      default: ["read"],
      minItems: 1,
      uniqueItems: true,
      description: "tasks that it may send",
    }),
    senderIds: Type.Optional(
      Type.Array(text("^A(RO|ID)A[A-Z0-9]{12,124}$", "the unique id of a role (AROA…) or user (AIDA…)"), {
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
        description: "its ids in SenderId; needed where principal is an account, or in another account",
      }),
    ),
  },
  {
    ...closed,
    description: "principals besides the stack's own roles that may send requests and sources and receive responses",
  },
);

const Data = Type.Object(
  {
    retentionDays: wholeOr(30, "days that results, uploads, logs and ended jobs are kept", 1, 3_650),
    auditDays: wholeOr(365, "days that the audit trail (who did what) is kept", 1, 3_650),
    keep: flag(true, "keeps buckets and a final snapshot when the stack is destroyed"),
  },
  optional,
);

const Traces = Type.Object(
  {
    endpoint: text(
      "^https://[a-z0-9.-]+(:443)?(/[!-~]*)?$",
      "an OTLP/HTTP collector; /v1/traces is appended; port 443, and it needs NAT",
    ),
  },
  closed,
);

const Budget = Type.Object(
  {
    monthlyUsd: Type.Number({ minimum: 1, description: "US dollars a month" }),
    email: text("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", "the address that alarms and the budget write to"),
  },
  closed,
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
      text("^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$", "letters, digits and _ - only, first a letter or digit, at most 40"),
      { default: [], uniqueItems: true, description: "tenants with a response queue of their own" },
    ),
    callers: Type.Array(Caller, { default: [] }),
    traces: Type.Optional(Traces),
    data: Data,
    budget: Budget,
    arch: Type.Enum(["x86_64", "arm64"], {
      default: "arm64",
      description: "processors of images, tasks and instances",
    }),
  },
  closed,
);
export type StackConfig = Type.Static<typeof StackConfig>;
