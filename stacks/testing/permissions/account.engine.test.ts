import assert from "node:assert/strict";
import { requireEngine } from "../command.ts";
import { ADMINISTRATOR } from "./awsPolicies.ts";
import { undetectedMutants, unexpectedOutcomes } from "./caseChecks.ts";
import { casesOf } from "./cases.ts";
import { type Authorization, type Case, Evaluator } from "./evaluate.ts";
import type { IamEnvironment, Resource } from "./iamEnvironment.ts";
import type { Policy } from "./policy.ts";
import { callsOf } from "./tables/component.ts";
import { DEPLOYMENT } from "./tables/deployment.ts";
import { commandCases, commands } from "./tables/operators.ts";
import { CALLERS } from "./tables/resources.ts";
import { stackComponents } from "./tables/stackComponents.ts";
import { type StackNames, stackNames } from "./tables/stackNames.ts";
import {
  deploymentAuthorizations,
  deploymentDenied,
  escalations,
  federatedCases,
  lookUps,
  previewAuthorizations,
  previewDenied,
} from "./tables/workflows.ts";
import { type CalledFunctions, deployStack, headersSecretOf, stackFile } from "./testing/deployStack.ts";

const PREVIEW = "rates-workflows-preview";
const DEPLOY = "rates-workflows-deploy";

/**
 * Attacks that only the boundary prevents: on resources whose names match those that a deployment may use, and on keys,
 * which have no names.
 */
const ONLY_BOUNDED: readonly string[] = [
  "tags itself",
  "passes itself to a function",
  "passes itself to an instance",
  "passes the preview to a function",
  "attaches a policy to the preview",
  "replaces its own boundary",
  "makes itself an administrator under the stacks' boundary",
  "changes the policy of the state's key",
  "deletes the state's key",
];

/** Returns one resource of each type of a stack, and all resources of the types whose permissions name several patterns. */
function resourcesToTest({ resources }: IamEnvironment): Resource[] {
  const ofStack = resources.filter(({ name }) => !/^rates-(state|workflows|boundary|operators|once)/.test(name));
  const withSeveralPatterns = /logGroup:LogGroup|bucket:Bucket|taskDefinition:TaskDefinition/;
  const seen = new Set<string>();
  return ofStack.filter(({ type }) => withSeveralPatterns.test(type) || (!seen.has(type) && seen.add(type)));
}

