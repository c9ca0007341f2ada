import { readFileSync } from "node:fs";
import type { Static } from "typebox";
import { BOUNDS } from "../contract/bounds.ts";
import { problemsOf, withDefaults } from "../contract/problems.ts";
import { SchemaBuilder as Type } from "../contract/schemaBuilder.ts";
import { SCOPES } from "../contract/scopes.ts";
import type { RunnerType } from "../contract/states.ts";
import { type ReaderSlots, readerSlots } from "./postgres.ts";

const countSetting = (description: string, defaultValue: number, minimum = 1) =>
  Type.Integer({ minimum, default: defaultValue, description });

/** Settings of a runner type. */
const RunnerSettings = Type.Object(
  {
    slots: Type.Integer({
      minimum: 0,
      default: 1,
      description: "maximum concurrent runs, from stacks/planning/capacity.ts",
    }),
    idleSeconds: Type.Number({
      minimum: 0,
      default: 30,
      description: "seconds for which an idle run waits for its next job",
    }),
    startSeconds: countSetting("maximum seconds from the launch of a run to its first report", 120),
    lifetimeSeconds: countSetting("seconds after which a run claims no further job", 14_400),
    usdPerHour: Type.Optional(
      Type.Number({
        minimum: 0,
        description: "list price of a running run, US dollars per hour, from infra/limits/prices.ts",
      }),
    ),
    limitedBy: Type.Optional(
      Type.String({ description: "reason for the number of slots (text), if not the stack's configuration" }),
    ),
    limitRemedy: Type.Optional(Type.String({ description: "remedy for that limit (text)" })),
    tenantSlots: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "maximum running jobs per tenant; by default all slots, or all but one if several tenants have a response queue",
      }),
    ),
  },
  { additionalProperties: false, default: {} },
);

/** Limits of requests, connections and event streams. Each API process counts separately. */
const LimitSettings = Type.Object(
  {
    tokenPerMinute: countSetting("maximum requests per token and minute; 0 for no limit", 12_000, 0),
    addressPerMinute: countSetting(
      "maximum requests without a valid token, per client address and minute; 0 for no limit",
      3_000,
      0,
    ),
    ratesPerMinute: countSetting(
      "maximum requests of /rates per minute, for each token or address; with 0, only the limit of the token applies",
      0,
      0,
    ),
    connections: countSetting("maximum open connections", 2_000),
    streams: countSetting("maximum open event streams", 1_000),
    streamsPerToken: countSetting("maximum open event streams per token", 50),
  },
  { additionalProperties: false, default: {} },
);

/** Access that a claim of the identity provider grants. */
export const AccessRule = Type.Object(
  {
    claim: Type.String({
      minLength: 1,
      maxLength: 200,
      description: "claim of the ID token, or the path of a nested claim, for example realm_access.roles",
    }),
    value: Type.String({
      minLength: 1,
      maxLength: 200,
      description: "required value of the claim, or of one element if the claim is a list; * accepts any value",
    }),
    tenant: Type.Optional(Type.String({ description: "tenant whose jobs the person may access" })),
    tenantClaim: Type.Optional(
      Type.String({ description: "claim that contains the name of the tenant, instead of tenant" }),
    ),
    scopes: Type.Array(Type.Enum([...SCOPES]), { minItems: 1, description: "scopes that the person gets" }),
  },
  { additionalProperties: false },
);
/** A rule that maps a claim to a tenant and scopes. */
export type AccessRule = Static<typeof AccessRule>;

