import assert from "node:assert/strict";
import { requireEngine } from "../command.ts";
import { ADMINISTRATOR } from "./awsPolicies.ts";
import { casesOf } from "./cases.ts";
import { type Case, Evaluator, type Need } from "./evaluate.ts";
import type { IamEnvironment, Resource } from "./iamEnvironment.ts";
import type { Policy } from "./policy.ts";
import { survivors, wrongCases } from "./proof.ts";
import { DEPLOYMENT } from "./tables/deployment.ts";
import { commandCases, commands } from "./tables/operators.ts";
import { callsOf } from "./tables/part.ts";
import { CALLERS } from "./tables/resources.ts";
import { type StackNames, stackNames } from "./tables/stackNames.ts";
import { stackParts } from "./tables/stackParts.ts";
import {
  deploymentDenied,
  deploymentNeeds,
  escalations,
  federatedCases,
  lookUps,
  previewDenied,
  previewNeeds,
} from "./tables/workflows.ts";
import { deployed, headersSecretOf, type LookedUp, stackFile } from "./testing/deployed.ts";

const PREVIEW = "rates-workflows-preview";
const DEPLOY = "rates-workflows-deploy";

/**
 * Attacks that only the boundary stops: on resources whose names match those that a deployment may use, and on keys,
 * which have no names.
 */
const ONLY_BOUNDED: readonly string[] = [
  "tags itself",
  "passes itself to a function",
  "passes itself to an instance",
  "passes the preview to a function",
  "extends the preview",
  "replaces its own boundary",
  "makes itself an administrator under the stacks' boundary",
  "opens the state's key",
  "deletes the state's key",
];

/** Resources of a stack: one of each type, and all of the types whose rights name several patterns. */
function oneOfEach({ resources }: IamEnvironment): Resource[] {
  const ofStack = resources.filter(({ name }) => !/^rates-(state|workflows|boundary|operators|once)/.test(name));
  const named = /logGroup:LogGroup|bucket:Bucket|taskDefinition:TaskDefinition/;
  const seen = new Set<string>();
  return ofStack.filter(({ type }) => named.test(type) || (!seen.has(type) && seen.add(type)));
}

