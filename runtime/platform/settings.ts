import { readFileSync } from "node:fs";
import Type from "typebox";
import Value from "typebox/value";
import { BOUNDS } from "../contract/bounds.ts";
import { SCOPES } from "../contract/scopes.ts";
import type { RunnerType } from "../contract/states.ts";
import { type ReaderSlots, readerSlots } from "./postgres.ts";

const count = (description: string, value: number, minimum = 1) =>
  Type.Integer({ minimum, default: value, description });

/** Maximums of a runner type. */
const RunnerSettings = Type.Object(
  {
    slots: Type.Integer({ minimum: 0, default: 1, description: "runs at once, from stacks/planning/capacity.ts" }),
    idleSeconds: Type.Number({ minimum: 0, default: 30, description: "how long a run without work stays warm" }),
    startSeconds: count("how long a run may take from launch to its first sign of life", 120),
    lifetimeSeconds: count("when a run takes no further job", 14_400),
    usdPerHour: Type.Optional(
      Type.Number({ minimum: 0, description: "list price of a run that works, from the stack's price book" }),
    ),
    limitedBy: Type.Optional(
      Type.String({ description: "what limits the slots in place of the stack's configuration, in words" }),
    ),
    limitRemedy: Type.Optional(Type.String({ description: "what to do about that limit, in words" })),
    tenantSlots: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "most jobs of one tenant at once; left out, all slots but one where several tenants are named",
      }),
    ),
  },
  { additionalProperties: false, default: {} },
);

/** Maximums per caller. Each API process counts separately. */
const LimitSettings = Type.Object(
  {
    tokenPerMinute: count("requests of one token a minute; 0: as many as they like", 12_000, 0),
    addressPerMinute: count("the same of one address without a token that is known", 3_000, 0),
    ratesPerMinute: count("requests of /rates a minute, of one token or address", 0, 0),
    connections: count("connections at once", 2_000),
    streams: count("event streams at once", 1_000),
    streamsPerToken: count("event streams of one token at once", 50),
  },
  { additionalProperties: false, default: {} },
);

/** Access that a claim of the identity provider grants. */
export const AccessRule = Type.Object(
  {
    claim: Type.String({
      minLength: 1,
      maxLength: 200,
      description: "a claim, or a path in one, as realm_access.roles",
    }),
    value: Type.String({
      minLength: 1,
      maxLength: 200,
      description: "what the claim must be, or a list must have; *: any value",
    }),
    tenant: Type.Optional(Type.String({ description: "whose jobs it gives access to" })),
    tenantClaim: Type.Optional(Type.String({ description: "the claim that has the tenant, in place of tenant" })),
    scopes: Type.Array(Type.Enum([...SCOPES]), { minItems: 1, description: "what a person may do" }),
  },
  { additionalProperties: false },
);
/** A rule that maps a claim to a tenant and scopes. */
export type AccessRule = Type.Static<typeof AccessRule>;

/** An OpenID Connect provider at which people sign in. */
export const OidcSettings = Type.Object(
  {
    issuer: Type.String({
      pattern: "^(https://|http://(127\\.0\\.0\\.1|localhost)[:/])",
      description: "its issuer URL, below which /.well-known/openid-configuration is",
    }),
    clientId: Type.String({ minLength: 1, description: "a public client: PKCE, and no secret" }),
    name: Type.String({ default: "single sign-on", description: "what the sign-in page calls it" }),
    scopes: Type.Array(Type.String(), { default: ["openid", "profile", "email"], description: "what is asked for" }),
    publicUrl: Type.Optional(
      Type.String({
        pattern: "^https?://",
        description:
          "the API's address, to which the provider leads back; left out, the loopback address it is called by",
      }),
    ),
    rules: Type.Array(AccessRule, { minItems: 1, description: "who gets access; the first rule that matches decides" }),
  },
  { additionalProperties: false },
);
/** Settings of the OpenID Connect provider. */
export type OidcSettings = Type.Static<typeof OidcSettings>;

/** Sign-in methods. */
const SignInSettings = Type.Object(
  {
    platform: Type.String({
      pattern: "^[A-Za-z0-9-]{1,64}$",
      default: "platform",
      description: "in the names of cookies, so that platforms on one host do not overwrite each other's",
    }),
    sessionMinutes: count("how long a session lasts", 720),
    linkMinutes: count("how long a link that signs in once is valid", 10),
    oidc: Type.Optional(OidcSettings),
  },
  { additionalProperties: false, default: {} },
);

/** Permissions of a sender on the request queue. */
const CallerSettings = Type.Object(
  {
    senderId: Type.String({
      pattern: "^(\\*|[\\w+=,.@-]{1,128}(:[\\w+=,.@-]{1,64})?)$",
      description:
        "unique id of an IAM user or role (of a role also with a session: AROA…:session), or * for every other sender",
    }),
    tenants: Type.Array(Type.String(), { minItems: 1, description: "tenants that it sends for; * for every tenant" }),
    scopes: Type.Array(Type.Enum(["read", "update"]), { minItems: 1, description: "tasks that it may send" }),
  },
  { additionalProperties: false },
);