/** An OpenID Connect provider with which people sign in. */
export const OidcSettings = Type.Object(
  {
    issuer: Type.String({
      pattern: "^(https://|http://(127\\.0\\.0\\.1|localhost)[:/])",
      description: "URL of the issuer; its configuration is at /.well-known/openid-configuration below it",
    }),
    clientId: Type.String({ minLength: 1, description: "client id of a public client (PKCE, no secret)" }),
    name: Type.String({ default: "single sign-on", description: "name of the provider on the sign-in page" }),
    scopes: Type.Array(Type.String(), { default: ["openid", "profile", "email"], description: "requested scopes" }),
    publicUrl: Type.Optional(
      Type.String({
        pattern: "^https?://",
        description:
          "URL of the API, to which the provider redirects browsers; by default the loopback address of the request",
      }),
    ),
    rules: Type.Array(AccessRule, {
      minItems: 1,
      description: "rules that map claims to a tenant and scopes; the first matching rule applies",
    }),
  },
  { additionalProperties: false },
);
/** Settings of the OpenID Connect provider. */
export type OidcSettings = Static<typeof OidcSettings>;

/** Sign-in methods. */
const SignInSettings = Type.Object(
  {
    platform: Type.String({
      pattern: "^[A-Za-z0-9-]{1,64}$",
      default: "platform",
      description: "part of cookie names, so that platforms on one host do not overwrite each other's cookies",
    }),
    sessionMinutes: countSetting("minutes until a session expires", 720),
    linkMinutes: countSetting("minutes for which a sign-in link is valid", 10),
    oidc: Type.Optional(OidcSettings),
  },
  { additionalProperties: false, default: {} },
);

/** Permissions of a sender on the request queue. */
const CallerSettings = Type.Object(
  {
    senderId: Type.String({
      pattern: "^(\\*|[\\w+=,.@-]{1,128}(:[\\w+=,.@-]{1,64})?)$",
      description: "unique id of an IAM user or role (a role also as AROA…:session), or * for all other senders",
    }),
    tenants: Type.Array(Type.String(), {
      minItems: 1,
      description: "tenants for which it may send; * for every tenant",
    }),
    scopes: Type.Array(Type.Enum(["read", "update"]), { minItems: 1, description: "tasks that it may request" }),
  },
  { additionalProperties: false },
);

/** Connection settings of OpenSearch. */
export const TrackingSettings = Type.Object(
  {
    endpoint: Type.String({ pattern: "^https?://", description: "URL of OpenSearch" }),
    region: Type.Optional(
      Type.String({ description: "AWS region for signing requests; if missing, requests are not signed" }),
    ),
    indexPrefix: Type.String({
      pattern: "^[a-z][a-z0-9-]*$",
      default: "rates-jobs",
      description: "prefix of index names: <prefix>-YYYY.MM",
    }),
  },
  {
    additionalProperties: false,
    description: "OpenSearch store of the tracking documents; by default they are in Postgres",
  },
);
/** Settings of the tracking store in OpenSearch. */
export type TrackingSettings = Static<typeof TrackingSettings>;

/** Collector of spans. */
export const TracesSettings = Type.Object(
  {
    endpoint: Type.String({
      pattern: "^https?://[^@?#]+$",
      description: "OTLP/HTTP endpoint of the collector; /v1/traces is appended",
    }),
    headersSecret: Type.Optional(
      Type.String({
        pattern: "^arn:aws:secretsmanager:",
        description: "ARN of the secret with the headers of exports, for example the collector's key",
      }),
    ),
    environment: Type.Optional(
      Type.String({ description: "value of the attribute deployment.environment.name of all spans" }),
    ),
  },
  { additionalProperties: false, description: "collector for traces of ended jobs; if missing, none are exported" },
);
/** Settings of the trace collector. */
export type TracesSettings = Static<typeof TracesSettings>;

/**
 * Settings of a component apart from the database connection: one JSON document in RATES_SETTINGS, or in the file that
 * RATES_SETTINGS_FILE names, written by infra/ in the cloud and by runtime/local locally. It contains no secret.
 */
