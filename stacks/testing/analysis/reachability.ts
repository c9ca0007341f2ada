import { readFileSync } from "node:fs";
import ipaddr from "ipaddr.js";
import { COMPONENTS, type Component, SERVICE_ENDPOINTS } from "./reachabilityTable.ts";
import type { StoredResource } from "./variants.ts";

/** Location in the network: subnets and security groups. */
interface Location {
  readonly subnets: readonly string[];
  readonly groups: readonly string[];
}

const HTTPS = 443;

/**
 * Computes from registered resources which destinations each component cannot reach: services, the database, OpenSearch,
 * the image registry, and the load balancer. Security group rules must let a connection out and in. Each of a component's
 * subnets needs an endpoint of the service, or a route to a NAT gateway that itself has a route to the internet.
 *
 * @param clients - Networks that must reach the load balancer, in CIDR notation.
 * @param options - Components to check, existing network resources, and services to leave out.
 * @returns One sentence per obstacle; empty if everything is reachable.
 */
export function unreachable(
  resources: readonly StoredResource[],
  clients: readonly string[],
  options: {
    components?: readonly Component[];
    existing?: readonly StoredResource[];
    without?: readonly string[];
  } = {},
): string[] {
  const network = new NetworkModel(resources, options.existing ?? resources);
  return [...locationsOf(resources)]
    .filter(([component]) => options.components?.includes(component) ?? true)
    .flatMap(([component, location]) => [
      ...(location.subnets.length === 0 ? [`${component} is in no subnet`] : []),
      ...COMPONENTS[component].calls
        .filter((service) => !options.without?.includes(service))
        .flatMap((service) => serviceObstacles(network, component, location, service)),
      ...otherObstacles(network, component, location, clients),
      // Traces are sent to a collector, which may be on the internet.
      ...(component === "dispatcher" && dispatcherSettings(resources).traces
        ? network.internetObstacles(component, location)
        : []),
    ]);
}

/** Returns the services of the actions that the roles of a component allow, as IAM prefixes. */
export function allowedServices(resources: readonly StoredResource[], component: Component): Set<string> {
  const roles = resources
    .filter(
      ({ type, name }) =>
        type === "aws:iam/role:Role" && COMPONENTS[component].roles.some((role) => isNamed(name, role)),
    )
    .map(({ id }) => id);
  return new Set(
    ofType(resources, "aws:iam/rolePolicy:RolePolicy")
      .filter(({ inputs }) => roles.includes(String(inputs.role)))
      .flatMap(({ inputs }) => JSON.parse(String(inputs.policy)).Statement as { Action: string[] }[])
      .flatMap(({ Action }) => Action.map((action) => action.split(":")[0] ?? "")),
  );
}

/** Returns true if a resource's name after `rates-<stack>-` matches the pattern. */
export const isNamed = (name: string, pattern: string): boolean =>
  new RegExp(`^rates-(dev|dev-anna|staging|prod)-(${pattern})$`).test(name);

function serviceObstacles(network: NetworkModel, component: Component, location: Location, service: string): string[] {
  if (service === "rds-db")
    return network.connectionObstacles(component, location, "the database", network.database(), 5432);
  if (service === "es")
    return network.domain()
      ? network.connectionObstacles(component, location, "OpenSearch", network.domain(), HTTPS)
      : [];
  return (SERVICE_ENDPOINTS[service] ?? []).flatMap((endpoint) =>
    location.subnets.flatMap((subnet) => network.serviceObstacles(component, location, subnet, endpoint)),
  );
}

/** Finds the obstacles to connections other than those to services. */
function otherObstacles(
  network: NetworkModel,
  component: Component,
  location: Location,
  clients: readonly string[],
): string[] {
  if (component === "api") {
    const balancer = network.balancer();
    const port = network.taskPort();
    return [
      ...network.connectionObstacles("the load balancer", balancer.location, "API tasks", location, port),
      ...balancer.ports.flatMap((listener) =>
        clients.flatMap((cidr) =>
          network.ingressObstacles(`clients in ${cidr}`, [cidr], "the load balancer", balancer.location, listener),
        ),
      ),
      ...(balancer.isPublic ? network.routeObstacles("the load balancer", balancer.location.subnets, "gatewayId") : []),
    ];
  }
  if (component === "access" || component === "smoke") {
    const { location: balancer, ports } = network.balancer();
    return network.connectionObstacles(component, location, "the load balancer", balancer, Math.max(...ports));
  }
  // Glue refuses a connection whose security group does not let its members reach each other on all ports.
  if (component === "glue")
    return network.connectionObstacles(component, location, "other Glue runs", location, 65_535);
  return [];
}

