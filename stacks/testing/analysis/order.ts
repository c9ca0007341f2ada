import { isNamed, unreachable } from "./reachability.ts";
import { PARTS, type Part, type PartReach } from "./reachabilityTable.ts";
import type { StoredResource } from "./variants.ts";

/** The start of a part: it runs from the creation of this resource until its deletion. */
interface Start {
  readonly part: Part;
  readonly type: string;
  /** Name after `rates-<stack>-`, as a regular expression. */
  readonly name: string;
  readonly why: string;
}

/**
 * Starts of parts whose code runs during an `up` or a `destroy`. In the worst order that the graph allows, the rest of
 * the stack is created after such a resource, and deleted before it.
 */
export const STARTS: readonly Start[] = [
  {
    part: "dispatcher",
    type: "aws:lambda/invocation:Invocation",
    name: "dispatcher-drain",
    why: "it is invoked once the stack is created, and ends all runs before the stack is deleted",
  },
  {
    part: "dispatcher",
    type: "aws:lambda/eventSourceMapping:EventSourceMapping",
    name: "dispatcher-(requests|wakeups)",
    why: "messages invoke it from here on",
  },
  {
    part: "dispatcher",
    type: "aws:cloudwatch/eventTarget:EventTarget",
    name: "dispatcher-(schedule|glue|ec2)",
    why: "events invoke it from here on",
  },
  {
    part: "migrations",
    type: "aws:lambda/invocation:Invocation",
    name: "migrations(-roles)?",
    why: "it is invoked",
  },
  {
    part: "api",
    type: "aws:ecs/service:Service",
    name: "api",
    why: "its tasks start, and the deployment waits until they are healthy",
  },
];

/** A rule that resources of one type must outlive those of another, because AWS or a part needs them until then. */
interface OrderRule {
  /** Type of the resource that is deleted first. */
  readonly type: string;
  readonly name?: string;
  readonly only?: (resource: StoredResource) => boolean;
  /** Type of the resources that must outlive it. */
  readonly needs: string;
  /**
   * Selects some of the resources that must outlive it.
   *
   * @default all of the stack
   */
  readonly which?: (needed: StoredResource, resource: StoredResource) => boolean;
  readonly why: string;
  /** Reason why resources may violate the rule; then at least one must violate it. */
  readonly accepted?: string;
}

const POLICY = "aws:iam/rolePolicy:RolePolicy";
const GROUP = "aws:ec2/securityGroup:SecurityGroup";
const INTERNET_GATEWAY = "aws:ec2/internetGateway:InternetGateway";
const PUBLIC_BALANCER = ({ inputs }: StoredResource): boolean => inputs.internal !== true;
const suffix = ({ name }: StoredResource): string => name.replace(/^rates-(dev-anna|dev|staging|prod)-?/, "");
const ofSameName = (needed: StoredResource, resource: StoredResource): boolean => suffix(needed) === suffix(resource);

/** Requirements of the network and of AWS services on the order, for any component. */
export const OUTLIVES: readonly OrderRule[] = [
  {
    type: GROUP,
    name: "dispatcher|migrations|glue",
    needs: POLICY,
    which: ofSameName,
    why: "the service deletes its network interfaces by this role, minutes later, and the group waits for that",
  },
  {
    type: "aws:lb/loadBalancer:LoadBalancer",
    only: PUBLIC_BALANCER,
    needs: INTERNET_GATEWAY,
    why: "a public balancer is refused in a VPC without a gateway, and a gateway stays while there are public addresses",
  },
  {
    type: "aws:ec2/natGateway:NatGateway",
    needs: INTERNET_GATEWAY,
    why: "a NAT gateway fails in a VPC without a gateway, and a gateway stays while there are public addresses",
    accepted:
      "awsx registers both, and takes no dependencies: the gateway needs the VPC only, the NAT gateway a subnet and an address; AWS's provider repeats the detachment",
  },
  {
    type: "aws:rds/instance:Instance",
    needs: "aws:cloudwatch/logGroup:LogGroup",
    which: (needed) => isNamed(needed.name, "database-(postgresql|upgrade)"),
    why: "RDS would create the group itself, without an end of its events",
  },
  {
    type: "aws:lambda/function:Function",
    needs: "aws:cloudwatch/logGroup:LogGroup",
    which: ofSameName,
    why: "Lambda would create the group itself, without an end of its events",
  },
  {
    type: "aws:rds/instance:Instance",
    needs: "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    which: (needed) => isNamed(needed.name, "database-monitoring-.*"),
    why: "RDS tries the role of enhanced monitoring before it takes it",
  },
  {
    type: "aws:lb/loadBalancer:LoadBalancer",
    needs: "aws:s3/bucketPolicy:BucketPolicy",
    which: (needed) => isNamed(needed.name, "api-access"),
    why: "a balancer writes a test object before it takes the setting",
  },
  {
    type: "aws:ec2/flowLog:FlowLog",
    needs: POLICY,
    which: (needed) => isNamed(needed.name, "network-flow"),
    why: "flow logs are refused by a role that cannot write them",
  },
];