export const Settings = Type.Object(
  {
    version: Type.String({ default: "local", description: "version of the code, stored with each run" }),
    queues: Type.Optional(
      Type.Object(
        {
          requests: Type.String(),
          wakeups: Type.String(),
          deadLetters: Type.String(),
          responses: Type.String({ description: "response queue of tenants without their own" }),
          tenants: Type.Record(Type.String(), Type.String(), {
            default: {},
            description: "response queue per tenant",
          }),
        },
        { additionalProperties: false },
      ),
    ),
    buckets: Type.Optional(
      Type.Object({ results: Type.String(), uploads: Type.String() }, { additionalProperties: false }),
    ),
    pathStyleS3: Type.Boolean({
      default: false,
      description: "addresses buckets by path instead of by host name, as emulators require",
    }),
    runners: Type.Object({ glue: RunnerSettings, ec2: RunnerSettings }, { additionalProperties: false, default: {} }),
    glue: Type.Optional(
      Type.Object(
        {
          jobName: Type.String(),
          maxCapacity: Type.Number({ description: "DPUs per run: 0.0625 or 1" }),
          largerCapacity: Type.Optional(
            Type.Number({
              description: "DPUs of a larger run, for a read that ran out of memory; only one runs at a time",
            }),
          ),
          arguments: Type.Record(Type.String(), Type.String(), {
            default: {},
            description:
              "arguments of each run; pinned, so that a dispatcher starts the script with which it was deployed",
          }),
        },
        { additionalProperties: false, description: "Glue job that runs reads in AWS" },
      ),
    ),
    ec2: Type.Optional(
      Type.Object(
        {
          launchTemplateId: Type.String(),
          launchTemplateVersion: Type.String({
            description:
              "version of the template; pinned, so that a dispatcher starts the runner with which it was deployed",
          }),
          subnetIds: Type.Array(Type.String(), {
            minItems: 1,
            description: "subnets, tried in turn when a zone has no capacity",
          }),
          spot: Type.Boolean({ default: false, description: "starts Spot Instances" }),
          onDemandFallback: Type.Boolean({
            default: true,
            description: "starts On-Demand Instances when no zone has Spot capacity",
          }),
          tags: Type.Record(Type.String(), Type.String(), {
            default: {},
            description: "tags of each instance",
          }),
        },
        { additionalProperties: false, description: "launch template of the instances that run updates in AWS" },
      ),
    ),
    jobs: Type.Object(
      {
        rawSql: Type.Boolean({ default: false, description: "allows reads with raw SQL" }),
        readsOnEc2: Type.Boolean({
          default: true,
          description: "allows reads to run on EC2 when Glue has no free slot or too little memory",
        }),
        timeoutSeconds: countSetting("default time limit of a job in seconds", 900),
        maxTimeoutSeconds: countSetting("maximum time limit of a job in seconds", 14_400),
        maxWaiting: countSetting("maximum waiting jobs per tenant", 20_000),
        maxAttempts: Type.Integer({
          minimum: 1,
          maximum: 20,
          default: 3,
          description: "maximum attempts of a job whose runs are lost or end with a retryable error",
        }),
        leaseSeconds: countSetting("seconds without a heartbeat after which a run loses its job", 30),
        inlineBytes: Type.Integer({
          minimum: 0,
          maximum: BOUNDS.inlineBytes,
          default: 200_000,
          description: "maximum bytes of a result, as JSON, that is sent inside the response",
        }),
        reportRows: Type.Integer({
          minimum: 1,
          maximum: BOUNDS.details,
          default: BOUNDS.details,
          description:
            "maximum problems listed in the error of a batch; if it does not list all, the full report is stored in S3",
        }),
        maxBadRows: countSetting(
          "maximum bad rows that the report of a batch lists; reading of the source stops if more are found before its end",
          100_000,
        ),
        stagedBytes: countSetting("maximum bytes of a batch in the database before it is applied", 4_000_000_000),
        sourceBytes: countSetting("maximum bytes of a source, decompressed", 20_000_000_000),
        urlHosts: Type.Array(Type.String(), {
          default: [],
          description: "hosts that url sources may name, on port 443",
        }),
        sharedUploads: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description:
            "key prefixes in the uploads bucket that every tenant may load from, if the stack names several tenants",
        }),
        auditDays: countSetting("days for which the audit trail is kept", 365),
        retentionDays: countSetting("days for which ended jobs and their documents are kept", 30),
      },
      { additionalProperties: false, default: {} },
    ),
    callers: Type.Optional(
      Type.Array(CallerSettings, {
        description:
          "rules for senders on the request queue; an empty list admits no sender; by default every sender that the queue's policy allows",
      }),
    ),
    platformSenders: Type.Array(Type.String(), {
      default: [],
      description: "unique ids of the platform's own roles, which redrive dead letters on behalf of their senders",
    }),
    tracking: Type.Optional(TrackingSettings),
    traces: Type.Optional(TracesSettings),
    api: Type.Object(
      {
        poolMax: countSetting("database connections in the pool of an API process", 8),
        ratesDays: countSetting("maximum days of one /rates request", 3_660),
        openRates: Type.Boolean({ default: false, description: "serves /rates without a token" }),
        statementSeconds: countSetting("maximum duration of a statement of the API in seconds", 30),
        trustedHops: Type.Integer({
          minimum: 0,
          default: 0,
          description:
            "number of proxies in front of the API whose X-Forwarded-For is trusted: 1 behind a load balancer",
        }),
        limits: LimitSettings,
        signIn: SignInSettings,
        resultDelivery: Type.Enum(["redirect", "stream"], {
          default: "redirect",
          description:
            "default delivery of results in S3, for requests that name none: redirect to a presigned link, or stream through the API",
        }),
      },
      { additionalProperties: false, default: {} },
    ),
  },
  { additionalProperties: false },
);
export type Settings = Static<typeof Settings>;