/** Use of keys through services, on a key whose policy leaves it to the account's own policies. */
const throughServices = ({ region, topicKey }: StackNames, uses: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(uses).flatMap(([service, actions]) =>
    actions.map((action) => ({
      action: `kms:${action}`,
      resource: topicKey,
      context: { "kms:ViaService": `${service}.${region}.amazonaws.com` },
    })),
  );

/** A policy's characters without white space, which is how IAM counts them (IAM and AWS STS quotas). */
const sizeOf = ({ document }: Policy): number => JSON.stringify(document).replaceAll(/\s/g, "").length;

describe("rights in an account, as the real engine registers them", function () {
  this.timeout(600_000);
  // prod has every kind of resource that dev has, and OpenSearch.
  const stack = "prod";
  const lookedUp: LookedUp = new Set();
  let environment: IamEnvironment;
  let names: StackNames;
  let evaluator: Evaluator;
  let cases: { preview: Case[]; deploy: Case[]; ceilings: Case[]; operators: Case[]; resources: Case[] };

  const named = (
    principal: string,
    needs: Iterable<readonly [string, Need]>,
    allowed: boolean,
    identity?: Policy[],
  ): Case[] =>
    [...needs].map(([what, need]) => ({
      ...need,
      what: `${principal}: ${what}`,
      principal,
      allowed,
      ...(identity ? { identity } : {}),
    }));
  const numbered = (needs: readonly Need[]) =>
    needs.map((need) => [`${need.action} on ${need.resource}`, need] as const);
  /** Requests that are allowed on a name of a stack, on another's. */
  const elsewhere = (allowed: readonly Case[]): Case[] =>
    allowed
      .filter(({ resource, anywhere }) => /rates[-/]/.test(resource) && !resource.includes("rates-state-") && !anywhere)
      .map((one) => ({
        ...one,
        what: `${one.what}, not a stack's`,
        resource: one.resource.replaceAll(/rates([-/])/g, "other$1"),
        allowed: false,
      }));
  const unbounded = (some: readonly Case[]): Case[] => some.map((one) => ({ ...one, unbounded: true }));

  before(async function () {
    requireEngine(this);
    this.timeout(300_000);
    environment = await deployed(stack, lookedUp);
    names = stackNames(environment, stack, headersSecretOf(stack));
    evaluator = new Evaluator(environment);
    const { account } = names;

    const zone = { type: "aws:route53/record:Record", name: "", id: "", outputs: { zoneId: "Z0123456789ABCDEFGHIJ" } };
    const needs = [...oneOfEach(environment), zone].flatMap(
      (resource) => DEPLOYMENT[resource.type]?.(resource, names) ?? [],
    );
    const unique = new Map([...needs, ...deploymentNeeds(names)].map((need) => [JSON.stringify(need), need]));
    const deploy = named(DEPLOY, numbered([...unique.values()]), true);
    const administrator = [ADMINISTRATOR];
    const parts = stackParts(names, stackFile(stack).jobs.rawSql);
    const ofStack = parts.flatMap((part) => casesOf(part, `rates-${stack}-`)).filter(({ allowed }) => allowed);
    const api = names.named("api");
    const attacks = Object.entries(escalations(names));
    cases = {
      preview: [
        ...named(PREVIEW, numbered(previewNeeds(names)), true),
        ...named(PREVIEW, Object.entries(previewDenied(names)), false),
      ],
      deploy: [
        ...deploy,
        ...named(DEPLOY, attacks, false),
        ...named(DEPLOY, Object.entries(deploymentDenied(names)), false),
        // The policies themselves must allow no more: the boundary is a second layer.
        ...unbounded([
          ...elsewhere(deploy),
          ...named(
            DEPLOY,
            attacks.filter(([what]) => !ONLY_BOUNDED.includes(what)),
            false,
          ),
          ...named(DEPLOY, Object.entries(deploymentDenied(names)), false),
        ]),
      ],
      // Attaching AdministratorAccess to a role grants nothing beyond its boundary.
      ceilings: [
        ...named(DEPLOY, attacks, false, administrator),
        ...elsewhere(deploy.filter(({ action }) => /^(ecs|glue|iam|lambda|secretsmanager):/.test(action))).map(
          (one) => ({
            ...one,
            identity: administrator,
          }),
        ),
        ...named(
          api,
          attacks.filter(([what]) => what !== "launches an instance"),
          false,
          administrator,
        ),
        ...ofStack,
        ...elsewhere(ofStack).map((one) => ({ ...one, principal: api, identity: administrator })),
        ...named(api, Object.entries(beyondStacks(names)), false, administrator),
        ...named(
          DEPLOY,
          Object.entries(deploymentDenied(names)).filter(([, { action }]) => /^(kms|secretsmanager):/.test(action)),
          false,
          administrator,
        ),
        // A boundary must not deny a role the keys with which services encrypt, regardless of the keys' policies.
        ...named(
          DEPLOY,
          numbered(
            throughServices(names, {
              es: ["CreateGrant"],
              rds: ["CreateGrant"],
              secretsmanager: ["Decrypt", "GenerateDataKey"],
            }),
          ),
          true,
          administrator,
        ),
        ...named(
          api,
          numbered(
            throughServices(names, {
              ec2: ["CreateGrant", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom"],
              secretsmanager: ["Decrypt"],
            }),
          ),
          true,
          administrator,
        ),
        ...named(api, numbered(throughServices(names, { sqs: ["Decrypt"] })), false, administrator),
        ...named(DEPLOY, numbered(throughServices(names, { sqs: ["Decrypt"] })), false, administrator),
      ],
      operators: Object.entries(commands(names)).flatMap(([what, command]) =>
        commandCases(what, command, environment.managedPolicies, account),
      ),
      resources: [
        ...federatedCases(
          account,
          environment.arn("aws:iam/role:Role", PREVIEW),
          environment.arn("aws:iam/role:Role", DEPLOY),
        ),
        ...accountResourceCases(names),
      ],
    };
  });

  it("lets a preview read the state and what the program looks up, and do nothing else", async () => {
    assert.deepEqual(await wrongCases(evaluator, cases.preview), []);
  });

  it("lists in the table every function that the program calls in a preview", () => {
    const tokens = Object.keys(lookUps(names)).filter((what) => what.startsWith("aws:"));
    assert.deepEqual([...lookedUp].sort(), tokens.sort());
  });

  it("lets a deployment create every resource of a stack, but not make itself an administrator", async () => {
    assert.deepEqual(await wrongCases(evaluator, cases.deploy), []);
  });

  it("lists in the table every type of resource that a stack has", () => {
    const types = environment.resources
      .filter(({ name, type }) => /^(aws|docker):/.test(type) && name.startsWith(`rates-${stack}`))
      .map(({ type }) => type);
    assert.deepEqual(
      [...new Set(types)].filter((type) => DEPLOYMENT[type] === undefined),
      [],
    );
  });

  it("bounds every role that an administrator's policy is attached to", async () => {
    assert.deepEqual(await wrongCases(evaluator, cases.ceilings), []);
    const boundaries = [DEPLOY, names.named("api")].map((role) => environment.roles.get(role)?.boundary?.name);
    assert.deepEqual(boundaries, ["rates-boundary-deployment", "rates-boundary"]);
  });

  it("lets operators make the calls of their commands, and no others", async () => {
    assert.deepEqual(await wrongCases(evaluator, cases.operators), []);
    for (const [what, { source, calls, never }] of Object.entries(commands(names)))
      assert.deepEqual([...Object.keys(calls), ...Object.keys(never)].sort(), await callsOf(source), what);
  });

  it("lets the repository's workflows assume the two roles, and OpenSearch write its logs", async () => {
    assert.deepEqual(await wrongCases(evaluator, cases.resources), []);
  });

  it("fails if any statement, action, resource or condition is removed, or a resource is widened", async () => {
    const all = Object.values(cases).flat();
    const ofRoles = [PREVIEW, DEPLOY].flatMap((name) => {
      const role = environment.roles.get(name);
      return role ? [...role.identity, role.trust] : [];
    });
    const { account, region } = names;
    const ofAccount = [...environment.resourcePolicies].filter(
      ([arn]) => arn === names.state || arn.startsWith(`arn:aws:logs:${region}:${account}:`),
    );
    const policies = new Set([
      ...ofRoles,
      ...environment.managedPolicies.values(),
      ...ofAccount.map(([, policy]) => policy),
    ]);
    assert.ok(policies.size >= 12);
    const unnoticed = await Promise.all([...policies].map((policy) => survivors(evaluator, policy, all)));
    assert.deepEqual(unnoticed.flat(), []);
  });

  it("has policies that fit IAM's quotas", () => {
    for (const policy of environment.managedPolicies.values())
      assert.ok(sizeOf(policy) <= 6_144, `${policy.name}: ${sizeOf(policy)}`);
    for (const [name, { identity }] of environment.roles) {
      const inline = identity.filter((policy) => ![...environment.managedPolicies.values()].includes(policy));
      const size = inline.reduce((sum, policy) => sum + sizeOf(policy), 0);
      assert.ok(size <= 10_240, `${name}: ${size}`);
      assert.ok(identity.length - inline.length <= 10, name);
    }
  });
});

/** Actions that no role of a stack needs, on services that the boundary allows. */
function beyondStacks({ arnOf, account, region, topicKey, state, queues }: StackNames): Record<string, Need> {
  const need = (action: string, resource: string, context?: Need["context"]): Need => ({
    action,
    resource,
    ...(context ? { context } : {}),
  });
  return {
    "logs in to a cluster": need("rds-db:connect", arnOf("rds-db", "dbuser:cluster-ABC/postgres")),
    "reads another log": need("logs:GetLogEvents", arnOf("logs", "log-group:rates-x:log-stream:y")),
    "creates a log group": need("logs:CreateLogGroup", arnOf("logs", "log-group:mine")),
    "writes another log": need("logs:PutLogEvents", arnOf("logs", "log-group:mine:log-stream:one")),
    "decrypts by itself": need("kms:Decrypt", topicKey),
    "reads the state": need("s3:GetObject", `${state}/.pulumi/stacks/x.json`),
    "changes a queue": need("sqs:SetQueueAttributes", queues.requests),
    "passes the instances' role to a function": need("iam:PassRole", `arn:aws:iam::${account}:role/rates-dev-ec2-1`, {
      "iam:PassedToService": "lambda.amazonaws.com",
    }),
    "passes another role to an instance": need("iam:PassRole", `arn:aws:iam::${account}:role/rates-dev-api-1`, {
      "iam:PassedToService": "ec2.amazonaws.com",
    }),
    "reads another secret": need("secretsmanager:GetSecretValue", arnOf("secretsmanager", "secret:mine-abcdef")),
    "changes a template": need(
      "ec2:CreateLaunchTemplateVersion",
      `arn:aws:ec2:${region}:${account}:launch-template/lt-1`,
    ),
  };
}

/** The state's bucket refuses requests without TLS; OpenSearch writes to the log groups of domains. */
function accountResourceCases({ account, arnOf, state }: StackNames): Case[] {
  const one = (allowed: boolean, principal: string, action: string, resource: string, context = {}): Case => ({
    what: `${principal} ${action}`,
    principal,
    action,
    resource,
    context,
    allowed,
  });
  const administrator = `arn:aws:iam::${account}:role/administrator`;
  const plain = { "aws:SecureTransport": "false" };
  const stream = arnOf("logs", "log-group:/aws/OpenSearchService/rates/rates-prod-log-1:log-stream:one");
  const from = { "aws:SourceAccount": account };
  return [
    ...[state, `${state}/x`].flatMap((resource) => {
      const action = resource === state ? "s3:ListBucket" : "s3:GetObject";
      return [one(true, administrator, action, resource), one(false, administrator, action, resource, plain)];
    }),
    ...["logs:CreateLogStream", "logs:PutLogEvents"].flatMap((action) => [
      one(true, "es.amazonaws.com", action, stream, from),
      one(false, "es.amazonaws.com", action, stream, { "aws:SourceAccount": CALLERS.account }),
      one(false, "glue.amazonaws.com", action, stream, from),
    ]),
  ];
}