/**
 * Finds what the dependency graph does not guarantee: everything that a resource does not need, directly or through
 * others, may be missing when it is created, and may be gone when it is deleted.
 * @returns one sentence per missing guarantee
 */
export function orderProblems(resources: readonly StoredResource[]): string[] {
  const graph = new Graph(resources);
  return [
    ...STARTS.flatMap((start) =>
      matching(resources, start).flatMap((one) => startProblems(graph, resources, start, one)),
    ),
    ...OUTLIVES.filter(({ accepted }) => accepted === undefined).flatMap((rule) =>
      outlivesProblems(graph, resources, rule),
    ),
  ];
}

/** Returns a message for each rule with an accepted violation that no resource violates any more. */
export function staleRules(resources: readonly StoredResource[]): string[] {
  const graph = new Graph(resources);
  return OUTLIVES.filter(({ accepted }) => accepted !== undefined)
    .filter((rule) => matching(resources, rule).length > 0 && outlivesProblems(graph, resources, rule).length === 0)
    .map(({ type, needs }) => `${type} needs ${needs} now: remove the reason why it need not`);
}

function startProblems(
  graph: Graph,
  resources: readonly StoredResource[],
  { part, why }: Start,
  start: StoredResource,
): string[] {
  const needed = graph.needs(start.urn);
  const existing = resources.filter(({ urn }) => urn === start.urn || needed.has(urn));
  const where = `${start.name} does not guarantee the way of ${part} (${why})`;
  // OpenSearch may be created after a part that uses it: documents are written again, and searched later.
  const ways = unreachable(resources, [], { parts: [part], existing, without: ["es"] }).map(
    (reason) => `${where}: ${reason}`,
  );
  const roles: PartReach = PARTS[part];
  const rights = resources
    .filter(({ type }) => type === POLICY || type === "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    .filter(({ name, urn }) => roles.roles.some((role) => isNamed(name, role)) && !needed.has(urn))
    .map(({ name }) => `${start.name} does not need the policy ${name} (${why})`);
  const database = resources
    .filter(({ type, urn }) => type === "aws:rds/instance:Instance" && !needed.has(urn))
    .map(({ name }) => `${start.name} does not need the database ${name} (${why})`);
  return [...ways, ...rights, ...database];
}

function outlivesProblems(graph: Graph, resources: readonly StoredResource[], rule: OrderRule): string[] {
  const { needs, which = () => true, only = () => true, why } = rule;
  return matching(resources, rule)
    .filter(only)
    .flatMap((one) => {
      const found = resources.filter((other) => other.type === needs && which(other, one));
      if (found.length === 0) return [`${one.name} has no ${needs} to outlive it (${why})`];
      const needed = graph.needs(one.urn);
      return found
        .filter(({ urn }) => !needed.has(urn))
        .map((other) => `${one.name} (${one.type}) does not need ${other.name} (${needs}): ${why}`);
    });
}

const matching = (resources: readonly StoredResource[], { type, name = ".*" }: { type: string; name?: string }) =>
  resources.filter((one) => one.type === type && isNamed(one.name, name));

/** The dependencies of a stack, followed to their ends. */
class Graph {
  readonly #needs: ReadonlyMap<string, readonly string[]>;
  readonly #found = new Map<string, ReadonlySet<string>>();

  constructor(resources: readonly StoredResource[]) {
    this.#needs = new Map(resources.map(({ urn, needs }) => [urn, needs]));
  }

  /** URNs of everything that a resource needs, directly or through others. */
  needs(urn: string): ReadonlySet<string> {
    const known = this.#found.get(urn);
    if (known !== undefined) return known;
    const found = new Set<string>();
    const open = [...(this.#needs.get(urn) ?? [])];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(...(this.#needs.get(next) ?? []));
    }
    this.#found.set(urn, found);
    return found;
  }
}