/**
 * Reads RATES_SETTINGS, or the file that RATES_SETTINGS_FILE names, and fills in defaults.
 *
 * @throws Error that lists all problems
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
  const settings = withDefaults(Settings, JSON.parse(json));
  const problems = problemsOf(Settings, settings, "RATES_SETTINGS");
  if (problems.total === 0) return settings as Settings;
  const lines = problems.map(({ field, message }) => `${field} ${message}`);
  throw new Error(`The settings are not valid:\n  ${lines.join("\n  ")}`);
}

/** Returns the number of run slots that need a login role: all if `jobs.rawSql` is allowed, otherwise none. */
export const slotsOf = ({ jobs, runners }: Pick<Settings, "jobs" | "runners">): ReaderSlots =>
  readerSlots(jobs.rawSql, { glue: runners.glue.slots, ec2: runners.ec2.slots });

/**
 * Returns the maximum number of one tenant's jobs that run at once on a runner type: the configured one, or all slots
 * but one if there are several slots and several tenants with a response queue.
 *
 * @returns The maximum, or undefined if there is none.
 */
export function tenantSlots({ queues, runners }: Settings, runner: RunnerType): number | undefined {
  const { slots, tenantSlots } = runners[runner];
  if (tenantSlots !== undefined) return tenantSlots;
  return slots > 1 && Object.keys(queues?.tenants ?? {}).length > 1 ? slots - 1 : undefined;
}

/**
 * Returns true if response queues and callers together name several tenants. Each tenant may then load only certain
 * uploads.
 */
export function hasSeveralTenants({ queues, callers = [] }: Pick<Settings, "queues" | "callers">): boolean {
  const named = new Set([...Object.keys(queues?.tenants ?? {}), ...callers.flatMap(({ tenants }) => tenants)]);
  // `*` is not a tenant: it allows a sender, for example an operator, to send for all tenants.
  named.delete("*");
  return named.size > 1;
}

/**
 * Returns the settings of queues and buckets. The settings of an API with only a database lack them.
 *
 * @throws Error if they are missing
 */
export function requireCloud(settings: Settings): Required<Pick<Settings, "queues" | "buckets">> {
  const { queues, buckets } = settings;
  if (!queues || !buckets)
    throw new Error("RATES_SETTINGS lacks 'queues' or 'buckets', which this component needs: add them.");
  return { queues, buckets };
}
