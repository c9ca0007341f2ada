import { type Registered, Registrar } from "./registrar.ts";
import type { Configure, Constructed, Construction } from "./session.ts";
import { planSubnets, type Subnet } from "./subnets.ts";
import { asList, asObject, asText, type Properties, type Value } from "./values.ts";

/**
 * The stand-in for the provider of awsx, which builds components: a VPC with subnets, route tables, gateways and
 * endpoints as children, on the provider of AWS that the component was given.
 */
export function awsxProvider(): Configure {
  const none = (): never => {
    throw new Error("The stand-in for awsx builds components only");
  };
  return () => ({
    check: none,
    diff: none,
    create: none,
    read: none,
    update: none,
    remove: none,
    invoke: none,
    construct: async (construction) => {
      if (construction.type !== "awsx:ec2:Vpc") {
        throw new Error(`The stand-in for awsx builds awsx:ec2:Vpc only, and no ${construction.type}`);
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

/** A child that is being registered. As in the real awsx, a child waits only for those whose outputs it needs. */
type PendingChild = Promise<Registered>;

/** Registers one child: its type within aws:ec2, its name, its inputs (a resource stands for its id), its parent. */
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
  const tags = (own: string, more: Properties = {}): Properties => ({ ...asObject(inputs.tags), Name: own, ...more });

  const settings = ["enableDnsHostnames", "enableDnsSupport", "instanceTenancy", "enableNetworkAddressUsageMetrics"];
  const given = Object.fromEntries(settings.flatMap((key) => (inputs[key] === undefined ? [] : [[key, inputs[key]]])));
  const vpc = child(
    "vpc:Vpc",
    name,
    { ...given, cidrBlock: asText(inputs.cidrBlock, "10.0.0.0/16"), tags: tags(name) },
    component,
  );
  const internetGateway = child("internetGateway:InternetGateway", name, { vpcId: vpc, tags: tags(name) }, vpc);

  const eips: PendingChild[] = [];
  const natGateways: PendingChild[] = [];
  const created: (Subnet & { subnet: PendingChild; table: PendingChild })[] = [];
  const associations: PendingChild[] = [];
  for (const plan of subnets) {
    const isPublic = plan.type === "public";
    const own = tags(plan.name, { SubnetType: `${plan.type[0]?.toUpperCase()}${plan.type.slice(1)}`, ...plan.tags });
    const place = { vpcId: vpc, cidrBlock: plan.cidr, availabilityZone: plan.zone, mapPublicIpOnLaunch: isPublic };
    const subnet = child("subnet:Subnet", plan.name, { ...place, tags: own }, vpc);
    const table = child("routeTable:RouteTable", plan.name, { vpcId: vpc, tags: own }, subnet);
    const link = { routeTableId: table, subnetId: subnet };
    associations.push(child("routeTableAssociation:RouteTableAssociation", plan.name, link, table));
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
  for (const { type, name: route, zone, table } of created) {
    const everywhere = { routeTableId: table, destinationCidrBlock: "0.0.0.0/0" };
    const nat = natGateways[strategy === "OnePerAz" ? zones.indexOf(zone) : 0];
    if (type === "public") {
      routes.push(child("route:Route", route, { ...everywhere, gatewayId: internetGateway }, table));
    } else if (type === "private" && nat !== undefined) {
      routes.push(child("route:Route", route, { ...everywhere, natGatewayId: nat }, table));
    }
  }

  const vpcEndpoints: PendingChild[] = [];
  for (const { name: endpoint, ...spec } of asList(inputs.vpcEndpointSpecs).map(asObject)) {
    vpcEndpoints.push(child("vpcEndpoint:VpcEndpoint", `${name}-${asText(endpoint)}`, { ...spec, vpcId: vpc }, vpc));
  }

  const ids = async (type: Subnet["type"]): Promise<Value[]> =>
    (await Promise.all(created.filter((one) => one.type === type).map(({ subnet }) => subnet))).map(({ id }) => id);
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
    (await Promise.all(list)).map((one) => one.urn);
  return {
    urn,
    outputs,
    dependencies: needed.map((one) => one.urn),
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
    // The promise's consumers receive its failure, though perhaps later.
    created.catch(() => undefined);
    return created;
  };
}

function isRegistered(value: Value | Registered): value is Registered {
  return typeof value === "object" && value !== null && "reference" in value;
}

function zonesOf(inputs: Properties): string[] {
  const named = asList(inputs.availabilityZoneNames).map((zone) => asText(zone));
  if (named.length > 0) return named;
  // Under a provider with an assumed role awsx looks the zones up with the ambient credentials, and fails.
  throw new Error("awsx:ec2:Vpc needs availabilityZoneNames: its own look-up does not use the provider it was given");
}

function natStrategy(inputs: Properties, subnets: readonly Subnet[]): "None" | "Single" | "OnePerAz" {
  const has = (type: Subnet["type"]): boolean => subnets.some((subnet) => subnet.type === type);
  const defaultStrategy = has("public") && has("private") ? "OnePerAz" : "None";
  const strategy = asText(asObject(inputs.natGateways).strategy, defaultStrategy);
  if (strategy !== "None" && strategy !== "Single" && strategy !== "OnePerAz") {
    throw new Error(`natGateways.strategy is "${strategy}": None, Single and OnePerAz are known`);
  }
  if (strategy !== "None" && !has("public")) {
    throw new Error("NAT gateways need a public subnet: subnetSpecs has none");
  }
  return strategy;
}