/** Returns the location of each component. */
function locationsOf(resources: readonly StoredResource[]): Map<Component, Location> {
  const locations = new Map<Component, Location>();
  const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  const lambda = (component: "dispatcher" | "migrations") => {
    const { vpcConfig } = resourceOf(resources, "aws:lambda/function:Function", component).inputs as {
      vpcConfig?: { subnetIds?: string[]; securityGroupIds?: string[] };
    };
    locations.set(component, { subnets: texts(vpcConfig?.subnetIds), groups: texts(vpcConfig?.securityGroupIds) });
  };
  lambda("dispatcher");
  lambda("migrations");
  const service = resourceOf(resources, "aws:ecs/service:Service", "api").inputs.networkConfiguration as Record<
    string,
    unknown
  >;
  locations.set("api", { subnets: texts(service.subnets), groups: texts(service.securityGroups) });
  const template = resourceOf(resources, "aws:ec2/launchTemplate:LaunchTemplate", "ec2").inputs;
  locations.set("ec2", { subnets: launchSubnets(resources), groups: texts(template.vpcSecurityGroupIds) });
  const connections = ofType(resources, "aws:glue/connection:Connection").map(
    ({ inputs }) => inputs.physicalConnectionRequirements as { subnetId: string; securityGroupIdLists: string[] },
  );
  locations.set("glue", {
    subnets: connections.map(({ subnetId }) => subnetId),
    groups: [...new Set(connections.flatMap(({ securityGroupIdLists }) => securityGroupIdLists))],
  });
  const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  for (const component of ["access", "smoke"] as const) {
    const task = outputs[component] as { subnets: string[]; securityGroup: string } | undefined;
    locations.set(component, { subnets: task?.subnets ?? [], groups: task ? [task.securityGroup] : [] });
  }
  return locations;
}

/** Returns the subnets in which the dispatcher starts instances, from the settings next to its code. */
const launchSubnets = (resources: readonly StoredResource[]): string[] => dispatcherSettings(resources).ec2.subnetIds;

/** Returns the settings next to the dispatcher's code. */
function dispatcherSettings(resources: readonly StoredResource[]): { ec2: { subnetIds: string[] }; traces?: object } {
  const { code } = resourceOf(resources, "aws:lambda/function:Function", "dispatcher").inputs as {
    code: { assets: Record<string, { path: string }> };
  };
  return JSON.parse(readFileSync(code.assets["settings.json"]?.path ?? "", "utf8"));
}

const ofType = (resources: readonly StoredResource[], type: string) =>
  resources.filter((resource) => resource.type === type);

function resourceOf(resources: readonly StoredResource[], type: string, pattern: string): StoredResource {
  const found = ofType(resources, type).find(({ name }) => isNamed(name, pattern));
  if (found === undefined) throw new Error(`No ${type} is named ${pattern}`);
  return found;
}

