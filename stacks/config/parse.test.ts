import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { ROOT } from "../../runtime/platform/root.ts";
import { type RawConfig, rawConfig } from "../testing/config.ts";
import { parseStackConfig, planStack, readStackFile } from "./parse.ts";
import type { StackConfig } from "./schema.ts";

/** Paths of all fields of a value, including groups. */
const pathsOf = (value: unknown): string[][] =>
  value !== null && typeof value === "object"
    ? Object.entries(value).flatMap(([name, field]) => [[name], ...pathsOf(field).map((rest) => [name, ...rest])])
    : [];

/** Returns a copy with another value at a path; unchanged if the path leads through a value that is not an object. */
function withValueAt(object: unknown, [name, ...rest]: string[], value: unknown): unknown {
  if (name === undefined) return structuredClone(value);
  if (object === null || typeof object !== "object") return object;
  const copy = (Array.isArray(object) ? [...object] : { ...object }) as Record<string, unknown>;
  copy[name] = withValueAt(copy[name], rest, value);
  return copy;
}

const problemsOf = (raw: unknown, stack = "dev") => parseStackConfig(raw, stack).problems ?? [];

describe("parseStackConfig", () => {
  it("fills in the defaults of optional fields", () => {
    const { config } = parseStackConfig(rawConfig(), "dev");
    assert.equal(config?.quotas.share, 1);
    assert.equal(config?.arch, "arm64");
    assert.deepEqual(config?.tracking, { store: "postgres" });
    assert.equal(config?.runners.glue.dpu, 0.0625);
    assert.equal(config?.quotas.ec2Vcpus, 5);
    assert.deepEqual(config?.jobs.urlHosts, []);
  });

  it("keeps given values, and does not modify its input", () => {
    const raw = rawConfig((base) => ({ ...base, quotas: { share: 0.5, glueRuns: 50 } }));
    const before = structuredClone(raw);
    const { config } = parseStackConfig(raw, "dev");
    assert.equal(config?.quotas.share, 0.5);
    assert.equal(config?.quotas.glueRuns, 50);
    assert.equal(config?.quotas.glueDpus, 1_000);
    assert.deepEqual(raw, before);
  });

  for (const [region, partition] of [
    ["us-gov-west-1", "aws-us-gov"],
    ["cn-north-1", "aws-cn"],
    ["eusc-de-east-1", "aws-eusc"],
    ["us-isob-east-1", "aws-iso-b"],
  ] as const)
    it(`rejects a region of another partition: ${region}`, () => {
      const raw = rawConfig((base) => ({ ...base, account: { ...base.account, region } }));
      const problem = problemsOf(raw).find(({ key }) => key === "account.region");
      assert.match(
        problem?.message ?? "",
        new RegExp(`^is in the partition ${partition}, .* of the partition aws only`),
      );
    });

  it("rejects ARNs of another partition", () => {
    const principal = "arn:aws-cn:iam::444444444444:root";
    const raw = rawConfig((base) => ({ ...base, callers: [{ principal, tenants: ["*"] }] }));
    const problem = problemsOf(raw).find(({ key }) => key === "callers.0.principal");
    assert.deepEqual([problem?.value, problem?.message], [principal, "must be the ARN of a role, user or account."]);
  });

  it("rejects a region without certificate authorities for its databases", () => {
    const raw = rawConfig((base) => ({
      ...base,
      account: { ...base.account, region: "il-central-1" },
      network: { ...base.network, zones: ["il-central-1a", "il-central-1b"] },
    }));
    const [problem, ...others] = problemsOf(raw);
    assert.deepEqual(others, []);
    assert.equal(problem?.key, "account.region");
    assert.equal(problem?.value, "il-central-1");
    assert.match(
      String(problem?.message),
      /not among the \d+ regions .* Did you mean '[a-z]+-central-1'\? Use one of these/,
    );
  });

  it("reports all problems at once, each with its key, its value and the remedy", () => {
    const raw = rawConfig((base) => ({
      ...base,
      account: { id: 111111111111, region: "Frankfurt" },
      tenant: 0.5,
      data: { retentionDays: 0 },
      database: { ...base.database, storageGb: 5 },
      budget: { monthlyUsd: 10 },
      tracking: { store: "opensarch" },
    }));
    assert.deepEqual(problemsOf(raw), [
      {
        key: "tracking.store",
        value: "opensarch",
        message: "must be one of: postgres, opensearch. Did you mean 'opensearch'?",
      },
      { key: "tenant", value: 0.5, message: "is not a known field. Did you mean 'tenants'?" },
      {
        key: "account.id",
        value: 111111111111,
        message: "must be of type string (the 12-digit id of the AWS account, in quotes).",
      },
      {
        key: "account.region",
        value: "Frankfurt",
        message: "must be an AWS region, for example eu-central-1.",
      },
      {
        key: "database.storageGb",
        value: 5,
        message: "must be at least 20 (GiB of gp3 storage; three times the largest batch should be free).",
      },
      {
        key: "data.retentionDays",
        value: 0,
        message:
          "must be at least 1 (days for which results, uploads, logs and ended jobs are kept; S3 keeps noncurrent versions of uploads for as many further days).",
      },
      {
        key: "budget.email",
        message: "is missing (an email address that receives alarms and budget notifications).",
      },
    ]);
  });

  it("reports any number of invalid values and unknown keys", () => {
    const invalid = {
      account: { id: 1, region: 2 },
      tags: { owner: 3, costCentre: 4 },
      quotas: { lambdaConcurrency: "a", glueRuns: "b", glueDpus: "c", ec2Vcpus: "d", fargateVcpus: "e" },
      budget: { monthlyUsd: 0, email: "x" },
    };
    assert.deepEqual(
      problemsOf(rawConfig((base) => ({ ...base, ...invalid }))).map(({ key }) => key),
      Object.entries(invalid).flatMap(([group, fields]) => Object.keys(fields).map((field) => `${group}.${field}`)),
    );
    const unknown = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`unknown${index}`, index]));
    assert.deepEqual(
      problemsOf({ ...rawConfig(), ...unknown, data: { keep: 2 } }).map(({ key }) => key),
      [...Object.keys(unknown), "data.keep"],
    );
  });

  it("reports problems or returns a plan for any value in a field, and never throws", () => {
    const { config } = parseStackConfig(rawConfig(), "dev");
    const change = fc.record({ path: fc.constantFrom(...pathsOf(config)), value: fc.jsonValue() });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const raw = changes.reduce<unknown>((object, { path, value }) => withValueAt(object, path, value), config);
        const { plan, problems } = planStack(raw, "dev");
        assert.ok(plan !== undefined || (problems ?? []).length > 0);
      }),
      { numRuns: 2_000 },
    );
  });

  it("lists the fields of the chosen tracking store only", () => {
    const tracking = { store: "opensearch", instanceType: "m7g.medium.search", instanceCount: 2, zoneCount: 2 };
    assert.deepEqual(problemsOf({ ...rawConfig(), tracking }), [
      { key: "tracking.storageGb", message: "is missing (GiB of gp3 storage per data node)." },
    ]);
    assert.deepEqual(problemsOf({ ...rawConfig(), tracking: { store: "postgres", zoneCount: 2 } }), [
      { key: "tracking.zoneCount", value: 2, message: "is not a known field. Known: store." },
    ]);
  });

  for (const raw of [
    ...[undefined, null, {}, [], 3, "text", { tracking: 3, network: [], runners: null }],
    { tracking: { store: { toString: false } } },
  ])
    it(`reports problems of ${JSON.stringify(raw)} without throwing`, () => {
      assert.ok(problemsOf(raw).length > 0);
    });
});

