import { readFileSync } from "node:fs";
import ipaddr from "ipaddr.js";
import { PARTS, type Part, SERVICE_ENDPOINTS } from "./reachabilityTable.ts";
import type { StoredResource } from "./variants.ts";

/** Location in the network: subnets and security groups. */
interface Place {
  readonly subnets: readonly string[];
  readonly groups: readonly string[];
}

const HTTPS = 443;

/**
 * Computes from registered resources which destinations each component cannot reach: services, the database,
 * OpenSearch, the image registry, and its load balancer. Security group rules must let a connection out and in, and
 * each of a component's subnets needs an endpoint of the service, or a route to a NAT gateway that itself has a route
 * to the internet.
 *
 * @param clients - Networks that must reach the load balancer, in CIDR notation.
 * @param only - Components to check, existing network resources, and services to leave out.
 * @returns One sentence per obstacle; empty if everything is reachable
 */
export function unreachable(
  resources: readonly StoredResource[],
  clients: readonly string[],
  only: { parts?: readonly Part[]; existing?: readonly StoredResource[]; without?: readonly string[] } = {},
): string[] {
  const network = new NetworkModel(resources, only.existing ?? resources);
  return [...places(resources)]
    .filter(([part]) => only.parts?.includes(part) ?? true)
    .flatMap(([part, location]) => [
      ...(location.subnets.length === 0 ? [`${part} is in no subnet`] : []),
      ...PARTS[part].calls
        .filter((service) => !only.without?.includes(service))
        .flatMap((service) => missing(network, part, location, service)),
      ...serviceRoutes(network, part, location, clients),
      ...(part === "dispatcher" && dispatcherSettings(resources).traces ? network.internet(part, location) : []),
    ]);
}

/** Returns the services of the actions that the roles of a part allow, as IAM prefixes. */
export function allowedServices(resources: readonly StoredResource[], part: Part): Set<string> {
  const roles = resources
    .filter(({ type, name }) => type === "aws:iam/role:Role" && PARTS[part].roles.some((role) => isNamed(name, role)))
    .map(({ id }) => id);
  return new Set(
    ofType(resources, "aws:iam/rolePolicy:RolePolicy")
      .filter(({ inputs }) => roles.includes(String(inputs.role)))
      .flatMap(({ inputs }) => JSON.parse(String(inputs.policy)).Statement as { Action: string[] }[])
      .flatMap(({ Action }) => Action.map((action) => action.split(":")[0] ?? "")),
  );
}

/** Returns true if a resource has this name in its stack. */
export const isNamed = (name: string, part: string): boolean =>
  new RegExp(`^rates-(dev|dev-anna|staging|prod)-(${part})$`).test(name);

function missing(network: NetworkModel, part: Part, location: Place, service: string): string[] {
  if (service === "rds-db") return network.connection(part, location, "the database", network.database(), 5432);
  if (service === "es")
    return network.domain() ? network.connection(part, location, "OpenSearch", network.domain(), HTTPS) : [];
  return (SERVICE_ENDPOINTS[service] ?? []).flatMap((endpoint) =>
    location.subnets.flatMap((subnet) => network.service(part, location, subnet, endpoint)),
  );
}

/** Connections of a component besides those to services. */
function serviceRoutes(network: NetworkModel, part: Part, location: Place, clients: readonly string[]): string[] {
  if (part === "api") {
    const balancer = network.balancer();
    const port = network.taskPort();
    return [
      ...network.connection("the load balancer", balancer.place, "API tasks", location, port),
      ...balancer.ports.flatMap((listener) =>
        clients.flatMap((cidr) =>
          network.admits(`clients in ${cidr}`, [cidr], "the load balancer", balancer.place, listener),
        ),
      ),
      ...(balancer.isPublic ? network.toInternet("the load balancer", balancer.place.subnets, "gatewayId") : []),
    ];
  }
  if (part === "access" || part === "smoke") {
    const { place: balancer, ports } = network.balancer();
    return network.connection(part, location, "the load balancer", balancer, Math.max(...ports));
  }
  // Glue refuses a connection whose security group does not let its members reach each other on all ports.
  if (part === "glue") return network.connection(part, location, "other Glue runs", location, 65_535);
  return [];
}

/** Location of each component. */
function places(resources: readonly StoredResource[]): Map<Part, Place> {
  const found = new Map<Part, Place>();
  const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  const lambda = (part: "dispatcher" | "migrations") => {
    const { vpcConfig } = one(resources, "aws:lambda/function:Function", part).inputs as {
      vpcConfig?: { subnetIds?: string[]; securityGroupIds?: string[] };
    };
    found.set(part, { subnets: texts(vpcConfig?.subnetIds), groups: texts(vpcConfig?.securityGroupIds) });
  };
  lambda("dispatcher");
  lambda("migrations");
  const service = one(resources, "aws:ecs/service:Service", "api").inputs.networkConfiguration as Record<
    string,
    unknown
  >;
  found.set("api", { subnets: texts(service.subnets), groups: texts(service.securityGroups) });
  const template = one(resources, "aws:ec2/launchTemplate:LaunchTemplate", "ec2").inputs;
  found.set("ec2", { subnets: launchSubnets(resources), groups: texts(template.vpcSecurityGroupIds) });
  const connections = ofType(resources, "aws:glue/connection:Connection").map(
    ({ inputs }) => inputs.physicalConnectionRequirements as { subnetId: string; securityGroupIdLists: string[] },
  );
  found.set("glue", {
    subnets: connections.map(({ subnetId }) => subnetId),
    groups: [...new Set(connections.flatMap(({ securityGroupIdLists }) => securityGroupIdLists))],
  });
  const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  for (const part of ["access", "smoke"] as const) {
    const task = outputs[part] as { subnets: string[]; securityGroup: string } | undefined;
    found.set(part, { subnets: task?.subnets ?? [], groups: task ? [task.securityGroup] : [] });
  }
  return found;
}

