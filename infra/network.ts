import { DefaultSecurityGroup } from "@pulumi/aws/ec2/defaultSecurityGroup.js";
import { FlowLog } from "@pulumi/aws/ec2/flowLog.js";
import type { RouteTable } from "@pulumi/aws/ec2/routeTable.js";
import { VpcEndpoint } from "@pulumi/aws/ec2/vpcEndpoint.js";
import { Vpc } from "@pulumi/awsx/ec2/index.js";
import * as pulumi from "@pulumi/pulumi";
import { subnetPrefix } from "./limits/cidr.ts";
import { roleFor } from "./shared/iam.ts";
import { logGroup } from "./shared/logs.ts";
import { ingressRule, type Placement, securityGroup } from "./shared/securityGroups.ts";

/**
 * Arguments of the network of a stack.
 *
 * @example
 * ```ts
 * import { Network } from "./network.ts";
 *
 * const network = new Network("rates-dev-network", {
 *   cidr: "10.0.0.0/16",
 *   zones: ["eu-central-1a", "eu-central-1b"],
 *   nat: "single",
 *   region: "eu-central-1",
 *   retentionDays: 30,
 * });
 * export const vpcId = network.vpcId;
 * ```
 */
export interface NetworkArgs {
  /** Addresses of the VPC, for example 10.0.0.0/16. */
  readonly cidr: string;
  /** At least two zones; each gets a public and a private subnet. */
  readonly zones: readonly string[];
  /** NAT gateways: none, one for all zones, or one per zone. */
  readonly nat: "none" | "single" | "perZone";
  /** Region code, for example `eu-central-1`. */
  readonly region: string;
  /** Retention of flow logs in days. */
  readonly retentionDays: number;
}

/** Network access of private components to AWS services. Components depend on it, so that it is deleted after them. */
export interface OutboundAccess {
  /**
   * Returns the text as an output that depends on routes, NAT gateways, internet gateway and associations, so that a
   * resource with this description is created after them. They cannot be in dependsOn, because they are children of
   * awsx's component, which the engine does not expand.
   */
  description(text: string): pulumi.Output<string>;
  /** Endpoints, and the rules of their security group. */
  readonly endpoints: readonly pulumi.Resource[];
}

const NAT_STRATEGY = { none: "None", single: "Single", perZone: "OnePerAz" } as const;

/**
 * Services that private components call through interface endpoints when there is no NAT. Each endpoint costs per hour
 * and zone (stacks/planning/cost.ts).
 */
export const ENDPOINTS = [
  "ec2",
  "ecr.api",
  "ecr.dkr",
  "ecs",
  "glue",
  "kms",
  "lambda",
  "logs",
  "monitoring",
  "secretsmanager",
  "sqs",
  "ssm",
  "ssmmessages",
  "sts",
] as const;

/**
 * A VPC with a public and a private subnet per zone. Only NAT gateways and a public load balancer are in the public
 * subnets. S3 is reached through a gateway endpoint, which is free; without NAT every other service has an endpoint too.
 * The default security group allows nothing, and flow logs record rejected connections.
 */
export class Network extends pulumi.ComponentResource {
  /** Id of the VPC. */
  readonly vpcId: pulumi.Output<string>;
  /** Ids of the public subnets, one per zone. */
  readonly publicSubnetIds: pulumi.Output<string[]>;
  /** Ids of the private subnets, one per zone. */
  readonly privateSubnetIds: pulumi.Output<string[]>;
  /** Zones with subnets. */
  readonly zones: readonly string[];
  /** Addresses of the VPC, in CIDR notation. */
  readonly cidr: string;
  /** Subnets of components that are not reachable from outside. */
  readonly placement: Placement;
  /** Network access of private components to AWS services. */
  readonly outbound: OutboundAccess;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Network", name, {}, opts);
    const { cidr, zones, nat, region } = args;
    const child = { parent: this };
    const cidrMask = subnetPrefix(Number(cidr.split("/")[1]), zones.length);