/** Returns requests to use a key through services. The key's policy delegates to the account's IAM policies. */
const throughServices = ({ region, topicKey }: StackNames, uses: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(uses).flatMap(([service, actions]) =>
    actions.map((action) => ({
      action: `kms:${action}`,
      resource: topicKey,
      context: { "kms:ViaService": `${service}.${region}.amazonaws.com` },
    })),
  );

/** Returns the size of a policy as IAM counts it: characters without white space (IAM and AWS STS quotas). */
const sizeOf = ({ document }: Policy): number => JSON.stringify(document).replaceAll(/\s/g, "").length;

describe("permissions in an account, as the real engine registers them", function () {
  this.timeout(600_000);
  // prod has every kind of resource that dev has, and OpenSearch.
  const stack = "prod";
  const calledFunctions: CalledFunctions = new Set();
  let environment: IamEnvironment;
  let names: StackNames;
  let evaluator: Evaluator;
  let cases: { preview: Case[]; deploy: Case[]; boundaries: Case[]; operators: Case[]; resources: Case[] };

  const casesFor = (
    principal: string,
    authorizations: Iterable<readonly [string, Authorization]>,
    allowed: boolean,
    identity?: Policy[],
  ): Case[] =>
    [...authorizations].map(([title, authorization]) => ({
      ...authorization,
      title: `${principal}: ${title}`,
      principal,
      allowed,
      ...(identity ? { identity } : {}),
    }));
  const withTitles = (authorizations: readonly Authorization[]) =>
    authorizations.map(
      (authorization) => [`${authorization.action} on ${authorization.resource}`, authorization] as const,
    );
  /** Returns the allowed requests on resources with a stack's name, with another name instead; they must be denied. */
  const onOtherNames = (allowed: readonly Case[]): Case[] =>
    allowed
      .filter(
        ({ resource, isUnrestricted }) =>
          /rates[-/]/.test(resource) && !resource.includes("rates-state-") && !isUnrestricted,
      )
      .map((testCase) => ({
        ...testCase,
        title: `${testCase.title}, on another name`,
        resource: testCase.resource.replaceAll(/rates([-/])/g, "other$1"),
        allowed: false,
      }));
  const withoutBoundary = (bounded: readonly Case[]): Case[] =>
    bounded.map((testCase) => ({ ...testCase, withoutBoundary: true }));

  before(async function () {
    requireEngine(this);
    this.timeout(300_000);
    environment = await deployStack(stack, calledFunctions);
    names = stackNames(environment, stack, headersSecretOf(stack));
    evaluator = new Evaluator(environment);
    const { account } = names;

    const zone = { type: "aws:route53/record:Record", name: "", id: "", outputs: { zoneId: "Z0123456789ABCDEFGHIJ" } };
    const authorizations = [...resourcesToTest(environment), zone].flatMap(
      (resource) => DEPLOYMENT[resource.type]?.(resource, names) ?? [],
    );
    const unique = new Map(
      [...authorizations, ...deploymentAuthorizations(names)].map((authorization) => [
        JSON.stringify(authorization),
        authorization,
      ]),
    );
    const deploy = casesFor(DEPLOY, withTitles([...unique.values()]), true);
    const administrator = [ADMINISTRATOR];
    const components = stackComponents(names, stackFile(stack).jobs.rawSql);
    const ofStack = components
      .flatMap((component) => casesOf(component, `rates-${stack}-`))
      .filter(({ allowed }) => allowed);
    const api = names.fullName("api");
    const attacks = Object.entries(escalations(names));
    cases = {
      preview: [
        ...casesFor(PREVIEW, withTitles(previewAuthorizations(names)), true),
        ...casesFor(PREVIEW, Object.entries(previewDenied(names)), false),
      ],
      deploy: [
        ...deploy,
        ...casesFor(DEPLOY, attacks, false),
        ...casesFor(DEPLOY, Object.entries(deploymentDenied(names)), false),
        // The policies must deny these without the boundary, which is a second layer.
        ...withoutBoundary([
          ...onOtherNames(deploy),
          ...casesFor(
            DEPLOY,
            attacks.filter(([title]) => !ONLY_BOUNDED.includes(title)),
            false,
          ),
          ...casesFor(DEPLOY, Object.entries(deploymentDenied(names)), false),
        ]),
      ],
      // Attaching AdministratorAccess to a role grants nothing beyond its boundary.
      boundaries: [
        ...casesFor(DEPLOY, attacks, false, administrator),
        ...onOtherNames(deploy.filter(({ action }) => /^(ecs|glue|iam|lambda|secretsmanager):/.test(action))).map(
          (testCase) => ({
            ...testCase,
            identity: administrator,
          }),
        ),
        ...casesFor(
          api,
          attacks.filter(([title]) => title !== "launches an instance"),
          false,
          administrator,
        ),
        ...ofStack,
        ...onOtherNames(ofStack).map((testCase) => ({ ...testCase, principal: api, identity: administrator })),
        ...casesFor(api, Object.entries(beyondStacks(names)), false, administrator),
        ...casesFor(
          DEPLOY,
          Object.entries(deploymentDenied(names)).filter(([, { action }]) => /^(kms|secretsmanager):/.test(action)),
          false,
          administrator,
        ),
        // A boundary must not deny a role the use of keys with which services encrypt.
        ...casesFor(
          DEPLOY,
          withTitles(
            throughServices(names, {
              es: ["CreateGrant"],
              rds: ["CreateGrant"],
              secretsmanager: ["Decrypt", "GenerateDataKey"],
            }),
          ),
          true,
          administrator,
        ),
        ...casesFor(
          api,
          withTitles(
            throughServices(names, {
              ec2: ["CreateGrant", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom"],
              secretsmanager: ["Decrypt"],
            }),
          ),
          true,
          administrator,
        ),
        ...casesFor(api, withTitles(throughServices(names, { sqs: ["Decrypt"] })), false, administrator),
        ...casesFor(DEPLOY, withTitles(throughServices(names, { sqs: ["Decrypt"] })), false, administrator),
      ],
      operators: Object.entries(commands(names)).flatMap(([title, command]) =>
        commandCases(title, command, environment.managedPolicies, account),
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

  it("lets a preview read only the state and the values that the program looks up", async () => {
    assert.deepEqual(await unexpectedOutcomes(evaluator, cases.preview), []);
  });

  it("lists in the table every function of the provider that the program calls", () => {
    const tokens = Object.keys(lookUps(names)).filter((title) => title.startsWith("aws:"));
    assert.deepEqual([...calledFunctions].sort(), tokens.sort());
  });

  it("lets a deployment create every resource of a stack, but not make itself an administrator", async () => {
    assert.deepEqual(await unexpectedOutcomes(evaluator, cases.deploy), []);
  });

  it("lists in the table every type of resource that a stack contains", () => {
    const types = environment.resources
      .filter(({ name, type }) => /^(aws|docker):/.test(type) && name.startsWith(`rates-${stack}`))
      .map(({ type }) => type);
    assert.deepEqual(
      [...new Set(types)].filter((type) => DEPLOYMENT[type] === undefined),
      [],
    );
  });

  it("limits roles by their boundaries even if an administrator's policy is attached", async () => {
    assert.deepEqual(await unexpectedOutcomes(evaluator, cases.boundaries), []);
    const boundaries = [DEPLOY, names.fullName("api")].map((role) => environment.roles.get(role)?.boundary?.name);
    assert.deepEqual(boundaries, ["rates-boundary-deployment", "rates-boundary"]);
  });

  it("lets operators make the calls of their commands, and no others", async () => {
    assert.deepEqual(await unexpectedOutcomes(evaluator, cases.operators), []);
    for (const [title, { source, calls, uncalled }] of Object.entries(commands(names)))
      assert.deepEqual([...Object.keys(calls), ...Object.keys(uncalled)].sort(), await callsOf(source), title);
  });

  it("lets only the repository's workflows assume the two roles, and only OpenSearch write its logs", async () => {
    assert.deepEqual(await unexpectedOutcomes(evaluator, cases.resources), []);
  });

  it("has a case that detects each mutant of the policies, in which an element is removed or widened", async () => {
    const allCases = Object.values(cases).flat();
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
    const undetected = await Promise.all([...policies].map((policy) => undetectedMutants(evaluator, policy, allCases)));
    assert.deepEqual(undetected.flat(), []);
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

/** Returns requests that no role of a stack needs, to services that the boundary allows. */
function beyondStacks({ arnOf, account, region, topicKey, state, queues }: StackNames): Record<string, Authorization> {
  const request = (action: string, resource: string, context?: Authorization["context"]): Authorization => ({
    action,
    resource,
    ...(context ? { context } : {}),
  });
  return {
    "logs in to a cluster": request("rds-db:connect", arnOf("rds-db", "dbuser:cluster-ABC/postgres")),
    "reads another log": request("logs:GetLogEvents", arnOf("logs", "log-group:rates-x:log-stream:y")),
    "creates a log group": request("logs:CreateLogGroup", arnOf("logs", "log-group:mine")),
    "writes another log": request("logs:PutLogEvents", arnOf("logs", "log-group:mine:log-stream:one")),
    "decrypts directly with a key": request("kms:Decrypt", topicKey),
    "reads the state": request("s3:GetObject", `${state}/.pulumi/stacks/x.json`),
    "changes a queue": request("sqs:SetQueueAttributes", queues.requests),
    "passes the instances' role to a function": request(
      "iam:PassRole",
      `arn:aws:iam::${account}:role/rates-dev-ec2-1`,
      {
        "iam:PassedToService": "lambda.amazonaws.com",
      },
    ),
    "passes another role to an instance": request("iam:PassRole", `arn:aws:iam::${account}:role/rates-dev-api-1`, {
      "iam:PassedToService": "ec2.amazonaws.com",
    }),
    "reads another secret": request("secretsmanager:GetSecretValue", arnOf("secretsmanager", "secret:mine-abcdef")),
    "changes a template": request(
      "ec2:CreateLaunchTemplateVersion",
      `arn:aws:ec2:${region}:${account}:launch-template/lt-1`,
    ),
  };
}

/** Returns cases for the state bucket, which refuses requests without TLS, and for the log groups of OpenSearch domains. */
function accountResourceCases({ account, arnOf, state }: StackNames): Case[] {
  const caseOf = (allowed: boolean, principal: string, action: string, resource: string, context = {}): Case => ({
    title: `${principal} ${action}`,
    principal,
    action,
    resource,
    context,
    allowed,
  });
  const administrator = `arn:aws:iam::${account}:role/administrator`;
  const withoutTls = { "aws:SecureTransport": "false" };
  const stream = arnOf("logs", "log-group:/aws/OpenSearchService/rates/rates-prod-log-1:log-stream:one");
  const from = { "aws:SourceAccount": account };
  return [
    ...[state, `${state}/x`].flatMap((resource) => {
      const action = resource === state ? "s3:ListBucket" : "s3:GetObject";
      return [
        caseOf(true, administrator, action, resource),
        caseOf(false, administrator, action, resource, withoutTls),
      ];
    }),
    ...["logs:CreateLogStream", "logs:PutLogEvents"].flatMap((action) => [
      caseOf(true, "es.amazonaws.com", action, stream, from),
      caseOf(false, "es.amazonaws.com", action, stream, { "aws:SourceAccount": CALLERS.account }),
      caseOf(false, "glue.amazonaws.com", action, stream, from),
    ]),
  ];
}