/**
 * Model of the registered network: all resources of a stack, and the subset that exists at the time of the check.
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

  database(): Location {
    const { inputs } = resourceOf(this.#all, "aws:rds/instance:Instance", "database");
    const group = ofType(this.#all, "aws:rds/subnetGroup:SubnetGroup").find(
      ({ id }) => id === inputs.dbSubnetGroupName,
    );
    return {
      subnets: (group?.inputs.subnetIds ?? []) as string[],
      groups: inputs.vpcSecurityGroupIds as string[],
    };
  }

  domain(): Location | undefined {
    const [domain] = ofType(this.#all, "aws:opensearch/domain:Domain");
    const options = domain?.inputs.vpcOptions as { subnetIds: string[]; securityGroupIds: string[] } | undefined;
    return options && { subnets: options.subnetIds, groups: options.securityGroupIds };
  }

  balancer(): { location: Location; ports: number[]; isPublic: boolean } {
    const { id, inputs } = resourceOf(this.#all, "aws:lb/loadBalancer:LoadBalancer", "api");
    return {
      location: { subnets: inputs.subnets as string[], groups: inputs.securityGroups as string[] },
      ports: ofType(this.#all, "aws:lb/listener:Listener")
        .filter((listener) => listener.inputs.loadBalancerArn === id)
        .map((listener) => Number(listener.inputs.port)),
      isPublic: inputs.internal !== true,
    };
  }

  taskPort(): number {
    return Number(resourceOf(this.#all, "aws:lb/targetGroup:TargetGroup", "api").inputs.port);
  }

  /** Finds the obstacles to a connection from one location to a port of another. */
  connectionObstacles(
    from: string,
    source: Location,
    to: string,
    target: Location | undefined,
    port: number,
  ): string[] {
    if (target === undefined || target.subnets.length === 0) return [`${to} is in no subnet`];
    const isLetOut = this.#rules("Egress", source.groups, port).some(
      ({ cidr, group }) => coversAll(cidr, this.#subnetCidrs(target)) || target.groups.includes(group),
    );
    return [
      ...(isLetOut ? [] : [`no rule lets ${from} out to ${to} on port ${port}`]),
      ...this.ingressObstacles(from, this.#subnetCidrs(source), to, target, port, source.groups),
    ];
  }

  /** Finds the obstacles to connections from networks, or from members of groups, to a port of a location. */
  ingressObstacles(
    from: string,
    cidrs: readonly string[],
    to: string,
    target: Location,
    port: number,
    groups: readonly string[] = [],
  ) {
    const isAdmitted = this.#rules("Ingress", target.groups, port).some(
      ({ cidr, group }) => coversAll(cidr, cidrs) || groups.includes(group),
    );
    return isAdmitted ? [] : [`no rule lets ${from} into ${to} on port ${port}`];
  }

  /** Finds the obstacles to connections from one subnet of a component to a service. */
  serviceObstacles(component: Component, location: Location, subnet: string, endpoint: string): string[] {
    // Host names of services resolve to interface endpoints of the network, or to public addresses.
    const isLetOut = this.#rules("Egress", location.groups, HTTPS).some(({ cidr }) => cidr === "0.0.0.0/0");
    const table = this.#tableOf(subnet);
    const endpoints = ofType(this.#existing, "aws:ec2/vpcEndpoint:VpcEndpoint").filter(({ inputs }) =>
      String(inputs.serviceName).endsWith(`.${endpoint}`),
    );
    const hasGateway = endpoints.some(
      ({ inputs }) => inputs.vpcEndpointType === "Gateway" && (inputs.routeTableIds as string[]).includes(table),
    );
    const [interfaceEndpoint] = endpoints.filter(({ inputs }) => inputs.vpcEndpointType === "Interface");
    // Every client in the network uses an existing interface endpoint, so NAT cannot replace it.
    const obstacles = hasGateway
      ? []
      : endpoint === "s3"
        ? [`${component} reaches S3 from ${subnet} without a gateway endpoint: NAT is charged per byte`]
        : interfaceEndpoint
          ? this.ingressObstacles(
              component,
              this.#subnetCidrs(location),
              `the endpoint of ${endpoint}`,
              endpointLocation(interfaceEndpoint),
              HTTPS,
              location.groups,
            ).concat(
              interfaceEndpoint.inputs.privateDnsEnabled === true
                ? []
                : [`the endpoint of ${endpoint} has no private host name`],
            )
          : this.routeObstacles(component, [subnet], "natGatewayId").map(
              (obstacle) => `${obstacle}, and ${endpoint} has no endpoint`,
            );
    return [...(isLetOut ? [] : [`no rule lets ${component} out to ${endpoint}`]), ...obstacles];
  }

  /** Finds the obstacles to HTTPS connections from a component to hosts on the internet. */
  internetObstacles(component: Component, { subnets, groups }: Location): string[] {
    const isLetOut = this.#rules("Egress", groups, HTTPS).some(({ cidr }) => cidr === "0.0.0.0/0");
    return [
      ...(isLetOut ? [] : [`no rule lets ${component} out to the internet`]),
      ...this.routeObstacles(component, subnets, "natGatewayId"),
    ];
  }

  /** Finds the obstacles to the internet from subnets, through a NAT gateway or directly. */
  routeObstacles(from: string, subnets: readonly string[], target: "natGatewayId" | "gatewayId"): string[] {
    return subnets.flatMap((subnet) => {
      const routes = ofType(this.#existing, "aws:ec2/route:Route").filter(
        ({ inputs }) => inputs.routeTableId === this.#tableOf(subnet) && inputs.destinationCidrBlock === "0.0.0.0/0",
      );
      const [route] = routes.filter(({ inputs }) => inputs[target] !== undefined);
      if (route === undefined) return [`${from} has no route to the internet from ${subnet}`];
      if (target === "gatewayId")
        return this.#has("aws:ec2/internetGateway:InternetGateway", route.inputs.gatewayId)
          ? []
          : [`the route of ${from} from ${subnet} leads to no internet gateway`];
      const nat = ofType(this.#existing, "aws:ec2/natGateway:NatGateway").find(
        ({ id }) => id === route.inputs.natGatewayId,
      );
      if (nat === undefined) return [`the route of ${from} from ${subnet} leads to no NAT gateway`];
      if (!this.#has("aws:ec2/eip:Eip", nat.inputs.allocationId)) return [`the NAT gateway of ${from} has no address`];
      return this.routeObstacles(`the NAT gateway of ${from}`, [String(nat.inputs.subnetId)], "gatewayId");
    });
  }

  #has(type: string, id: unknown): boolean {
    return ofType(this.#existing, type).some((resource) => resource.id === id);
  }

  /** Returns the route table of a subnet; empty for the VPC's main table, which has no routes. */
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

  #subnetCidrs({ subnets }: Location): string[] {
    return subnets.map((subnet) => this.#cidrs.get(subnet) ?? "");
  }
}

const endpointLocation = ({ inputs }: StoredResource): Location => ({
  subnets: inputs.subnetIds as string[],
  groups: inputs.securityGroupIds as string[],
});

/** Returns true if a network contains all other networks. */
function coversAll(cidr: string, others: readonly string[]): boolean {
  if (cidr === "") return false;
  const [address, prefixLength] = ipaddr.IPv4.parseCIDR(cidr);
  return others.every((other) => {
    const [inner, innerBits] = ipaddr.IPv4.parseCIDR(other);
    return innerBits >= prefixLength && inner.match(address, prefixLength);
  });
}
