import type { ResourceType } from "../types.ts";
import { asText } from "../values.ts";
import { ec2, id, naming } from "./naming.ts";

/** EC2: networks and machines. */
export const networkTypes: Readonly<Record<string, ResourceType>> = {
  "aws:ec2/vpc:Vpc": ec2("vpc", "vpc", {
    outputs: ({ hex }) => ({
      mainRouteTableId: `rtb-${hex(17)}`,
      defaultRouteTableId: `rtb-${hex(17)}`,
      defaultSecurityGroupId: `sg-${hex(17)}`,
      defaultNetworkAclId: `acl-${hex(17)}`,
    }),
    defaults: { enableDnsSupport: true, enableDnsHostnames: false },
    replace: ["cidrBlock", "instanceTenancy"],
  }),
  "aws:ec2/subnet:Subnet": ec2("subnet", "subnet", {
    defaults: { mapPublicIpOnLaunch: false, assignIpv6AddressOnCreation: false },
    replace: ["vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"],
  }),
  "aws:ec2/internetGateway:InternetGateway": ec2("igw", "internet-gateway"),
  "aws:ec2/natGateway:NatGateway": {
    id: id("nat"),
    outputs: ({ hex }) => ({ networkInterfaceId: `eni-${hex(17)}`, publicIp: "203.0.113.10" }),
    replace: ["allocationId", "subnetId", "connectivityType"],
  },
  "aws:ec2/eip:Eip": ec2("eipalloc", "elastic-ip", {
    outputs: ({ id }) => ({ allocationId: id, publicIp: "203.0.113.10" }),
    replace: ["domain"],
  }),
  "aws:ec2/routeTable:RouteTable": ec2("rtb", "route-table", { replace: ["vpcId"] }),
  "aws:ec2/routeTableAssociation:RouteTableAssociation": { id: id("rtbassoc"), replace: ["subnetId", "gatewayId"] },
  "aws:ec2/route:Route": {
    id: ({ inputs, hex }) => `r-${asText(inputs.routeTableId)}${parseInt(hex(7), 16)}`,
    outputs: () => ({ origin: "CreateRoute", state: "active" }),
    replace: ["routeTableId", "destinationCidrBlock"],
  },
  "aws:ec2/securityGroup:SecurityGroup": ec2("sg", "security-group", {
    naming: naming("name", 255, "nowhere", "", /^(?!sg-)[\w .\-:/()#,@[\]+=&;{}!$*]+$/),
    defaults: { revokeRulesOnDelete: false, description: "Managed by Pulumi" },
    replace: ["description", "vpcId"],
  }),
  "aws:ec2/securityGroupRule:SecurityGroupRule": {
    id: id("sgrule"),
    replace: ["type", "fromPort", "toPort", "protocol", "cidrBlocks", "self", "sourceSecurityGroupId"].concat([
      "securityGroupId",
      "prefixListIds",
    ]),
  },
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": rule(),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": rule(),
  "aws:ec2/vpcEndpoint:VpcEndpoint": ec2("vpce", "vpc-endpoint", {
    outputs: ({ inputs, hex }) => ({
      state: "available",
      prefixListId: `pl-${hex(8)}`,
      dnsEntries: [{ dnsName: `${hex(8)}.${asText(inputs.serviceName)}`, hostedZoneId: "Z7HUB22UULQXV" }],
    }),
    replace: ["vpcId", "serviceName", "vpcEndpointType"],
  }),
  "aws:ec2/launchTemplate:LaunchTemplate": ec2("lt", "launch-template", {
    naming: naming("name", 128, "region", "InvalidLaunchTemplateName.AlreadyExistsException", /^[\w()./-]{3,}$/),
    outputs: () => ({ latestVersion: 1, defaultVersion: 1 }),
    changing: ["latestVersion"],
  }),
  "aws:ec2/flowLog:FlowLog": ec2("fl", "vpc-flow-log"),
};

function rule(): ResourceType {
  return ec2("sgr", "security-group-rule", {
    outputs: ({ id }) => ({ securityGroupRuleId: id }),
    replace: ["securityGroupId"],
  });
}
