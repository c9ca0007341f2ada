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

/** The network of a stack. */
export interface NetworkArgs {
  /** Addresses of the VPC, as 10.0.0.0/16. */
  readonly cidr: string;
  /** Zones that get a public and a private subnet each, two at least. */
  readonly zones: readonly string[];
  /** NAT gateways: none, one for all zones, or one in each. */
  readonly nat: "none" | "single" | "perZone";
  readonly region: string;
  /** Days that flow logs are kept. */
  readonly retentionDays: number;
}

/** What parts in private subnets reach AWS's services by: it must exist before they start, and until they have ended. */
export interface OutboundAccess {
  /**
   * Gives a text that depends on routes, NAT gateways, internet gateway and associations, for a resource's description.
   * Those are children of awsx's component, which the engine does not expand when something depends on it.
   */
  description(text: string): pulumi.Output<string>;
  /** Endpoints, and the rules of their security group. */
  readonly endpoints: readonly pulumi.Resource[];
}

const NAT_STRATEGY = { none: "None", single: "Single", perZone: "OnePerAz" } as const;

/**
 * The services that parts in private subnets call where there is no way to the internet: images and their layers, logs,
 * credentials, queues, runs, instances, secrets. Each endpoint costs by the hour and zone (stacks/planning/cost.ts).
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
 * A VPC with a public and a private subnet in each zone. Everything of the platform but the load balancer and NAT stands
 * in the private ones. S3 is reached through a gateway endpoint, which costs nothing; without NAT every other service has
 * an endpoint too. Its default security group lets nothing through, and flow logs are kept.
 */
export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  readonly publicSubnetIds: pulumi.Output<string[]>;
  readonly privateSubnetIds: pulumi.Output<string[]>;
  readonly zones: readonly string[];
  readonly cidr: string;
  /** Where parts that nobody outside reaches stand. */
  readonly placement: Placement;
  /** What parts in private subnets reach services by. */
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
        // Given, because awsx asks for them with credentials of its own.
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

    // Not awsx's own: that one is in no route table, where a gateway that nobody is led to does nothing.
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
    this.#keepFlowLogs(name, args);
    const { routes, natGateways, internetGateway, routeTableAssociations, eips } = vpc;
    const routed = pulumi.all([routes, natGateways, internetGateway, routeTableAssociations, eips, vpc.routeTables]);
    this.outbound = {
      description: (text) => routed.apply(() => text),
      endpoints: [s3, ...(nat === "none" ? this.#reachServices(name, args) : [])],
    };
    this.registerOutputs({ vpcId: this.vpcId });
  }

  #keepFlowLogs(name: string, { retentionDays }: NetworkArgs): void {
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

  #reachServices(name: string, { region, cidr }: NetworkArgs): pulumi.Resource[] {
    const child = { parent: this };
    const group = securityGroup(
      `${name}-endpoints`,
      { vpcId: this.vpcId, description: "endpoints of AWS services" },
      child,
    );
    const rule = ingressRule(
      `${name}-endpoints`,
      { group: group.id, peer: { cidr }, ports: [443, 443], description: "the VPC, over TLS" },
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

/** Those of all subnets. They come as what they are where the SDK has loaded their class, else as their ids. */
const routeTableIds = ({ routeTables }: Vpc): pulumi.Output<string[]> =>
  routeTables.apply((tables: (RouteTable | string)[]) =>
    pulumi.all(tables.map((table) => (typeof table === "string" ? table : table.id))),
  );