/** Connection settings of OpenSearch. */
export const TrackingSettings = Type.Object(
  {
    endpoint: Type.String({ pattern: "^https?://", description: "its URL" }),
    region: Type.Optional(
      Type.String({ description: "the AWS region that requests are signed for; without it they are not signed" }),
    ),
    indexPrefix: Type.String({
      pattern: "^[a-z][a-z0-9-]*$",
      default: "rates-jobs",
      description: "indices are named <prefix>-YYYY.MM",
    }),
  },
  { additionalProperties: false, description: "where documents are tracked; without it in Postgres" },
);
/** Settings of the tracking store in OpenSearch. */
export type TrackingSettings = Type.Static<typeof TrackingSettings>;

/** Collector of spans. */
export const TracesSettings = Type.Object(
  {
    endpoint: Type.String({
      pattern: "^https?://[^@?#]+$",
      description: "its OTLP/HTTP endpoint; /v1/traces is appended",
    }),
    environment: Type.Optional(Type.String({ description: "the attribute deployment.environment.name of all spans" })),
  },
  { additionalProperties: false, description: "where traces of ended jobs are exported to; without it nowhere" },
);
/** Settings of the collector of traces. */
export type TracesSettings = Type.Static<typeof TracesSettings>;

/**
 * Settings of a component apart from the database connection: one JSON document in RATES_SETTINGS, or in the file that
 * RATES_SETTINGS_FILE names, written by infra/ in the cloud and by runtime/local locally. It contains no secret.
 */
export const Settings = Type.Object(
  {
    version: Type.String({ default: "local", description: "the version of the code, kept with each run" }),
    queues: Type.Optional(
      Type.Object(
        {
          requests: Type.String(),
          wakeups: Type.String(),
          deadLetters: Type.String(),
          responses: Type.String({ description: "the response queue of tenants without one of their own" }),
          tenants: Type.Record(Type.String(), Type.String(), {
            default: {},
            description: "tenant → its response queue",
          }),
        },
        { additionalProperties: false },
      ),
    ),
    buckets: Type.Optional(
      Type.Object({ results: Type.String(), uploads: Type.String() }, { additionalProperties: false }),
    ),
    pathStyleS3: Type.Boolean({ default: false, description: "address buckets by path, as emulators want it" }),
    runners: Type.Object({ glue: RunnerSettings, ec2: RunnerSettings }, { additionalProperties: false, default: {} }),
    glue: Type.Optional(
      Type.Object(
        {
          jobName: Type.String(),
          maxCapacity: Type.Number({ description: "DPUs of a run: 0.0625 or 1" }),
          largerCapacity: Type.Optional(
            Type.Number({ description: "DPUs of a larger run, for a read that ran out of memory; one at a time" }),
          ),
          arguments: Type.Record(Type.String(), Type.String(), {
            default: {},
            description: "pinned, so that a dispatcher starts the script it was deployed with",
          }),
        },
        { additionalProperties: false, description: "where reads run in the cloud" },
      ),
    ),
    ec2: Type.Optional(
      Type.Object(
        {
          launchTemplateId: Type.String(),
          launchTemplateVersion: Type.String({
            description: "pinned, so that a dispatcher starts the runner it was deployed with",
          }),
          subnetIds: Type.Array(Type.String(), { minItems: 1, description: "tried in turn when a zone has no room" }),
          tags: Type.Record(Type.String(), Type.String(), { default: {}, description: "of each instance" }),
        },
        { additionalProperties: false, description: "where updates run in the cloud" },
      ),
    ),
    jobs: Type.Object(
      {
        rawSql: Type.Boolean({ default: false, description: "whether a read may bring its own SQL" }),
        readsOnEc2: Type.Boolean({
          default: true,
          description: "whether a read may run on EC2 where Glue has no room for it, or too little memory",
        }),
        timeoutSeconds: count("a job's time where it names none", 900),
        maxTimeoutSeconds: count("the most a job may ask for", 14_400),
        maxWaiting: count("the most jobs of one tenant that may wait", 20_000),
        maxAttempts: Type.Integer({
          minimum: 1,
          maximum: 20,
          default: 3,
          description: "attempts before a job whose runs are lost fails",
        }),
        leaseSeconds: count("how long a silent run keeps its job", 30),
        inlineBytes: Type.Integer({
          minimum: 0,
          maximum: BOUNDS.inlineBytes,
          default: 200_000,
          description: "results up to this size, as JSON, go into the response itself",
        }),
        reportRows: count("bad rows listed in a response; the whole report lies behind a pointer", 100),
        maxBadRows: count("bad rows after which reading a batch stops; the report lists them and says so", 100_000),
        stagedBytes: count("the most a batch may take in the database before it is applied, bytes", 4_000_000_000),
        sourceBytes: count("the most a source may hold, unpacked", 20_000_000_000),
        urlHosts: Type.Array(Type.String(), {
          default: [],
          description: "hosts that url sources may name, on port 443",
        }),
        sharedUploads: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description:
            "beginnings of keys in the uploads bucket that every tenant may load, where several tenants are named",
        }),
        auditDays: count("days that the audit trail is kept", 365),
        retentionDays: count("days that ended jobs and their documents are kept", 30),
      },
      { additionalProperties: false, default: {} },
    ),
    callers: Type.Optional(
      Type.Array(CallerSettings, {
        description:
          "rules for senders on the request queue; an empty list admits no sender; left out, every sender that the queue's policy admits",
      }),
    ),
    platformSenders: Type.Array(Type.String(), {
      default: [],
      description: "unique ids of the platform's own roles, which put dead letters back on behalf of their senders",
    }),
    tracking: Type.Optional(TrackingSettings),
    traces: Type.Optional(TracesSettings),
    api: Type.Object(
      {
        poolMax: count("database connections of an API process", 8),
        ratesDays: count("the most days that one /rates may span", 3_660),
        openRates: Type.Boolean({ default: false, description: "whether /rates needs no token" }),
        statementSeconds: count("the longest that a statement of the API may take", 30),
        trustedHops: Type.Integer({
          minimum: 0,
          default: 0,
          description: "proxies in front of the API, whose X-Forwarded-For says who calls: 1 behind a load balancer",
        }),
        limits: LimitSettings,
        signIn: SignInSettings,
        resultDelivery: Type.Enum(["redirect", "stream"], {
          default: "redirect",
          description: "how a result in S3 is handed out where a request does not say: by a link, or through the API",
        }),
      },
      { additionalProperties: false, default: {} },
    ),
  },
  { additionalProperties: false },
);
export type Settings = Type.Static<typeof Settings>;

