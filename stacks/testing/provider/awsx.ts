import { type Registered, Registrar } from "./registrar.ts";
import type { Configure, Constructed, Construction } from "./session.ts";
import { planSubnets, type Subnet } from "./subnets.ts";
import { asList, asObject, asText, type Properties, type Value } from "./values.ts";

/**
 * Simulates the awsx provider, which builds components. It builds a VPC with subnets, route tables, gateways and endpoints
 * as children, which use the AWS provider that the component was given.
 */
export function awsxProvider(): Configure {
  const unsupported = (): never => {
    throw new Error("The simulated awsx builds only components");
  };
  return () => ({
    check: unsupported,
    diff: unsupported,
    create: unsupported,
    read: unsupported,
    update: unsupported,
    remove: unsupported,
    invoke: unsupported,
    construct: async (construction) => {
      if (construction.type !== "awsx:ec2:Vpc") {
        throw new Error(`The simulated awsx builds only awsx:ec2:Vpc, not ${construction.type}`);
      }
      const registrar = new Registrar(construction.monitor);
      try {
        return await buildVpc(construction, registrar);
      } finally {
        registrar.close();
      }
    },
  });
}

/** A child that is being registered. As in the real awsx, a child waits only for children whose outputs it needs. */
type PendingChild = Promise<Registered>;

/** Registers a child. Its type is relative to aws:ec2; an input that is a resource is replaced by the resource's id. */
type Child = (
  type: string,
  name: string,
  inputs: { [key: string]: Value | PendingChild },
  parent: PendingChild,
) => PendingChild;

async function buildVpc(construction: Construction, registrar: Registrar): Promise<Constructed> {
  const { name, inputs } = construction;
  const zones = zonesOf(inputs);
  const specs =
    inputs.subnetSpecs === undefined ? [{ type: "Private" }, { type: "Public" }] : asList(inputs.subnetSpecs);
  const subnets = planSubnets(name, asText(inputs.cidrBlock, "10.0.0.0/16"), zones, specs);
  const strategy = natStrategy(inputs, subnets);

  const component = registrar.register(construction.type, name, {}, { parent: construction.parent });
  const child = childOf(construction, registrar);
  const tags = (ownName: string, additional: Properties = {}): Properties => ({
    ...asObject(inputs.tags),
    Name: ownName,
    ...additional,
  });

  const optional = ["enableDnsHostnames", "enableDnsSupport", "instanceTenancy", "enableNetworkAddressUsageMetrics"];
  const configured = Object.fromEntries(
    optional.flatMap((key) => (inputs[key] === undefined ? [] : [[key, inputs[key]]])),
  );
  const vpc = child(
    "vpc:Vpc",
    name,
    { ...configured, cidrBlock: asText(inputs.cidrBlock, "10.0.0.0/16"), tags: tags(name) },
    component,
  );
  const internetGateway = child("internetGateway:InternetGateway", name, { vpcId: vpc, tags: tags(name) }, vpc);

  const eips: PendingChild[] = [];
  const natGateways: PendingChild[] = [];
  const created: (Subnet & { subnet: PendingChild; table: PendingChild })[] = [];
  const associations: PendingChild[] = [];
  for (const plan of subnets) {
    const isPublic = plan.type === "public";
    const subnetTags = tags(plan.name, {
      SubnetType: `${plan.type[0]?.toUpperCase()}${plan.type.slice(1)}`,
      ...plan.tags,
    });
    const settings = { vpcId: vpc, cidrBlock: plan.cidr, availabilityZone: plan.zone, mapPublicIpOnLaunch: isPublic };
    const subnet = child("subnet:Subnet", plan.name, { ...settings, tags: subnetTags }, vpc);
    const table = child("routeTable:RouteTable", plan.name, { vpcId: vpc, tags: subnetTags }, subnet);
    const association = { routeTableId: table, subnetId: subnet };
    associations.push(child("routeTableAssociation:RouteTableAssociation", plan.name, association, table));
    created.push({ ...plan, subnet, table });
    const index = zones.indexOf(plan.zone);
    if (isPublic && (strategy === "OnePerAz" || (strategy === "Single" && index === 0))) {
      const gatewayName = `${name}-${index + 1}`;
      const eip = child("eip:Eip", gatewayName, { domain: "vpc", tags: tags(gatewayName) }, subnet);
      const gateway = { subnetId: subnet, allocationId: eip, tags: tags(gatewayName) };
      eips.push(eip);
      natGateways.push(child("natGateway:NatGateway", gatewayName, gateway, subnet));
    }
  }

  const routes: PendingChild[] = [];
  for (const { type, name: routeName, zone, table } of created) {
    const defaultRoute = { routeTableId: table, destinationCidrBlock: "0.0.0.0/0" };
    const nat = natGateways[strategy === "OnePerAz" ? zones.indexOf(zone) : 0];
    if (type === "public") {
      routes.push(child("route:Route", routeName, { ...defaultRoute, gatewayId: internetGateway }, table));
    } else if (type === "private" && nat !== undefined) {
      routes.push(child("route:Route", routeName, { ...defaultRoute, natGatewayId: nat }, table));
    }
  }

  const vpcEndpoints: PendingChild[] = [];
  for (const { name: endpoint, ...spec } of asList(inputs.vpcEndpointSpecs).map(asObject)) {
    vpcEndpoints.push(child("vpcEndpoint:VpcEndpoint", `${name}-${asText(endpoint)}`, { ...spec, vpcId: vpc }, vpc));
  }

  const ids = async (type: Subnet["type"]): Promise<Value[]> =>
    (await Promise.all(created.filter((subnet) => subnet.type === type).map(({ subnet }) => subnet))).map(
      ({ id }) => id,
    );
  const references = async (list: readonly PendingChild[]): Promise<Value[]> =>
    (await Promise.all(list)).map(({ reference }) => reference);
  const { urn } = await component;
  const outputs: Properties = {
    vpc: (await vpc).reference,
    vpcId: (await vpc).id,
    internetGateway: (await internetGateway).reference,
    subnets: await references(created.map(({ subnet }) => subnet)),
    publicSubnetIds: await ids("public"),
    privateSubnetIds: await ids("private"),
    isolatedSubnetIds: await ids("isolated"),
    routeTables: await references(created.map(({ table }) => table)),
    routeTableAssociations: await references(associations),
    routes: await references(routes),
    eips: await references(eips),
    natGateways: await references(natGateways),
    vpcEndpoints: await references(vpcEndpoints),
    subnetLayout: specs as Value[],
  };
  await registrar.complete(urn, outputs);
  const needed = await Promise.all([vpc, ...created.map(({ subnet }) => subnet)]);
  const urnsOf = async (list: readonly PendingChild[]): Promise<string[]> =>
    (await Promise.all(list)).map((child) => child.urn);
  return {
    urn,
    outputs,
    dependencies: needed.map((child) => child.urn),
    // As in the real awsx, where the SDK makes a list of resources depend on these resources.
    dependenciesOf: {
      internetGateway: [(await internetGateway).urn],
      routeTables: await urnsOf(created.map(({ table }) => table)),
      routeTableAssociations: await urnsOf(associations),
      routes: await urnsOf(routes),
      eips: await urnsOf(eips),
      natGateways: await urnsOf(natGateways),
    },
  };
}

