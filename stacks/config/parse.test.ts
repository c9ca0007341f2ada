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

/** Copies a value with another one at a path, if the path exists. */
function changed(at: unknown, [name, ...rest]: string[], value: unknown): unknown {
  if (name === undefined) return structuredClone(value);
  if (at === null || typeof at !== "object") return at;
  const copy = (Array.isArray(at) ? [...at] : { ...at }) as Record<string, unknown>;
  copy[name] = changed(copy[name], rest, value);
  return copy;
}

const problemsOf = (raw: unknown, stack = "dev") => parseStackConfig(raw, stack).problems ?? [];

describe("parseStackConfig", () => {
  it("fills in the defaults of all optional fields", () => {
    const { config } = parseStackConfig(rawConfig(), "dev");
    assert.equal(config?.quotas.share, 1);
    assert.equal(config?.arch, "arm64");
    assert.deepEqual(config?.tracking, { store: "postgres" });
    assert.equal(config?.runners.glue.dpu, 0.0625);
    assert.equal(config?.quotas.ec2Vcpus, 5);
    assert.deepEqual(config?.jobs.urlHosts, []);
  });

  it("keeps given values, and does not modify its input", () => {
    const raw = rawConfig((it) => ({ ...it, quotas: { share: 0.5, glueRuns: 50 } }));
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
      const raw = rawConfig((it) => ({ ...it, account: { ...it.account, region } }));
      const problem = problemsOf(raw).find(({ key }) => key === "account.region");
      assert.match(
        problem?.message ?? "",
        new RegExp(`^is in the partition ${partition}, .* of the partition aws only`),
      );
    });

  it("rejects ARNs of another partition", () => {
    const principal = "arn:aws-cn:iam::444444444444:root";
    const raw = rawConfig((it) => ({ ...it, callers: [{ principal, tenants: ["*"] }] }));
    const problem = problemsOf(raw).find(({ key }) => key === "callers.0.principal");
    assert.deepEqual([problem?.value, problem?.message], [principal, "must be ARN of a role, user or account."]);
  });

  it("rejects a region without certificate authorities for its databases", () => {
    const raw = rawConfig((it) => ({
      ...it,
      account: { ...it.account, region: "il-central-1" },
      network: { ...it.network, zones: ["il-central-1a", "il-central-1b"] },
    }));
    const [problem, ...others] = problemsOf(raw);
    assert.deepEqual(others, []);
    assert.equal(problem?.key, "account.region");
    assert.equal(problem?.value, "il-central-1");
    assert.match(
      String(problem?.message),
      /none of the \d+ regions .* Did you mean '[a-z]+-central-1'\? Use one of them/,
    );
  });

  it("reports all problems at once, each with its key, its value and the remedy", () => {
    const raw = rawConfig((it) => ({
      ...it,
      account: { id: 111111111111, region: "Frankfurt" },
      tenant: 0.5,
      data: { retentionDays: 0 },
      database: { ...it.database, storageGb: 5 },
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
        message: "must be of type string (12-digit id of the AWS account, in quotes).",
      },
      {
        key: "account.region",
        value: "Frankfurt",
        message: "must be AWS region, for example eu-central-1.",
      },
      {
        key: "database.storageGb",
        value: 5,
        message: "must be at least 20 (GiB of gp3 storage; three times the largest batch should be free).",
      },
      {
        key: "data.retentionDays",
        value: 0,
        message: "must be at least 1 (days for which results, uploads, logs and ended jobs are kept).",
      },
      {
        key: "budget.email",
        message: "is missing (email address that receives alarms and budget notifications).",
      },
    ]);
  });

  it("reports any number of problems, wrong values as well as unknown keys", () => {
    const invalid = {
      account: { id: 1, region: 2 },
      tags: { owner: 3, costCentre: 4 },
      quotas: { lambdaConcurrency: "a", glueRuns: "b", glueDpus: "c", ec2Vcpus: "d", fargateVcpus: "e" },
      budget: { monthlyUsd: 0, email: "x" },
    };
    assert.deepEqual(
      problemsOf(rawConfig((it) => ({ ...it, ...invalid }))).map(({ key }) => key),
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
        const raw = changes.reduce<unknown>((at, { path, value }) => changed(at, path, value), config);
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
      (it) => ({ ...it, network: { ...it.network, cidr: "10.0.0.0/27" } }),
      "network.cidr",
      "is too small for two subnets in each of 2 zones, of which none may be smaller than /28: use /26 or larger.",
    ],
    [
      "an invalid network",
      (it) => ({ ...it, network: { ...it.network, cidr: "10.0.0.1/16" } }),
      "network.cidr",
      "must be an IPv4 network from /16 to /28 with no bits set beyond its prefix, for example 10.0.0.0/16.",
    ],
    [
      "a zone of another region",
      (it) => ({ ...it, network: { ...it.network, zones: ["eu-central-1a", "eu-west-1a"] } }),
      "network.zones.1",
      "is not in account.region eu-central-1: name a zone of that region, for example eu-central-1a.",
    ],
    [
      "a reserved network",
      (it) => ({ ...it, network: { ...it.network, cidr: "169.254.0.0/16" } }),
      "network.cidr",
      "is a reserved range, which no VPC can have: use a private network, for example 10.0.0.0/16.",
    ],
    [
      "a local zone",
      (it) => ({ ...it, network: { ...it.network, zones: ["eu-central-1a", "eu-central-1-ham-1a"] } }),
      "network.zones.1",
      "is a local or Wavelength zone, or none of account.region eu-central-1; those do not support Multi-AZ RDS, Glue or OpenSearch: name an availability zone, for example eu-central-1a.",
    ],
    [
      "an OpenSearch type without gp3",
      (it) => ({ ...it, tracking: { ...search, instanceType: "i3.large.search" } }),
      "tracking.instanceType",
      "has no gp3 volumes, which the data nodes need: use a newer family, for example m7g.medium.search.",
    ],
    [
      "a volume too large for its OpenSearch type",
      (it) => ({ ...it, tracking: { ...search, instanceType: "t3.small.search", storageGb: 101 } }),
      "tracking.storageGb",
      "is more than the 100 GiB that a t3.small.search supports: lower it, or use a larger tracking.instanceType.",
    ],
    [
      "a zone that is listed twice",
      (it) => ({ ...it, network: { ...it.network, zones: ["eu-central-1a", "eu-central-1a"] } }),
      "network.zones.1",
      "is named twice: name at least two different zones.",
    ],
    [
      "an unknown instance class",
      (it) => ({ ...it, database: { ...it.database, instanceClass: "db.t4g.medum" } }),
      "database.instanceClass",
      "is not in RDS_CLASSES of infra/limits/limits.ts. Did you mean 'db.t4g.medium'? Use one of them, or add it there with its memory and vCPUs.",
    ],
    [
      "an instance type of another architecture",
      (it) => ({ ...it, arch: "x86_64" }),
      "runners.ec2.instanceType",
      "is arm64, and arch is x86_64: one image serves all, so change one of the two.",
    ],
    [
      "a public API without a certificate",
      (it) => ({ ...it, api: { public: true, allowedCidrs: ["192.0.2.0/24"] } }),
      "api.certificateArn",
      "is missing, but a public API requires TLS: name a certificate, or set api.public to false.",
    ],
    [
      "a public load balancer without allowed networks",
      (it) => ({ ...it, api: { ...PUBLIC_API, allowedCidrs: [] } }),
      "api.allowedCidrs",
      "is empty, so a public load balancer admits no client: name networks, or 0.0.0.0/0 for everyone.",
    ],
    [
      "an internal load balancer that allows everyone",
      (it) => ({ ...it, api: { allowedCidrs: ["10.1.0.0/16", "0.0.0.0/0"] } }),
      "api.allowedCidrs.1",
      "allows everyone: set api.public and api.certificateArn as well, or name the networks of your clients.",
    ],
    [
      "a network wider than /8",
      (it) => ({ ...it, api: { ...PUBLIC_API, allowedCidrs: ["128.0.0.0/1"] } }),
      "api.allowedCidrs.0",
      "is wider than /8: name the networks of your clients, or 0.0.0.0/0 for everyone.",
    ],
    ...["10.0.0.1/16", "10.0.0.0", "::/0", "10.0.0.0/33", "010.0.0.0/8"].map(
      (cidr): Case => [
        `a network that is none: ${cidr}`,
        (it) => ({ ...it, api: { allowedCidrs: [cidr] } }),
        "api.allowedCidrs.0",
        "must be an IPv4 network with no bits set beyond its prefix, for example 192.168.0.0/16.",
      ],
    ),
    [
      "a certificate of another region",
      (it) => ({
        ...it,
        api: { certificateArn: "arn:aws:acm:us-east-1:111111111111:certificate/1", domainName: "rates.example.com" },
      }),
      "api.certificateArn",
      "is in us-east-1 of account 111111111111; a load balancer accepts only certificates of its own account and region (account 111111111111, eu-central-1): request the certificate there.",
    ],
    [
      "a certificate without api.domainName",
      (it) => ({ ...it, api: { certificateArn: "arn:aws:acm:eu-central-1:111111111111:certificate/1" } }),
      "api.domainName",
      "is missing: set it to the host name in the certificate of api.certificateArn; clients accept the certificate for no other name.",
    ],
    [
      "a domain name without a certificate",
      (it) => ({ ...it, api: { domainName: "rates.example.com" } }),
      "api.domainName",
      "needs a certificate: set api.certificateArn, or remove this key.",
    ],
    [
      "a minimum of tasks above the maximum",
      (it) => ({ ...it, api: { minTasks: 5, maxTasks: 2 } }),
      "api.minTasks",
      "is more than api.maxTasks 2: lower it by 3, or raise api.maxTasks.",
    ],
    [
      "URL hosts without internet access",
      (it) => ({ ...it, network: { ...it.network, nat: "none" }, jobs: { urlHosts: ["example.com"] } }),
      "jobs.urlHosts",
      "needs internet access: set network.nat to single or perZone, or empty this list.",
    ],
    [
      "a collector of traces that the network cannot reach",
      (it) => ({
        ...it,
        network: { ...it.network, nat: "none" },
        traces: { endpoint: "https://collector.example.com" },
      }),
      "traces.endpoint",
      "cannot be reached from the dispatcher's subnets: set network.nat to single or perZone, or remove traces.",
    ],
    [
      "headers of a collector in another account",
      (it) => ({
        ...it,
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
      (it) => ({ ...it, network: { ...it.network, nat: "none" }, api: withProvider() }),
      "api.signIn.oidc.issuer",
      "cannot be reached from the API's subnets: set network.nat to single or perZone, or remove api.signIn.oidc.",
    ],
    [
      "an identity provider for an API without TLS",
      (it) => ({ ...it, api: { signIn: withProvider().signIn } }),
      "api.signIn.oidc.issuer",
      "needs an API with TLS, to which the provider redirects browsers: set api.certificateArn and api.domainName, or remove api.signIn.oidc.",
    ],
    [
      "an identity provider without the scope openid",
      (it) => ({ ...it, api: withProvider({ scopes: ["profile"] }) }),
      "api.signIn.oidc.scopes",
      "must include openid, because the provider sends no ID token without it: add it.",
    ],
    [
      "an access rule without a tenant",
      (it) => ({ ...it, api: withProvider({ rules: [{ claim: "groups", value: "x", scopes: ["read"] }] }) }),
      "api.signIn.oidc.rules.0.tenant",
      "or tenantClaim is required, but not both: name the tenant, or the claim that contains it.",
    ],
    [
      "an access rule with both tenant and tenantClaim",
      (it) => ({
        ...it,
        api: withProvider({ rules: [{ ...RULE, tenant: "acme", tenantClaim: "company" }] }),
      }),
      "api.signIn.oidc.rules.0.tenant",
      "or tenantClaim is required, but not both: name the tenant, or the claim that contains it.",
    ],
    [
      "a default timeout above the maximum",
      (it) => ({ ...it, jobs: { timeoutSeconds: 90, maxTimeoutSeconds: 60 } }),
      "jobs.timeoutSeconds",
      "is more than jobs.maxTimeoutSeconds 60: lower it by 30, or raise jobs.maxTimeoutSeconds.",
    ],
    [
      "a Glue timeout shorter than the maximum of a job",
      (it) => ({ ...it, runners: { ...it.runners, glue: { timeoutMinutes: 60 } } }),
      "runners.glue.timeoutMinutes",
      "stops a run before a job of jobs.maxTimeoutSeconds 14400 can end: use 240 or more, or lower jobs.maxTimeoutSeconds.",
    ],
    [
      "search nodes that cannot be spread evenly over their zones",
      (it) => ({ ...it, tracking: { ...search, instanceCount: 3 } }),
      "tracking.instanceCount",
      "cannot be spread evenly over 2 zones: use 4.",
    ],
    [
      "more search zones than network zones",
      (it) => ({ ...it, tracking: { ...search, instanceCount: 3, zoneCount: 3 } }),
      "tracking.zoneCount",
      "is more than the 2 zones of network.zones: name more of them, or lower this.",
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
        problems.map((one) => [one.key, one.message]),
        [[key, message]],
      );
    });

  for (const [title, change, key, message] of cases)
    it(`rejects ${title} together with other problems`, () => {
      const raw = change({ ...rawConfig(), budget: { monthlyUsd: 0, email: "x" } });
      const problems = problemsOf({ ...(raw as object), shar: 1 });
      assert.deepEqual(
        problems.map((one) => one.key),
        ["shar", "budget.monthlyUsd", "budget.email", key],
      );
      assert.equal(problems.at(-1)?.message, message);
    });

  it("reports nothing that depends on a wrong field", () => {
    const network = { cidr: 3, zones: ["us-east-1a", "us-east-1b"] };
    assert.deepEqual(
      problemsOf(rawConfig((it) => ({ ...it, account: { ...it.account, region: "Frankfurt" }, network }))).map(
        ({ key }) => key,
      ),
      ["account.region", "network.cidr"],
    );
    // An unknown type is reported for any architecture, without a plan.
    const runners = { ec2: { instanceType: "t9.nano" } };
    assert.deepEqual(
      planStack(
        rawConfig((it) => ({ ...it, runners, arch: 3 })),
        "dev",
      ).problems?.map(({ key }) => key),
      ["arch", "runners.ec2.instanceType"],
    );
  });

  it("accepts an internal API without a certificate", () => {
    assert.deepEqual(problemsOf({ ...rawConfig(), api: { public: false } }), []);
  });

  it("rejects a stack name that makes names too long for AWS, with the excess", () => {
    const name = "dev-anna-and-bert";
    assert.equal(name.length, 17);
    assert.deepEqual(problemsOf({ ...rawConfig(), tracking: search }, name), [
      {
        key: "stack",
        value: name,
        message: `makes the load balancer's name 'rates-${name}-api', with Pulumi's suffix of 8 characters, 35 characters long; AWS's maximum is 32: shorten the stack's name by 3.`,
      },
      {
        key: "stack",
        value: name,
        message: `makes the OpenSearch domain's name 'rates-${name}', with Pulumi's suffix of 8 characters, 31 characters long; AWS's maximum is 28: shorten the stack's name by 3.`,
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

  it("rejects values of tags that AWS refuses", () => {
    const owners = (owner: string) => problemsOf(rawConfig((it) => ({ ...it, tags: { ...it.tags, owner } })));
    for (const owner of ["R&D", "Anna's team", "a,b", "team #1", "a\tb", "aws:team", "", "x".repeat(257)])
      assert.deepEqual(
        owners(owner).map(({ key }) => key),
        ["tags.owner"],
        owner,
      );
    for (const owner of ["Müller + Söhne", "team@example.com", "cost/centre=1:2_3-4", "日本", "x".repeat(256)])
      assert.deepEqual(owners(owner), [], owner);
  });

  it("rejects a stack name that is invalid in bucket names", () => {
    assert.deepEqual(
      problemsOf(rawConfig(), "Dev_1").map(({ key }) => key),
      ["stack"],
    );
  });
});

describe("planStack", () => {
  it("returns the plan of a stack that fits", () => {
    assert.equal(planStack(rawConfig(), "dev").plan?.ec2.maxInstances, 2);
  });

  it("reports configuration and quotas together", () => {
    const raw = rawConfig((it) => ({ ...it, shar: 1, tags: {}, api: { minTasks: 3 }, quotas: { ec2Vcpus: 1 } }));
    assert.deepEqual(
      planStack({ ...raw, jobs: { timeoutSeconds: 9, maxTimeoutSeconds: 5 } }, "dev").problems?.map(({ key }) => key),
      ["shar", "tags.owner", "tags.costCentre", "api.minTasks", "jobs.timeoutSeconds"],
      "api.minTasks is part of a plan",
    );
    const quotas = { ec2Vcpus: 1, glueRuns: 0 };
    assert.deepEqual(
      planStack(
        rawConfig((it) => ({ ...it, shar: 1, tags: {}, quotas })),
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
        assert.ok(!message.includes("speed"), "another project's keys are none of ours");
        return true;
      },
    );
  });

  it("reports keys with a missing or misspelt prefix: ignored quotas would mean the whole account", () => {
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

  it("differ in scale: dev small and in one zone, prod zone-aware in three, staging like prod", () => {
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
