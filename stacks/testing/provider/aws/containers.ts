import type { ResourceType } from "../types.ts";
import { asList, asText } from "../values.ts";
import { arn, name, naming, partOf, uuid } from "./naming.ts";

const loadBalancer: ResourceType = {
  naming: naming("name", 32, "region", "DuplicateLoadBalancerName", /^(?!internal-|-)[A-Za-z0-9-]+(?<!-)$/),
  id: ({ region, account, name, hex }) =>
    `arn:aws:elasticloadbalancing:${region}:${account}:loadbalancer/app/${name}/${hex(16)}`,
  outputs: ({ id, name, region, hex, inputs }) => ({
    arn: id,
    arnSuffix: id.replace(/^.*:loadbalancer\//, ""),
    dnsName: `${inputs.internal === true ? "internal-" : ""}${name}-${parseInt(hex(7), 16)}.${region}.elb.amazonaws.com`,
    zoneId: "Z32O12XQLNTSW2",
    vpcId: `vpc-${hex(17)}`,
  }),
  defaults: { idleTimeout: 60, enableDeletionProtection: false, dropInvalidHeaderFields: false, internal: false },
  replace: ["internal", "loadBalancerType"],
  guards: [{ property: "enableDeletionProtection", is: true, error: "OperationNotPermitted: deletion protection" }],
};

const targetGroup: ResourceType = {
  naming: naming("name", 32, "region", "DuplicateTargetGroupName", /^(?!-)[A-Za-z0-9-]+(?<!-)$/),
  id: ({ region, account, name, hex }) =>
    `arn:aws:elasticloadbalancing:${region}:${account}:targetgroup/${name}/${hex(16)}`,
  outputs: ({ id }) => ({ arn: id, arnSuffix: id.replace(/^.*:targetgroup/, "targetgroup") }),
  defaults: { deregistrationDelay: 300, slowStart: 0 },
  replace: ["port", "protocol", "targetType", "vpcId"],
};

const listener: ResourceType = {
  id: ({ inputs, hex }) => `${asText(inputs.loadBalancerArn).replace(":loadbalancer/", ":listener/")}/${hex(16)}`,
  outputs: ({ id }) => ({ arn: id }),
  replace: ["loadBalancerArn"],
};

const listenerRule: ResourceType = {
  id: ({ inputs, hex }) => `${asText(inputs.listenerArn).replace(":listener/", ":listener-rule/")}/${hex(16)}`,
  outputs: ({ id }) => ({ arn: id }),
  replace: ["listenerArn"],
};

const taskDefinition: ResourceType = {
  naming: { ...naming("family", 255, "nowhere", "", /^[\w-]+$/), automatic: false },
  id: name,
  arn: ({ region, account, name, cloud }) =>
    `arn:aws:ecs:${region}:${account}:task-definition/${name}:${cloud.next(`task ${account} ${region} ${name}`)}`,
  outputs: ({ arn }) => ({ revision: Number(arn.replace(/^.*:/, "")), arnWithoutRevision: arn.replace(/:\d+$/, "") }),
  replace: ["containerDefinitions", "cpu", "memory", "executionRoleArn", "taskRoleArn", "networkMode"].concat([
    "requiresCompatibilities",
    "runtimePlatform",
    "volumes",
    "ephemeralStorage",
    "family",
  ]),
};

/** ECS, load balancers, scaling, certificates and DNS. */
export const containersTypes: Readonly<Record<string, ResourceType>> = {
  "aws:ecs/cluster:Cluster": {
    naming: naming("name", 255, "region", "ClusterAlreadyExists", /^[\w-]+$/),
    id: arn("ecs", "cluster/"),
    arn: arn("ecs", "cluster/"),
  },
  "aws:ecs/service:Service": {
    naming: naming("name", 255, "nowhere", "", /^[\w-]+$/),
    id: ({ region, account, inputs, name }) =>
      `arn:aws:ecs:${region}:${account}:service/${asText(inputs.cluster).replace(/^.*\//, "")}/${name}`,
    outputs: ({ id }) => ({ arn: id }),
    replace: ["cluster", "launchType", "schedulingStrategy"],
  },
  "aws:ecs/taskDefinition:TaskDefinition": taskDefinition,
  "aws:lb/loadBalancer:LoadBalancer": loadBalancer,
  "aws:alb/loadBalancer:LoadBalancer": loadBalancer,
  "aws:lb/targetGroup:TargetGroup": targetGroup,
  "aws:alb/targetGroup:TargetGroup": targetGroup,
  "aws:lb/listener:Listener": listener,
  "aws:alb/listener:Listener": listener,
  "aws:lb/listenerRule:ListenerRule": listenerRule,
  "aws:alb/listenerRule:ListenerRule": listenerRule,
  "aws:appautoscaling/target:Target": {
    id: ({ inputs }) => asText(inputs.resourceId),
    arn: ({ region, account, hex }) =>
      `arn:aws:application-autoscaling:${region}:${account}:scalable-target/${hex(36)}`,
    replace: ["resourceId", "scalableDimension", "serviceNamespace"],
  },
  "aws:appautoscaling/policy:Policy": {
    naming: naming("name", 255, "nowhere", ""),
    id: name,
    arn: ({ region, account, inputs, name, hex }) =>
      `arn:aws:autoscaling:${region}:${account}:scalingPolicy:${uuid(hex(32))}:resource/${asText(inputs.serviceNamespace)}/${asText(inputs.resourceId)}:policyName/${name}`,
    replace: ["resourceId", "scalableDimension", "serviceNamespace"],
  },
  "aws:acm/certificate:Certificate": {
    id: ({ region, account, hex }) => `arn:aws:acm:${region}:${account}:certificate/${uuid(hex(32))}`,
    outputs: ({ id, inputs }) => ({
      arn: id,
      status: "ISSUED",
      domainValidationOptions: [asText(inputs.domainName), ...asList(inputs.subjectAlternativeNames)].map((domain) => ({
        domainName: domain,
        resourceRecordName: `_validation.${domain}.`,
        resourceRecordType: "CNAME",
        resourceRecordValue: "_validation.acm-validations.aws.",
      })),
    }),
    replace: ["domainName", "subjectAlternativeNames", "validationMethod"],
  },
  "aws:acm/certificateValidation:CertificateValidation": partOf("certificateArn"),
  "aws:route53/record:Record": {
    id: ({ inputs }) => `${asText(inputs.zoneId)}_${asText(inputs.name)}_${asText(inputs.type)}`,
    outputs: ({ inputs }) => ({ fqdn: asText(inputs.name) }),
    replace: ["zoneId", "name", "type"],
  },
};