describe("checks across fields of a stack", () => {
  type Change = (config: RawConfig) => unknown;
  type Case = [title: string, change: Change, key: string, message: string];
  const PUBLIC_API = {
    public: true,
    certificateArn: "arn:aws:acm:eu-central-1:111111111111:certificate/1",
    domainName: "rates.example.com",
  };
  const cases: Case[] = [
    [
      "a network too small for its zones",
      (base) => ({ ...base, network: { ...base.network, cidr: "10.0.0.0/27" } }),
      "network.cidr",
      "is too small for two subnets of at least /28 in each of 2 zones: use /26 or larger.",
    ],
    [
      "a network with bits set beyond its prefix",
      (base) => ({ ...base, network: { ...base.network, cidr: "10.0.0.1/16" } }),
      "network.cidr",
      "must be an IPv4 network from /16 to /28 with no bits set beyond its prefix, for example 10.0.0.0/16.",
    ],
    [
      "a zone of another region",
      (base) => ({ ...base, network: { ...base.network, zones: ["eu-central-1a", "eu-west-1a"] } }),
      "network.zones.1",
      "is not in account.region eu-central-1: name a zone of that region, for example eu-central-1a.",
    ],
    [
      "a reserved network",
      (base) => ({ ...base, network: { ...base.network, cidr: "169.254.0.0/16" } }),
      "network.cidr",
      "is a reserved range, which no VPC can have: use a private network, for example 10.0.0.0/16.",
    ],
    [
      "a local zone",
      (base) => ({ ...base, network: { ...base.network, zones: ["eu-central-1a", "eu-central-1-ham-1a"] } }),
      "network.zones.1",
      "is not an availability zone of account.region eu-central-1; local and Wavelength zones do not support Multi-AZ RDS, Glue or OpenSearch: name an availability zone, for example eu-central-1a.",
    ],
    [
      "an OpenSearch type without gp3",
      (base) => ({ ...base, tracking: { ...search, instanceType: "i3.large.search" } }),
      "tracking.instanceType",
      "has no gp3 volumes, which the data nodes need: use a newer family, for example m7g.medium.search.",
    ],
    [
      "a volume too large for its OpenSearch type",
      (base) => ({ ...base, tracking: { ...search, instanceType: "t3.small.search", storageGb: 101 } }),
      "tracking.storageGb",
      "is more than the 100 GiB that a t3.small.search supports: lower it, or use a larger tracking.instanceType.",
    ],
    [
      "a zone that is listed twice",
      (base) => ({ ...base, network: { ...base.network, zones: ["eu-central-1a", "eu-central-1a"] } }),
      "network.zones.1",
      "is repeated: name each zone once, and at least two zones.",
    ],
    [
      "an unknown instance class",
      (base) => ({ ...base, database: { ...base.database, instanceClass: "db.t4g.medum" } }),
      "database.instanceClass",
      "is not in RDS_CLASSES of infra/limits/limits.ts. Did you mean 'db.t4g.medium'? Use one of them, or add it there with its memory and vCPUs.",
    ],
    [
      "an instance type of another architecture",
      (base) => ({ ...base, arch: "x86_64" }),
      "runners.ec2.instanceType",
      "is arm64, but arch is x86_64: all tasks and instances run the same image, so change one of the two.",
    ],
    [
      "a public API without a certificate",
      (base) => ({ ...base, api: { public: true, allowedCidrs: ["192.0.2.0/24"] } }),
      "api.certificateArn",
      "is missing, but a public API requires TLS: name a certificate, or set api.public to false.",
    ],
    [
      "a public load balancer without allowed networks",
      (base) => ({ ...base, api: { ...PUBLIC_API, allowedCidrs: [] } }),
      "api.allowedCidrs",
      "is empty, so a public load balancer admits no client: name networks, or 0.0.0.0/0 for everyone.",
    ],
    [
      "an internal load balancer that allows everyone",
      (base) => ({ ...base, api: { allowedCidrs: ["10.1.0.0/16", "0.0.0.0/0"] } }),
      "api.allowedCidrs.1",
      "allows everyone: set api.public and api.certificateArn as well, or name the networks of your clients.",
    ],
    [
      "a network wider than /8",
      (base) => ({ ...base, api: { ...PUBLIC_API, allowedCidrs: ["128.0.0.0/1"] } }),
      "api.allowedCidrs.0",
      "is wider than /8: name the networks of your clients, or 0.0.0.0/0 for everyone.",
    ],
    ...["10.0.0.1/16", "10.0.0.0", "::/0", "10.0.0.0/33", "010.0.0.0/8"].map(
      (cidr): Case => [
        `an invalid network: ${cidr}`,
        (base) => ({ ...base, api: { allowedCidrs: [cidr] } }),
        "api.allowedCidrs.0",
        "must be an IPv4 network with no bits set beyond its prefix, for example 192.168.0.0/16.",
      ],
    ),
    [
      "a certificate of another region",
      (base) => ({
        ...base,
        api: { certificateArn: "arn:aws:acm:us-east-1:111111111111:certificate/1", domainName: "rates.example.com" },
      }),
      "api.certificateArn",
      "is in us-east-1 of account 111111111111; a load balancer accepts only certificates of its own account and region (account 111111111111, eu-central-1): request the certificate there.",
    ],
    [
      "a certificate without api.domainName",
      (base) => ({ ...base, api: { certificateArn: "arn:aws:acm:eu-central-1:111111111111:certificate/1" } }),
      "api.domainName",
      "is missing: set it to the host name in the certificate of api.certificateArn; clients accept the certificate for no other name.",
    ],
    [
      "a domain name without a certificate",
      (base) => ({ ...base, api: { domainName: "rates.example.com" } }),
      "api.domainName",
      "needs a certificate: set api.certificateArn, or remove this key.",
    ],
    [
      "a minimum number of tasks above the maximum",
      (base) => ({ ...base, api: { minTasks: 5, maxTasks: 2 } }),
      "api.minTasks",
      "is more than api.maxTasks 2: lower it by 3, or raise api.maxTasks.",
    ],
    [
      "URL hosts without internet access",
      (base) => ({ ...base, network: { ...base.network, nat: "none" }, jobs: { urlHosts: ["example.com"] } }),
      "jobs.urlHosts",
      "needs internet access: set network.nat to single or perZone, or empty this list.",
    ],
    [
      "a trace collector that the network cannot reach",
      (base) => ({
        ...base,
        network: { ...base.network, nat: "none" },
        traces: { endpoint: "https://collector.example.com" },
      }),
      "traces.endpoint",
      "cannot be reached from the dispatcher's subnets: set network.nat to single or perZone, or remove traces.",
    ],
    [
      "a secret with a collector's headers in another account",
      (base) => ({
        ...base,
        traces: {
          endpoint: "https://collector.example.com",
          headersSecret: "arn:aws:secretsmanager:eu-west-1:222222222222:secret:rates/collector-AbCdEf",
        },
      }),
      "traces.headersSecret",
      "is in eu-west-1 of account 222222222222; the dispatcher reads only secrets of its own account and region (account 111111111111, eu-central-1): create the secret there.",
    ],
    [
      "an identity provider that the network cannot reach",
      (base) => ({ ...base, network: { ...base.network, nat: "none" }, api: withProvider() }),
      "api.signIn.oidc.issuer",
      "cannot be reached from the API's subnets: set network.nat to single or perZone, or remove api.signIn.oidc.",
    ],
    [
      "an identity provider for an API without TLS",
      (base) => ({ ...base, api: { signIn: withProvider().signIn } }),
      "api.signIn.oidc.issuer",
      "needs an API with TLS, to which the provider redirects browsers: set api.certificateArn and api.domainName, or remove api.signIn.oidc.",
    ],
    [
      "an identity provider without the scope openid",
      (base) => ({ ...base, api: withProvider({ scopes: ["profile"] }) }),
      "api.signIn.oidc.scopes",
      "must include openid, because the provider sends no ID token without it: add it.",
    ],
    [
      "an access rule without a tenant",
      (base) => ({ ...base, api: withProvider({ rules: [{ claim: "groups", value: "x", scopes: ["read"] }] }) }),
      "api.signIn.oidc.rules.0.tenant",
      "is missing: name the tenant, or set tenantClaim to the claim that contains it.",
    ],
    [
      "an access rule with both tenant and tenantClaim",
      (base) => ({
        ...base,
        api: withProvider({ rules: [{ ...RULE, tenant: "acme", tenantClaim: "company" }] }),
      }),
      "api.signIn.oidc.rules.0.tenant",
      "cannot be combined with tenantClaim: remove one of them.",
    ],
    [
      "a default timeout above the maximum",
      (base) => ({ ...base, jobs: { timeoutSeconds: 90, maxTimeoutSeconds: 60 } }),
      "jobs.timeoutSeconds",
      "is more than jobs.maxTimeoutSeconds 60: lower it by 30, or raise jobs.maxTimeoutSeconds.",
    ],
    [
      "a Glue timeout shorter than the maximum time limit of a job",
      (base) => ({ ...base, runners: { ...base.runners, glue: { timeoutMinutes: 60 } } }),
      "runners.glue.timeoutMinutes",
      "stops a run before a job of jobs.maxTimeoutSeconds 14400 can end: use 240 or more, or lower jobs.maxTimeoutSeconds.",
    ],
    [
      "search nodes that cannot be spread evenly over their zones",
      (base) => ({ ...base, tracking: { ...search, instanceCount: 3 } }),
      "tracking.instanceCount",
      "cannot be spread evenly over 2 zones: use 4.",
    ],
    [
      "the maximum number of search nodes if it is not a multiple of the zones (suggesting the largest multiple below it)",
      (base) => ({
        ...base,
        network: { zones: ["eu-central-1a", "eu-central-1b", "eu-central-1c"] },
        tracking: { ...search, instanceCount: 80, zoneCount: 3 },
      }),
      "tracking.instanceCount",
      "cannot be spread evenly over 3 zones: use 78.",
    ],
    [
      "more search zones than network zones",
      (base) => ({ ...base, tracking: { ...search, instanceCount: 3, zoneCount: 3 } }),
      "tracking.zoneCount",
      "is more than the 2 zones of network.zones: add zones there, or lower this.",
    ],
  ];
  const RULE = { claim: "groups", value: "staff", tenant: "default", scopes: ["read"] };
  const withProvider = (more: object = {}) => ({
    certificateArn: "arn:aws:acm:eu-central-1:111111111111:certificate/1",
    domainName: "rates.example.com",
    signIn: { oidc: { issuer: "https://login.example.com", clientId: "rates", rules: [RULE], ...more } },
  });
  const search = {
    store: "opensearch",
    instanceType: "m7g.medium.search",
    instanceCount: 2,
    zoneCount: 2,
    storageGb: 20,
  };

  for (const [title, change, key, message] of cases)
    it(`rejects ${title}`, () => {
      const problems = problemsOf(change(rawConfig()));
      assert.deepEqual(
        problems.map((problem) => [problem.key, problem.message]),
        [[key, message]],
      );
    });

  for (const [title, change, key, message] of cases)
    it(`rejects ${title} together with other problems`, () => {
      const raw = change({ ...rawConfig(), budget: { monthlyUsd: 0, email: "x" } });
      const problems = problemsOf({ ...(raw as object), shar: 1 });
      assert.deepEqual(
        problems.map((problem) => problem.key),
        ["shar", "budget.monthlyUsd", "budget.email", key],
      );
      assert.equal(problems.at(-1)?.message, message);
    });

  it("skips checks that read an invalid field", () => {
    const network = { cidr: 3, zones: ["us-east-1a", "us-east-1b"] };
    assert.deepEqual(
      problemsOf(rawConfig((base) => ({ ...base, account: { ...base.account, region: "Frankfurt" }, network }))).map(
        ({ key }) => key,
      ),
      ["account.region", "network.cidr"],
    );
    // An unknown instance type is reported although arch is invalid, and no capacity is planned.
    const runners = { ec2: { instanceType: "t9.nano" } };
    assert.deepEqual(
      planStack(
        rawConfig((base) => ({ ...base, runners, arch: 3 })),
        "dev",
      ).problems?.map(({ key }) => key),
      ["arch", "runners.ec2.instanceType"],
    );
  });

  it("accepts an internal API without a certificate", () => {
    assert.deepEqual(problemsOf({ ...rawConfig(), api: { public: false } }), []);
  });

  it("rejects a stack name that makes resource names too long for AWS, and says by how much", () => {
    const name = "dev-anna-and-bert";
    assert.equal(name.length, 17);
    assert.deepEqual(problemsOf({ ...rawConfig(), tracking: search }, name), [
      {
        key: "stack",
        value: name,
        message: `makes the load balancer's name 'rates-${name}-api' too long: with Pulumi's suffix it has 35 characters, and AWS's maximum is 32. Shorten the stack's name by 3.`,
      },
      {
        key: "stack",
        value: name,
        message: `makes the OpenSearch domain's name 'rates-${name}' too long: with Pulumi's suffix it has 31 characters, and AWS's maximum is 28. Shorten the stack's name by 3.`,
      },
    ]);
    assert.deepEqual(problemsOf({ ...rawConfig(), tracking: search }, name.slice(0, 14)), [
      // "dev-anna-and-b": exactly the maximum length
    ]);
  });

  it("rejects a stack name that RDS refuses", () => {
    const [problem, ...others] = problemsOf(rawConfig(), "dev--1");
    assert.deepEqual(others, []);
    assert.match(problem?.message ?? "", /two hyphens in a row, which RDS refuses/);
    assert.deepEqual(problemsOf(rawConfig(), "dev-1-a"), []);
  });

  it("rejects tag values that AWS refuses", () => {
    const problemsOfOwner = (owner: string) =>
      problemsOf(rawConfig((base) => ({ ...base, tags: { ...base.tags, owner } })));
    for (const owner of ["R&D", "Anna's team", "a,b", "team #1", "a\tb", "aws:team", "", "x".repeat(257)])
      assert.deepEqual(
        problemsOfOwner(owner).map(({ key }) => key),
        ["tags.owner"],
        owner,
      );
    for (const owner of ["Müller + Söhne", "team@example.com", "cost/centre=1:2_3-4", "日本", "x".repeat(256)])
      assert.deepEqual(problemsOfOwner(owner), [], owner);
  });

  it("rejects a stack name that bucket and domain names do not allow: other characters, a digit first or a hyphen last", () => {
    for (const name of ["Dev_1", "1-dev", "dev-"])
      assert.deepEqual(
        problemsOf(rawConfig(), name).map(({ key }) => key),
        ["stack"],
        name,
      );
  });
});