function childOf({ providers }: Construction, registrar: Registrar): Child {
  const register = async (
    type: string,
    name: string,
    inputs: { [key: string]: Value | PendingChild },
    parent: PendingChild,
  ): Promise<Registered> => {
    const dependencies = new Map<string, readonly string[]>();
    const properties: Properties = {};
    for (const [key, input] of Object.entries(inputs)) {
      const value = await input;
      if (isRegistered(value)) {
        properties[key] = value.id;
        dependencies.set(key, [value.urn]);
      } else {
        properties[key] = value;
      }
    }
    return registrar.register(`aws:ec2/${type}`, name, properties, {
      parent: (await parent).urn,
      provider: providers.get("aws") ?? "",
      dependencies,
    });
  };
  return (...args) => {
    const created = register(...args);
    // Consumers of the promise handle a failure, but perhaps later than Node's check for unhandled rejections.
    created.catch(() => undefined);
    return created;
  };
}

function isRegistered(value: Value | Registered): value is Registered {
  return typeof value === "object" && value !== null && "reference" in value;
}

function zonesOf(inputs: Properties): string[] {
  const zones = asList(inputs.availabilityZoneNames).map((zone) => asText(zone));
  if (zones.length > 0) return zones;
  // If the provider assumes a role, awsx still looks up the zones with the ambient credentials, and fails.
  throw new Error("awsx:ec2:Vpc needs availabilityZoneNames: its own look-up does not use the provider it was given");
}

function natStrategy(inputs: Properties, subnets: readonly Subnet[]): "None" | "Single" | "OnePerAz" {
  const has = (type: Subnet["type"]): boolean => subnets.some((subnet) => subnet.type === type);
  const defaultStrategy = has("public") && has("private") ? "OnePerAz" : "None";
  const strategy = asText(asObject(inputs.natGateways).strategy, defaultStrategy);
  if (strategy !== "None" && strategy !== "Single" && strategy !== "OnePerAz") {
    throw new Error(`natGateways.strategy is "${strategy}": it must be None, Single or OnePerAz`);
  }
  if (strategy !== "None" && !has("public")) {
    throw new Error("NAT gateways need a public subnet: subnetSpecs has none");
  }
  return strategy;
}
