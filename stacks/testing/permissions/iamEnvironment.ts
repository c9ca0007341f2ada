import type { Deployment } from "@pulumi/pulumi/automation/index.js";
import { AWS_POLICIES } from "./awsPolicies.ts";
import type { Policy, PolicyDocument, PolicyStatement } from "./policy.ts";

/** A role with all policies that determine its permissions. */
export interface RolePermissions {
  readonly arn: string;
  readonly uniqueId: string;
  readonly identity: readonly Policy[];
  readonly boundary: Policy | undefined;
  readonly trust: Policy;
}

/** A resource in the engine's state. */
export interface Resource {
  readonly type: string;
  readonly name: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: outputs of every type
  readonly outputs: Record<string, any>;
}

function resourcesOf(deployment: Deployment): Resource[] {
  const { resources } = deployment.deployment as {
    resources: { urn: string; type: string; id?: string; outputs?: Record<string, unknown> }[];
  };
  return resources.map(({ urn, type, id = "", outputs = {} }) => ({
    type,
    name: urn.split("::").at(-1) ?? "",
    id,
    outputs,
  }));
}

/** Resources in the engine's states of one or more programs, with the policies of roles and resources. */
export class IamEnvironment {
  readonly resources: readonly Resource[];
  /** Roles by their names in the program. */
  readonly roles: ReadonlyMap<string, RolePermissions>;
  /** Policies of queues, buckets, topics, keys, functions and log groups that the programs registered, by ARN. */
  readonly resourcePolicies: ReadonlyMap<string, Policy>;

  /** Managed policies that the programs registered, by ARN. */
  readonly managedPolicies: ReadonlyMap<string, Policy>;

  /** @param deployments - States of programs in the same account, exported by the real engine. */
  constructor(...deployments: Deployment[]) {
    this.resources = deployments.flatMap(resourcesOf);
    this.managedPolicies = new Map(
      this.#ofType("aws:iam/policy:Policy").map(({ name, outputs }) => [
        outputs.arn as string,
        { name, document: JSON.parse(outputs.policy) },
      ]),
    );
    const managed = this.managedPolicies;
    this.roles = new Map(this.#ofType("aws:iam/role:Role").map((role) => [role.name, this.#role(role, managed)]));
    this.resourcePolicies = new Map(
      [...this.#resourcePolicies()].map(([resource, policy]) => [resource, { ...policy, resource }]),
    );
  }

  /**
   * Returns the resource of a type and name.
   *
   * @throws if there is no such resource
   */
  resource(type: string, name: string): Resource {
    const resource = this.#ofType(type).find((resource) => resource.name === name);
    if (resource === undefined)
      throw new Error(
        `no ${type} named ${name}: ${this.#ofType(type)
          .map((resource) => resource.name)
          .join(", ")}`,
      );
    return resource;
  }

  arn(type: string, name: string): string {
    return this.resource(type, name).outputs.arn;
  }

  /** Returns all policies of roles and resources that the programs registered. */
  policies(): Policy[] {
    const ofRoles = [...this.roles.values()].flatMap(({ identity, trust }) => [...identity, trust]);
    return [...ofRoles, ...this.resourcePolicies.values()];
  }

  #ofType(type: string): Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  #role({ name, outputs }: Resource, managed: ReadonlyMap<string, Policy>): RolePermissions {
    const inline = this.#ofType("aws:iam/rolePolicy:RolePolicy")
      .filter((resource) => resource.outputs.role === outputs.name)
      .map((resource) => ({ name: resource.name, document: JSON.parse(resource.outputs.policy) }));
    const attached = this.#ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
      .filter((resource) => resource.outputs.role === outputs.name)
      .map((resource) => policyOf(resource.outputs.policyArn, managed));
    const boundary: string | undefined = outputs.permissionsBoundary;
    return {
      arn: outputs.arn,
      uniqueId: outputs.uniqueId,
      identity: [...inline, ...attached],
      boundary: boundary === undefined ? undefined : policyOf(boundary, managed),
      trust: { name: `${name} (trust)`, document: JSON.parse(outputs.assumeRolePolicy) },
    };
  }

  *#resourcePolicies(): Generator<[string, Policy]> {
    const parsed = (name: string, policy: string): Policy => ({ name, document: JSON.parse(policy) });
    for (const { name, outputs } of this.#ofType("aws:sqs/queuePolicy:QueuePolicy")) {
      const queue = this.#ofType("aws:sqs/queue:Queue").find((resource) => resource.outputs.url === outputs.queueUrl);
      yield [queue?.outputs.arn, parsed(`${name} (queue)`, outputs.policy)];
    }
    for (const { name, outputs } of this.#ofType("aws:s3/bucketPolicy:BucketPolicy"))
      yield [`arn:aws:s3:::${outputs.bucket}`, parsed(`${name} (bucket)`, outputs.policy)];
    for (const { name, outputs } of this.#ofType("aws:sns/topicPolicy:TopicPolicy"))
      yield [outputs.arn, parsed(`${name} (topic)`, outputs.policy)];
    for (const { name, outputs } of this.#ofType("aws:kms/key:Key"))
      yield [
        outputs.arn,
        String(outputs.policy).startsWith("{")
          ? parsed(`${name} (key)`, outputs.policy)
          : defaultKeyPolicy(outputs.arn),
      ];
    for (const { name, outputs } of this.#ofType("aws:cloudwatch/logResourcePolicy:LogResourcePolicy")) {
      const policy = parsed(`${name} (log groups)`, outputs.policyDocument);
      yield [String(policy.document.Statement[0]?.Resource), policy];
    }
    yield* this.#functionPolicies();
  }

  /** Returns the policies of functions, which consist of one statement per permission. */
  *#functionPolicies(): Generator<[string, Policy]> {
    const aliases = this.#ofType("aws:lambda/alias:Alias");
    for (const alias of aliases) {
      const statements = this.#ofType("aws:lambda/permission:Permission")
        .filter(({ outputs }) => outputs.function === alias.outputs.functionName)
        .map(
          ({ outputs }): PolicyStatement => ({
            Effect: "Allow",
            Principal: { Service: outputs.principal },
            Action: outputs.action,
            Resource: alias.outputs.arn,
            Condition: { ArnLike: { "aws:SourceArn": outputs.sourceArn } },
          }),
        );
      yield [alias.outputs.arn, { name: `${alias.name} (function)`, document: documentOf(statements) }];
    }
  }
}

export const documentOf = (statements: PolicyStatement[]): PolicyDocument => ({
  Version: "2012-10-17",
  Statement: statements,
});

/**
 * Returns the policy of a key for which none is configured. It delegates to the account's IAM policies (AWS KMS Developer
 * Guide, default key policy).
 */
function defaultKeyPolicy(arn: string): Policy {
  const root = `arn:aws:iam::${arn.split(":")[4]}:root`;
  return {
    name: "default (key)",
    document: documentOf([{ Effect: "Allow", Principal: { AWS: root }, Action: "kms:*", Resource: "*" }]),
  };
}

function policyOf(arn: string, managed: ReadonlyMap<string, Policy>): Policy {
  const policy = managed.get(arn) ?? AWS_POLICIES.get(arn);
  if (policy === undefined) throw new Error(`the document of ${arn} is unknown: add it to awsPolicies.ts`);
  return policy;
}