describe("planStack", () => {
  it("returns the plan of a stack that fits its account", () => {
    assert.equal(planStack(rawConfig(), "dev").plan?.ec2.maxInstances, 2);
  });

  it("reports problems of the configuration and of the quotas together", () => {
    const raw = rawConfig((base) => ({ ...base, shar: 1, tags: {}, api: { minTasks: 3 }, quotas: { ec2Vcpus: 1 } }));
    assert.deepEqual(
      planStack({ ...raw, jobs: { timeoutSeconds: 9, maxTimeoutSeconds: 5 } }, "dev").problems?.map(({ key }) => key),
      ["shar", "tags.owner", "tags.costCentre", "api.minTasks", "jobs.timeoutSeconds"],
      "planning reads api.minTasks, which is invalid here",
    );
    const quotas = { ec2Vcpus: 1, glueRuns: 0 };
    assert.deepEqual(
      planStack(
        rawConfig((base) => ({ ...base, shar: 1, tags: {}, quotas })),
        "dev",
      ).problems?.map(({ key }) => key),
      ["shar", "tags.owner", "tags.costCentre", "runners.glue.maxRuns", "runners.ec2.maxInstances"],
    );
  });
});

describe("readStackFile", () => {
  let directory = "";
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "stack-files-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  it("lists every problem of a file in one error", () => {
    writeFileSync(
      join(directory, "Pulumi.bad.yaml"),
      "config:\n  other-project:speed: 9\n  rates-platform:data: { retentionDays: 0 }\n  rates-platform:netwrk: {}\n",
    );
    assert.throws(
      () => readStackFile("bad", directory),
      ({ message }: Error) => {
        const [title, ...lines] = message.split("\n");
        assert.equal(title, "Pulumi.bad.yaml is not valid:");
        assert.ok(lines.includes(`  netwrk "{}" is not a known field. Did you mean 'network'?`), message);
        assert.ok(
          lines.some((line) => line.startsWith("  data.retentionDays 0 must be at least 1 (")),
          message,
        );
        assert.ok(
          lines.some((line) => line.startsWith("  account is missing (")),
          message,
        );
        assert.ok(!message.includes("speed"), "keys of other projects are ignored");
        return true;
      },
    );
  });

  it("reports keys with a missing or misspelled prefix instead of ignoring them", () => {
    writeFileSync(
      join(directory, "Pulumi.lost.yaml"),
      "config:\n  arch: x86_64\n  rates-platfrom:data: { keep: false }\n  aws:region: eu-central-1\n  pulumi:tags: {}\n",
    );
    assert.throws(
      () => readStackFile("lost", directory),
      ({ message }: Error) => {
        assert.deepEqual(message.split("\n").slice(1, 3), [
          "  arch \"x86_64\" lacks the project's prefix: write 'rates-platform:arch'.",
          '  rates-platfrom:data "{\\"keep\\":false}" lacks the project\'s prefix: write \'rates-platform:data\'.',
        ]);
        assert.match(message, /account is missing/);
        assert.doesNotMatch(message, /aws:region|pulumi:tags/);
        return true;
      },
    );
  });

  it("reports a missing file, invalid YAML or a missing configuration", () => {
    assert.throws(() => readStackFile("none", directory), /Pulumi\.none\.yaml cannot be read: ENOENT/);
    writeFileSync(join(directory, "Pulumi.torn.yaml"), "config: [");
    assert.throws(() => readStackFile("torn", directory), /Pulumi\.torn\.yaml cannot be read: /);
    writeFileSync(join(directory, "Pulumi.empty.yaml"), "");
    assert.throws(
      () => readStackFile("empty", directory),
      /Pulumi\.empty\.yaml has no configuration: add it under 'config:', each key with the prefix 'rates-platform:'\./,
    );
  });
});

describe("the three shipped stacks", () => {
  const stacks = Object.fromEntries(["dev", "staging", "prod"].map((name) => [name, readStackFile(name, ROOT)]));
  const each = (pick: (config: StackConfig) => unknown) => Object.values(stacks).map(pick);

  it("use three accounts", () => {
    assert.deepEqual(
      each(({ account }) => account.id),
      ["111111111111", "222222222222", "333333333333"],
    );
  });

  it("differ in redundancy and raw SQL: only dev has raw SQL; the others have a standby, NAT per zone and three search zones", () => {
    assert.deepEqual(
      each(({ database }) => database.multiAz),
      [false, true, true],
    );
    assert.deepEqual(
      each(({ network }) => network.nat),
      ["single", "perZone", "perZone"],
    );
    assert.deepEqual(
      each(({ tracking }) => (tracking.store === "opensearch" ? tracking.zoneCount : 0)),
      [0, 3, 3],
    );
    assert.deepEqual(
      each(({ jobs }) => jobs.rawSql),
      [true, false, false],
    );
  });
});
