import { isNamed, unreachable } from "./reachability.ts";
import { COMPONENTS, type Component, type ComponentReach } from "./reachabilityTable.ts";
import type { StoredResource } from "./variants.ts";

/** A resource that starts a component: the component runs from the resource's creation until its deletion. */
interface Start {
  readonly component: Component;
  readonly type: string;
  /** Name after `rates-<stack>-`, as a regular expression. */
  readonly name: string;
  readonly reason: string;
}

/**
 * Resources that start components whose code runs during an `up` or a `destroy`. In the worst order that the graph
 * allows, all resources that such a resource does not depend on are created after it and deleted before it.
 */
export const STARTS: readonly Start[] = [
  {
    component: "dispatcher",
    type: "aws:lambda/invocation:Invocation",
    name: "dispatcher-drain",
    reason: "it is invoked when it is created, and again to end all runs before it is deleted",
  },
  {
    component: "dispatcher",
    type: "aws:lambda/eventSourceMapping:EventSourceMapping",
    name: "dispatcher-(requests|wakeups)",
    reason: "messages invoke it from then on",
  },
  {
    component: "dispatcher",
    type: "aws:cloudwatch/eventTarget:EventTarget",
    name: "dispatcher-(schedule|glue|ec2)",
    reason: "events invoke it from then on",
  },
  {
    component: "migrations",
    type: "aws:lambda/invocation:Invocation",
    name: "migrations(-roles)?",
    reason: "it is invoked",
  },
  {
    component: "api",
    type: "aws:ecs/service:Service",
    name: "api",
    reason: "its tasks start, and the deployment waits until they are healthy",
  },
];

/** A rule that resources of type `needs` must exist before one of `type` is created, and until it is deleted. */
interface OrderRule {
  /** Type of the resource that is deleted first. */
  readonly type: string;
  readonly name?: string;
  readonly appliesTo?: (resource: StoredResource) => boolean;
  /** Type of the resources that must outlive it. */
  readonly needs: string;
  /**
   * Selects the resources of that type that must outlive it.
   *
   * @default all resources of the type
   */
  readonly selects?: (needed: StoredResource, resource: StoredResource) => boolean;
  readonly reason: string;
  /** Reason why violations are accepted. If it is set, at least one resource must violate the rule. */
  readonly accepted?: string;
}

const POLICY = "aws:iam/rolePolicy:RolePolicy";
const GROUP = "aws:ec2/securityGroup:SecurityGroup";
const INTERNET_GATEWAY = "aws:ec2/internetGateway:InternetGateway";
const PUBLIC_BALANCER = ({ inputs }: StoredResource): boolean => inputs.internal !== true;
const suffix = ({ name }: StoredResource): string => name.replace(/^rates-(dev-anna|dev|staging|prod)-?/, "");
const hasSameName = (needed: StoredResource, resource: StoredResource): boolean => suffix(needed) === suffix(resource);

/** Requirements of AWS services on the order of creation and deletion. */
export const ORDER_RULES: readonly OrderRule[] = [
  {
    type: GROUP,
    name: "dispatcher|migrations|glue",
    needs: POLICY,
    selects: hasSameName,
    reason: "the service deletes its network interfaces with this role, minutes later, and the group waits for that",
  },
  {
    type: "aws:lb/loadBalancer:LoadBalancer",
    appliesTo: PUBLIC_BALANCER,
    needs: INTERNET_GATEWAY,
    reason:
      "ELB refuses a public load balancer in a VPC without an internet gateway, and EC2 refuses to detach a gateway while public addresses exist",
  },
  {
    type: "aws:ec2/natGateway:NatGateway",
    needs: INTERNET_GATEWAY,
    reason:
      "a NAT gateway fails in a VPC without an internet gateway, and EC2 refuses to detach a gateway while public addresses exist",
    accepted:
      "awsx registers both and accepts no further dependencies: the internet gateway depends on the VPC only, the NAT gateway on a subnet and an address; the AWS provider retries the detachment",
  },
  {
    type: "aws:rds/instance:Instance",
    needs: "aws:cloudwatch/logGroup:LogGroup",
    selects: (needed) => isNamed(needed.name, "database-(postgresql|upgrade)"),
    reason: "RDS would create the log group itself, whose events never expire",
  },
  {
    type: "aws:lambda/function:Function",
    needs: "aws:cloudwatch/logGroup:LogGroup",
    selects: hasSameName,
    reason: "Lambda would create the log group itself, whose events never expire",
  },
  {
    type: "aws:rds/instance:Instance",
    needs: "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    selects: (needed) => isNamed(needed.name, "database-monitoring-.*"),
    reason: "RDS tests the role of enhanced monitoring before it accepts it",
  },
  {
    type: "aws:lb/loadBalancer:LoadBalancer",
    needs: "aws:s3/bucketPolicy:BucketPolicy",
    selects: (needed) => isNamed(needed.name, "api-access"),
    reason: "ELB writes a test object before it accepts the setting",
  },
  {
    type: "aws:ec2/flowLog:FlowLog",
    needs: POLICY,
    selects: (needed) => isNamed(needed.name, "network-flow"),
    reason: "EC2 refuses a flow log whose role cannot write it",
  },
];