/**
 * Reads RATES_SETTINGS, or RATES_SETTINGS_FILE, fills in defaults and reports all problems at once.
 *
 * @example
 * ```ts
 * import { readSettings } from "./settings.ts";
 *
 * const { jobs } = readSettings({ RATES_SETTINGS: '{"jobs":{"timeoutSeconds":60}}' });
 * console.log(jobs.timeoutSeconds, jobs.maxAttempts); // 60 3
 * ```
 */
export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const { RATES_SETTINGS_FILE: file, RATES_SETTINGS: json = file ? readFileSync(file, "utf8") : "{}" } = env;
  const filled = Value.Default(Settings, JSON.parse(json));
  if (Value.Check(Settings, filled)) return filled;
  const problems = Value.Errors(Settings, filled).map((error) => `${error.instancePath || "/"} ${error.message}`);
  throw new Error(`RATES_SETTINGS is not valid:\n  ${problems.join("\n  ")}`);
}

/** Returns the run slots that need a login role: all if `jobs.rawSql` is allowed, otherwise none. */
export const slotsOf = ({ jobs, runners }: Pick<Settings, "jobs" | "runners">): ReaderSlots =>
  readerSlots(jobs.rawSql, { glue: runners.glue.slots, ec2: runners.ec2.slots });

/**
 * Returns the maximum number of one tenant's jobs that run at once on a runner type: the configured one, or all slots
 * but one if there are several slots and several tenants.
 *
 * @returns The maximum, or undefined if there is none.
 */
export function tenantSlots({ queues, runners }: Settings, runner: RunnerType): number | undefined {
  const { slots, tenantSlots } = runners[runner];
  if (tenantSlots !== undefined) return tenantSlots;
  return slots > 1 && Object.keys(queues?.tenants ?? {}).length > 1 ? slots - 1 : undefined;
}

/**
 * Returns true if the stack names several tenants, with queues or for callers; they are then isolated.
 */
export function hasSeveralTenants({ queues, callers = [] }: Pick<Settings, "queues" | "callers">): boolean {
  const named = new Set([...Object.keys(queues?.tenants ?? {}), ...callers.flatMap(({ tenants }) => tenants)]);
  // A sender for all tenants belongs to the operators.
  named.delete("*");
  return named.size > 1;
}

/**
 * Returns the settings of queues and buckets, which an API with only a database lacks.
 *
 * @throws Error if they are missing
 */
export function requireCloud(settings: Settings): Required<Pick<Settings, "queues" | "buckets">> {
  const { queues, buckets } = settings;
  if (!queues || !buckets) throw new Error("RATES_SETTINGS: this part needs 'queues' and 'buckets'.");
  return { queues, buckets };
}