    const vpc = new Vpc(
      name,
      {
        cidrBlock: cidr,
        // Given explicitly, because awsx would look the zones up with other credentials.
        availabilityZoneNames: [...zones],
        enableDnsHostnames: true,
        natGateways: { strategy: NAT_STRATEGY[nat] },
        subnetStrategy: "Auto",
        subnetSpecs: [
          { type: "Public", cidrMask },
          { type: nat === "none" ? "Isolated" : "Private", cidrMask },
        ],
      },
      child,
    );
    this.vpcId = vpc.vpcId;
    this.publicSubnetIds = vpc.publicSubnetIds;
    this.privateSubnetIds = nat === "none" ? vpc.isolatedSubnetIds : vpc.privateSubnetIds;
    this.zones = zones;
    this.cidr = cidr;
    this.placement = { vpcId: this.vpcId, subnetIds: this.privateSubnetIds };

    // awsx's own gateway endpoint has no route table, and would have no effect.
    const s3 = new VpcEndpoint(
      `${name}-s3`,
      {
        vpcId: this.vpcId,
        serviceName: `com.amazonaws.${region}.s3`,
        vpcEndpointType: "Gateway",
        routeTableIds: routeTableIds(vpc),
      },
      child,
    );
    new DefaultSecurityGroup(name, { vpcId: this.vpcId, ingress: [], egress: [] }, child);
    this.#createFlowLogs(name, args);
    const { routes, natGateways, internetGateway, routeTableAssociations, eips } = vpc;
    const routed = pulumi.all([routes, natGateways, internetGateway, routeTableAssociations, eips, vpc.routeTables]);
    this.outbound = {
      description: (text) => routed.apply(() => text),
      endpoints: [s3, ...(nat === "none" ? this.#createEndpoints(name, args) : [])],
    };
    this.registerOutputs({ vpcId: this.vpcId });
  }

  #createFlowLogs(name: string, { retentionDays }: NetworkArgs): void {
    const child = { parent: this };
    const logs = logGroup(`${name}-flow`, { retentionDays }, child);
    const { role, policies } = roleFor(
      `${name}-flow`,
      {
        service: "vpc-flow-logs.amazonaws.com",
        statements: [
          {
            actions: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            resources: [pulumi.interpolate`${logs.arn}:*`],
          },
          { actions: ["logs:DescribeLogGroups"], resources: ["*"] },
        ],
      },
      child,
    );
    new FlowLog(
      name,
      {
        vpcId: this.vpcId,
        trafficType: "REJECT",
        logDestinationType: "cloud-watch-logs",
        logDestination: logs.arn,
        iamRoleArn: role.arn,
      },
      { ...child, dependsOn: policies },
    );
  }

  #createEndpoints(name: string, { region, cidr }: NetworkArgs): pulumi.Resource[] {
    const child = { parent: this };
    const group = securityGroup(
      `${name}-endpoints`,
      { vpcId: this.vpcId, description: "endpoints of AWS services" },
      child,
    );
    const rule = ingressRule(
      `${name}-endpoints`,
      { group: group.id, peer: { cidr }, ports: [443, 443], description: "clients in the VPC, over TLS" },
      child,
    );
    const endpoints = ENDPOINTS.map(
      (service) =>
        new VpcEndpoint(
          `${name}-${service}`,
          {
            vpcId: this.vpcId,
            serviceName: `com.amazonaws.${region}.${service}`,
            vpcEndpointType: "Interface",
            subnetIds: this.privateSubnetIds,
            securityGroupIds: [group.id],
            privateDnsEnabled: true,
          },
          child,
        ),
    );
    return [rule, ...endpoints];
  }
}

/** Returns the ids of all route tables. `routeTables` has objects if the SDK has loaded their class, otherwise ids. */
const routeTableIds = ({ routeTables }: Vpc): pulumi.Output<string[]> =>
  routeTables.apply((tables: (RouteTable | string)[]) =>
    pulumi.all(tables.map((table) => (typeof table === "string" ? table : table.id))),
  );