/**
 * Finds missing guarantees of the dependency graph. A resource's direct and indirect dependencies exist from its creation
 * until its deletion; all other resources may be missing during that time.
 *
 * @returns One sentence per missing guarantee.
 */
export function orderProblems(resources: readonly StoredResource[]): string[] {
  const graph = new Graph(resources);
  return [
    ...STARTS.flatMap((start) =>
      matching(resources, start).flatMap((resource) => startProblems(graph, resources, start, resource)),
    ),
    ...ORDER_RULES.filter(({ accepted }) => accepted === undefined).flatMap((rule) =>
      ruleProblems(graph, resources, rule),
    ),
  ];
}

/** Returns a message for each rule whose violation is accepted although no resource violates it. */
export function obsoleteExceptions(resources: readonly StoredResource[]): string[] {
  const graph = new Graph(resources);
  return ORDER_RULES.filter(({ accepted }) => accepted !== undefined)
    .filter((rule) => matching(resources, rule).length > 0 && ruleProblems(graph, resources, rule).length === 0)
    .map(({ type, needs }) => `every ${type} depends on ${needs}: remove 'accepted' from the rule`);
}

function startProblems(
  graph: Graph,
  resources: readonly StoredResource[],
  { component, reason }: Start,
  start: StoredResource,
): string[] {
  const needed = graph.needs(start.urn);
  const existing = resources.filter(({ urn }) => urn === start.urn || needed.has(urn));
  const prefix = `${start.name} does not guarantee the network of ${component} (${reason})`;
  // OpenSearch may be created after a component that uses it: documents are written again, and searched later.
  const obstacles = unreachable(resources, [], { components: [component], existing, without: ["es"] }).map(
    (obstacle) => `${prefix}: ${obstacle}`,
  );
  const { roles }: ComponentReach = COMPONENTS[component];
  const missingPolicies = resources
    .filter(({ type }) => type === POLICY || type === "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    .filter(({ name, urn }) => roles.some((role) => isNamed(name, role)) && !needed.has(urn))
    .map(({ name }) => `${start.name} does not depend on the policy ${name} (${reason})`);
  const database = resources
    .filter(({ type, urn }) => type === "aws:rds/instance:Instance" && !needed.has(urn))
    .map(({ name }) => `${start.name} does not depend on the database ${name} (${reason})`);
  return [...obstacles, ...missingPolicies, ...database];
}

function ruleProblems(graph: Graph, resources: readonly StoredResource[], rule: OrderRule): string[] {
  const { needs, selects = () => true, appliesTo = () => true, reason } = rule;
  return matching(resources, rule)
    .filter(appliesTo)
    .flatMap((resource) => {
      const selected = resources.filter((other) => other.type === needs && selects(other, resource));
      if (selected.length === 0) return [`${resource.name} has no ${needs} to outlive it (${reason})`];
      const needed = graph.needs(resource.urn);
      return selected
        .filter(({ urn }) => !needed.has(urn))
        .map((other) => `${resource.name} (${resource.type}) does not depend on ${other.name} (${needs}): ${reason}`);
    });
}

const matching = (resources: readonly StoredResource[], { type, name = ".*" }: { type: string; name?: string }) =>
  resources.filter((resource) => resource.type === type && isNamed(resource.name, name));

/** The direct and indirect dependencies of a stack's resources. */
class Graph {
  readonly #needs: ReadonlyMap<string, readonly string[]>;
  readonly #cache = new Map<string, ReadonlySet<string>>();

  constructor(resources: readonly StoredResource[]) {
    this.#needs = new Map(resources.map(({ urn, needs }) => [urn, needs]));
  }

  /** Returns the URNs of all direct and indirect dependencies of a resource. */
  needs(urn: string): ReadonlySet<string> {
    const cached = this.#cache.get(urn);
    if (cached !== undefined) return cached;
    const dependencies = new Set<string>();
    const pending = [...(this.#needs.get(urn) ?? [])];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (dependencies.has(next)) continue;
      dependencies.add(next);
      pending.push(...(this.#needs.get(next) ?? []));
    }
    this.#cache.set(urn, dependencies);
    return dependencies;
  }
}