/** The subnets in which the dispatcher starts instances, from the settings beside its code. */
const launchSubnets = (resources: readonly StoredResource[]): string[] => dispatcherSettings(resources).ec2.subnetIds;

/** The settings beside the dispatcher's code. */
function dispatcherSettings(resources: readonly StoredResource[]): { ec2: { subnetIds: string[] }; traces?: object } {
  const { code } = one(resources, "aws:lambda/function:Function", "dispatcher").inputs as {
    code: { assets: Record<string, { path: string }> };
  };
  return JSON.parse(readFileSync(code.assets["settings.json"]?.path ?? "", "utf8"));
}

const ofType = (resources: readonly StoredResource[], type: string) => resources.filter((each) => each.type === type);

function one(resources: readonly StoredResource[], type: string, part: string): StoredResource {
  const found = ofType(resources, type).find(({ name }) => isNamed(name, part));
  if (found === undefined) throw new Error(`There is no ${type} of ${part}`);
  return found;
}

/**
 * Model of the registered network: all resources of a stack, and those of them that exist at the point of the check.
 */
class NetworkModel {
  readonly #all: readonly StoredResource[];
  readonly #existing: readonly StoredResource[];
  readonly #cidrs: ReadonlyMap<string, string>;

  constructor(all: readonly StoredResource[], existing: readonly StoredResource[]) {
    this.#all = all;
    this.#existing = existing;
    this.#cidrs = new Map(ofType(all, "aws:ec2/subnet:Subnet").map(({ id, inputs }) => [id, String(inputs.cidrBlock)]));
  }

