import { Listener } from "@pulumi/aws/lb/listener.js";
import { LoadBalancer } from "@pulumi/aws/lb/loadBalancer.js";
import { TargetGroup } from "@pulumi/aws/lb/targetGroup.js";
import type * as pulumi from "@pulumi/pulumi";
import { privateBucket } from "./buckets.ts";
import { ingressRule, type Placement, securityGroup } from "./shared/securityGroups.ts";

/** Arguments of the load balancer of the API. */
export interface LoadBalancerArgs {
  /** Private subnets of the tasks, and of an internal load balancer. */
  readonly placement: Placement;
  /** Public subnets, one per zone, for a load balancer with public addresses. */
  readonly publicSubnetIds: pulumi.Input<pulumi.Input<string>[]>;
  /** Gives the load balancer public addresses. */
  readonly public: boolean;
  /** ARN of the certificate for HTTPS; without one the load balancer serves HTTP and must be internal. */
  readonly certificateArn?: string | undefined;
  /** Addresses of the VPC in CIDR notation; its clients can always reach the load balancer. */
  readonly cidr: string;
  /** Other networks that may reach the load balancer, in CIDR notation. */
  readonly allowedCidrs: readonly string[];
  /** Retention of logs in days. */
  readonly retentionDays: number;
  /** Protects the load balancer against deletion. */
  readonly deletionProtection: boolean;
  /** Keeps the load balancer's logs when the stack is destroyed. */
  readonly keepData: boolean;
  /** Id of the AWS account: 12 digits. */
  readonly accountId: string;
}

/** Deregistration delay of the load balancer in seconds. */
const DRAIN_SECONDS = 30;
/**
 * Idle timeout in seconds: longer than gaps in event streams, shorter than the API's keep-alive
 * (runtime/api/timeouts.ts).
 */
const IDLE_SECONDS = 60;

/**
 * Creates the load balancer of the API with its ingress rules, listeners and target group.
 *
 * @param port - port of the tasks
 */
export function createLoadBalancer(
  name: string,
  args: LoadBalancerArgs,
  port: number,
  child: pulumi.CustomResourceOptions,
) {
  const { placement, certificateArn } = args;
  const group = securityGroup(name, { vpcId: placement.vpcId, description: "load balancer of the API" }, child);
  const ports = certificateArn === undefined ? [80] : [443, 80];
  for (const listenerPort of ports) {
    const allowFrom = (rule: string, cidr: string, description: string) =>
      ingressRule(rule, { group: group.id, peer: { cidr }, ports: [listenerPort, listenerPort], description }, child);
    allowFrom(`${name}-${listenerPort}`, args.cidr, "clients in the VPC");
    // A rule's name contains its network, so that a change of the list replaces no other rule.
    for (const cidr of args.allowedCidrs)
      if (cidr !== args.cidr)
        allowFrom(`${name}-${listenerPort}-${cidr.replaceAll(/[./]/g, "-")}`, cidr, "clients of api.allowedCidrs");
  }
  const logs = privateBucket(
    `${name}-access`,
    { keepData: args.keepData, expireDays: args.retentionDays, accessLogAccount: args.accountId },
    child,
  );
  const loadBalancer = new LoadBalancer(
    name,
    {
      loadBalancerType: "application",
      internal: !args.public,
      subnets: args.public ? args.publicSubnetIds : placement.subnetIds,
      securityGroups: [group.id],
      dropInvalidHeaderFields: true,
      desyncMitigationMode: "defensive",
      enableDeletionProtection: args.deletionProtection,
      idleTimeout: IDLE_SECONDS,
      accessLogs: { enabled: true, bucket: logs.bucket.bucket },
    },
    // The load balancer writes a test object before it accepts the setting.
    { ...child, dependsOn: logs.policy },
  );
  const targetGroup = new TargetGroup(
    name,
    {
      vpcId: placement.vpcId,
      targetType: "ip",
      protocol: "HTTP",
      port,
      deregistrationDelay: DRAIN_SECONDS,
      healthCheck: {
        path: "/healthz",
        matcher: "200",
        interval: 10,
        timeout: 5,
        healthyThreshold: 2,
        unhealthyThreshold: 3,
      },
    },
    child,
  );
  const forwardActions = [{ type: "forward", targetGroupArn: targetGroup.arn }];
  const listener = (suffix: string, settings: Omit<ConstructorParameters<typeof Listener>[1], "loadBalancerArn">) =>
    new Listener(`${name}-${suffix}`, { loadBalancerArn: loadBalancer.arn, ...settings }, child);
  const listeners =
    certificateArn === undefined
      ? [listener("http", { port: 80, protocol: "HTTP", defaultActions: forwardActions })]
      : [
          listener("https", {
            port: 443,
            protocol: "HTTPS",
            sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
            certificateArn,
            defaultActions: forwardActions,
          }),
          listener("http", {
            port: 80,
            protocol: "HTTP",
            defaultActions: [
              { type: "redirect", redirect: { port: "443", protocol: "HTTPS", statusCode: "HTTP_301" } },
            ],
          }),
        ];
  return { group, loadBalancer, targetGroup, listeners };
}
