import { runSimulation, runUnsafeSimulation, type Simulation } from "@cloud-copilot/iam-simulate";
import { ADMINISTRATOR } from "./awsPolicies.ts";
import type { IamEnvironment, RoleRights } from "./iamEnvironment.ts";
import { listOf } from "./mutants.ts";
import type { Policy, PolicyDocument } from "./policy.ts";

/** Condition keys of a request and their values. */
export type Context = Readonly<Record<string, string | string[]>>;

/** One authorization that AWS makes for a call: an action on a resource under condition keys. */
export interface Need {
  readonly action: string;
  readonly resource: string;
  readonly context?: Context;
  /**
   * True if the role may do so with every resource of its kind in any account and region, as in AWS's own policy for
   * the service.
   */
  readonly anywhere?: boolean;
  /**
   * The library's data does not list the resource for the action: a resource of AWS without an account, or one that ELB
   * tags.
   */
  readonly unlisted?: boolean;
  /** Policy of a resource that the program does not register, for example of a key that AWS manages. */
  readonly resourcePolicy?: Policy;
}

/** A request and whether it must be allowed. */
export interface Case extends Need {
  readonly what: string;
  /** A role's name in the program, a service, or an ARN: of another account, or of an administrator of this one. */
  readonly principal: string;
  readonly allowed: boolean;
  /** Evaluates a role as if these were its identity policies: what its boundary alone allows. */
  readonly identity?: readonly Policy[];
  /** Evaluates the identity policies alone, as if the role had no boundary. */
  readonly unbounded?: boolean;
  /** The principal is an identity provider, whose tokens have condition keys that AWS's data does not list. */
  readonly federated?: boolean;
}

/** Policies that a mutation replaced. */
export type Replaced = ReadonlyMap<Policy, PolicyDocument>;

const NO_REPLACEMENTS: Replaced = new Map();

/** Every request comes over TLS unless its case says otherwise. */
const DEFAULT_CONTEXT: Context = { "aws:SecureTransport": "true" };

/** Evaluates cases under the policies of a program, as IAM does for one account's requests. */
export class Evaluator {
  readonly #environment: IamEnvironment;

  constructor(environment: IamEnvironment) {
    this.#environment = environment;
  }

  /** Policies that decide a case. */
  policiesOf(one: Case): Policy[] {
    const { boundary, resource, identity } = this.#parts(one);
    return [...identity, ...(boundary ? [boundary] : []), ...(resource ? [resource] : [])];
  }

  /** Returns true if a case is allowed. */
  async isAllowed(one: Case, replaced: Replaced = NO_REPLACEMENTS): Promise<boolean> {
    // The evaluation without the library's checks is six times as fast, but fails on a resource's policy, and matches a
    // request for all resources with every statement.
    const simulation = this.#simulation(one, replaced);
    if (simulation.resourcePolicy === undefined && one.resource !== "*")
      return runUnsafeSimulation(simulation, {}) === "Allowed";
    const answer = await runSimulation(simulation, {});
    return answer.resultType !== "error" && answer.overallResult === "Allowed";
  }

  /**
   * Evaluates a case with the library's checks: action, resource type and condition keys must exist in AWS's data.
   * @returns The reason why the case is not as expected; undefined if it is.
   */
  async validate(one: Case): Promise<string | undefined> {
    const expected = one.allowed ? "allowed" : "denied";
    if (one.federated || one.unlisted)
      return (await this.isAllowed(one)) === one.allowed ? undefined : `must be ${expected}`;
    const answer = await runSimulation(this.#simulation(one, NO_REPLACEMENTS), {});
    if (answer.resultType === "error") return `is no request of AWS's: ${JSON.stringify(answer.errors)}`;
    if ((answer.overallResult === "Allowed") !== one.allowed) return `must be ${expected}: ${answer.overallResult}`;
    if ((await this.isAllowed(one)) !== one.allowed) return `must be ${expected} without the library's checks, too`;
    const ignored = answer.resultType === "single" ? answer.result.ignoredContextKeys : undefined;
    return ignored && ignored.length > 0 ? `has condition keys that the action does not have: ${ignored}` : undefined;
  }

  #parts({ principal, resource, identity, resourcePolicy, unbounded }: Case) {
    const role = this.#environment.roles.get(principal);
    // Services have only the rights that a resource's policy gives them; other principals have all rights that their
    // own account can give.
    const own = role ? role.identity : principal.startsWith("arn:") ? [ADMINISTRATOR] : [];
    return {
      role,
      identity: identity ?? own,
      boundary: unbounded ? undefined : role?.boundary,
      resource: resourcePolicy ?? this.#resourcePolicy(resource),
    };
  }

  #resourcePolicy(resource: string): Policy | undefined {
    const { resourcePolicies, roles } = this.#environment;
    const bucket = /^arn:aws:s3:::[^/]+/.exec(resource)?.[0] ?? resource;
    const exact = resourcePolicies.get(bucket);
    if (exact) return exact;
    for (const [pattern, policy] of resourcePolicies)
      if (pattern.endsWith("*") && resource.startsWith(pattern.slice(0, -1))) return policy;
    return [...roles.values()].find(({ arn }) => arn === resource)?.trust;
  }

  #simulation(one: Case, replaced: Replaced): Simulation {
    const { role, identity, boundary, resource } = this.#parts(one);
    const now = (policy: Policy) => ({ name: policy.name, policy: replaced.get(policy) ?? policy.document });
    if (one.federated && resource) return federatedSimulation(one, now(resource).policy);
    // A trust policy decides who assumes the role, and nothing else.
    const trust = one.action.startsWith("sts:") || resource?.name.endsWith("(trust)") !== true;
    return {
      request: {
        principal: role ? sessionOf(role) : one.principal,
        action: one.action,
        resource: { resource: one.resource, accountId: accountOf(one.resource) ?? this.#account() },
        contextVariables: contextOf({ ...DEFAULT_CONTEXT, ...one.context }, role),
      },
      identityPolicies: identity.map(now),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(resource && trust ? { resourcePolicy: now(resource).policy } : {}),
      ...(boundary ? { permissionBoundaryPolicies: [now(boundary)] } : {}),
    };
  }

  #account(): string {
    const [role] = this.#environment.roles.values();
    return accountOf(role?.arn ?? "") ?? "";
  }
}

/**
 * A request with an identity provider's token. The library drops the token's condition keys when it checks a request,
 * so the statements that trust the provider are evaluated as if they were a policy of the caller's.
 */
function federatedSimulation(one: Case, trust: PolicyDocument): Simulation {
  const statements = trust.Statement.filter(
    ({ Principal }) => typeof Principal === "object" && listOf(Principal.Federated).includes(one.principal),
  ).map(({ Principal: _, ...statement }) => ({ ...statement, Resource: one.resource }));
  return {
    request: {
      principal: one.principal,
      action: one.action,
      resource: { resource: one.resource, accountId: accountOf(one.resource) ?? "" },
      contextVariables: { ...DEFAULT_CONTEXT, ...one.context },
    },
    identityPolicies: statements.length === 0 ? [] : [{ name: "trust", policy: { ...trust, Statement: statements } }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  };
}

const sessionOf = ({ arn }: RoleRights): string =>
  `${arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")}/session`;

const accountOf = (arn: string): string | undefined => /^arn:aws:[^:]*:[^:]*:(\d{12}):/.exec(arn)?.[1];

const contextOf = (context: Context, role: RoleRights | undefined): Record<string, string | string[]> => ({
  ...context,
  ...(role ? { "aws:userid": `${role.uniqueId}:session` } : {}),
});