  database(): Place {
    const { inputs } = one(this.#all, "aws:rds/instance:Instance", "database");
    const group = ofType(this.#all, "aws:rds/subnetGroup:SubnetGroup").find(
      ({ id }) => id === inputs.dbSubnetGroupName,
    );
    return {
      subnets: (group?.inputs.subnetIds ?? []) as string[],
      groups: inputs.vpcSecurityGroupIds as string[],
    };
  }

  domain(): Place | undefined {
    const [domain] = ofType(this.#all, "aws:opensearch/domain:Domain");
    const options = domain?.inputs.vpcOptions as { subnetIds: string[]; securityGroupIds: string[] } | undefined;
    return options && { subnets: options.subnetIds, groups: options.securityGroupIds };
  }

  balancer(): { place: Place; ports: number[]; isPublic: boolean } {
    const { id, inputs } = one(this.#all, "aws:lb/loadBalancer:LoadBalancer", "api");
    return {
      place: { subnets: inputs.subnets as string[], groups: inputs.securityGroups as string[] },
      ports: ofType(this.#all, "aws:lb/listener:Listener")
        .filter((listener) => listener.inputs.loadBalancerArn === id)
        .map((listener) => Number(listener.inputs.port)),
      isPublic: inputs.internal !== true,
    };
  }

  taskPort(): number {
    return Number(one(this.#all, "aws:lb/targetGroup:TargetGroup", "api").inputs.port);
  }

  /** Finds the obstacle to a connection from one place to a port of another. */
  connection(from: string, source: Place, to: string, target: Place | undefined, port: number): string[] {
    if (target === undefined || target.subnets.length === 0) return [`${to} is in no subnet`];
    const out = this.#rules("Egress", source.groups, port).some(
      ({ cidr, group }) => covers(cidr, this.#subnetCidrs(target)) || target.groups.includes(group),
    );
    return [
      ...(out ? [] : [`no rule lets ${from} out to ${to} on port ${port}`]),
      ...this.admits(from, this.#subnetCidrs(source), to, target, port, source.groups),
    ];
  }

  /** Finds the obstacle between networks, or members of groups, and a port of a place. */
  admits(
    from: string,
    cidrs: readonly string[],
    to: string,
    target: Place,
    port: number,
    groups: readonly string[] = [],
  ) {
    const admitted = this.#rules("Ingress", target.groups, port).some(
      ({ cidr, group }) => covers(cidr, cidrs) || groups.includes(group),
    );
    return admitted ? [] : [`no rule lets ${from} into ${to} on port ${port}`];
  }

  /** Finds the obstacle between a component and a service, from one of its subnets. */
  service(part: Part, location: Place, subnet: string, endpoint: string): string[] {
    // The names of services resolve to endpoints of the network, or to public addresses.
    const out = this.#rules("Egress", location.groups, HTTPS).some(({ cidr }) => cidr === "0.0.0.0/0");
    const table = this.#tableOf(subnet);
    const named = ofType(this.#existing, "aws:ec2/vpcEndpoint:VpcEndpoint").filter(({ inputs }) =>
      String(inputs.serviceName).endsWith(`.${endpoint}`),
    );
    const gateway = named.some(
      ({ inputs }) => inputs.vpcEndpointType === "Gateway" && (inputs.routeTableIds as string[]).includes(table),
    );
    const [own] = named.filter(({ inputs }) => inputs.vpcEndpointType === "Interface");
    // The private name of an interface endpoint applies to every client in the network.
    const way = gateway
      ? []
      : endpoint === "s3"
        ? [`${part} reaches S3 from ${subnet} by no gateway endpoint: NAT costs by the byte`]
        : own
          ? this.admits(
              part,
              this.#subnetCidrs(location),
              `the endpoint of ${endpoint}`,
              endpointPlace(own),
              HTTPS,
              location.groups,
            ).concat(own.inputs.privateDnsEnabled === true ? [] : [`the endpoint of ${endpoint} has no private name`])
          : this.toInternet(part, [subnet], "natGatewayId").map(
              (reason) => `${reason}, and ${endpoint} has no endpoint`,
            );
    return [...(out ? [] : [`no rule lets ${part} out to ${endpoint}`]), ...way];
  }

  /** Finds the obstacle between a component and hosts on the internet, over HTTPS. */
  internet(part: Part, { subnets, groups }: Place): string[] {
    const out = this.#rules("Egress", groups, HTTPS).some(({ cidr }) => cidr === "0.0.0.0/0");
    return [
      ...(out ? [] : [`no rule lets ${part} out to the internet`]),
      ...this.toInternet(part, subnets, "natGatewayId"),
    ];
  }

  /** Finds the obstacle between subnets and the internet, by a NAT gateway or directly. */
  toInternet(from: string, subnets: readonly string[], by: "natGatewayId" | "gatewayId"): string[] {
    return subnets.flatMap((subnet) => {
      const routes = ofType(this.#existing, "aws:ec2/route:Route").filter(
        ({ inputs }) => inputs.routeTableId === this.#tableOf(subnet) && inputs.destinationCidrBlock === "0.0.0.0/0",
      );
      const [route] = routes.filter(({ inputs }) => inputs[by] !== undefined);
      if (route === undefined) return [`${from} has no route to the internet from ${subnet}`];
      if (by === "gatewayId")
        return this.#has("aws:ec2/internetGateway:InternetGateway", route.inputs.gatewayId)
          ? []
          : [`the route of ${from} from ${subnet} leads to no internet gateway`];
      const nat = ofType(this.#existing, "aws:ec2/natGateway:NatGateway").find(
        ({ id }) => id === route.inputs.natGatewayId,
      );
      if (nat === undefined) return [`the route of ${from} from ${subnet} leads to no NAT gateway`];
      if (!this.#has("aws:ec2/eip:Eip", nat.inputs.allocationId)) return [`the NAT gateway of ${from} has no address`];
      return this.toInternet(`the NAT gateway of ${from}`, [String(nat.inputs.subnetId)], "gatewayId");
    });
  }

  #has(type: string, id: unknown): boolean {
    return ofType(this.#existing, type).some((each) => each.id === id);
  }

  /** The table that a subnet is associated with; the VPC's main one has no routes. */
  #tableOf(subnet: string): string {
    const association = ofType(this.#existing, "aws:ec2/routeTableAssociation:RouteTableAssociation").find(
      ({ inputs }) => inputs.subnetId === subnet,
    );
    return String(association?.inputs.routeTableId ?? "");
  }

  #rules(direction: "Ingress" | "Egress", groups: readonly string[], port: number): { cidr: string; group: string }[] {
    return ofType(this.#existing, `aws:vpc/securityGroup${direction}Rule:SecurityGroup${direction}Rule`)
      .filter(({ inputs }) => groups.includes(String(inputs.securityGroupId)))
      .filter(({ inputs }) => Number(inputs.fromPort) <= port && port <= Number(inputs.toPort))
      .map(({ inputs }) => ({
        cidr: String(inputs.cidrIpv4 ?? ""),
        group: String(inputs.referencedSecurityGroupId ?? ""),
      }));
  }

  #subnetCidrs({ subnets }: Place): string[] {
    return subnets.map((subnet) => this.#cidrs.get(subnet) ?? "");
  }
}

const endpointPlace = ({ inputs }: StoredResource): Place => ({
  subnets: inputs.subnetIds as string[],
  groups: inputs.securityGroupIds as string[],
});

/** Returns true if a network contains all others. */
function covers(cidr: string, others: readonly string[]): boolean {
  if (cidr === "") return false;
  const [address, prefixLength] = ipaddr.IPv4.parseCIDR(cidr);
  return others.every((other) => {
    const [inner, innerBits] = ipaddr.IPv4.parseCIDR(other);
    return innerBits >= prefixLength && inner.match(address, prefixLength);
  });
}
