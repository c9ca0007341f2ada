import { isApplicationLoadBalancer } from "../predicates.ts";
import type { Resource, Stack } from "../resource.ts";
import { control, resourceRule, stackRule } from "../rule.ts";
import {
  CLASSIC_LOAD_BALANCER,
  DEFAULT_SECURITY_GROUP,
  LISTENER,
  LOAD_BALANCER,
  SECURITY_GROUP,
  SECURITY_GROUP_INGRESS,
  SECURITY_GROUP_RULE,
} from "../types.ts";
import { UNRESOLVED, type Value } from "../value.ts";
import { flagRule, HOLDS_DATA, holdsData } from "./flag.ts";

/** Matches networks that contain all addresses, in any notation. */
const ALL_ADDRESSES = /\/0$/;
const BALANCER_PORTS = [80, 443];

/** Sources and ports of an ingress rule. */
interface Ingress {
  resource: Resource;
  group: Resource | undefined;
  from: readonly Value[];
  protocol: Value;
  ports: [Value, Value];
}

function ingressRules(stack: Stack): Ingress[] {
  const inline = [...stack.of(SECURITY_GROUP), ...stack.of(DEFAULT_SECURITY_GROUP)].flatMap((group) => {
    const rules = group.at("ingress").items();
    return (rules === UNRESOLVED ? [] : rules).map(
      (rule): Ingress => ({
        resource: group,
        group,
        from: [rule.at("cidrBlocks"), rule.at("ipv6CidrBlocks")],
        protocol: rule.at("protocol"),
        ports: [rule.at("fromPort"), rule.at("toPort")],
      }),
    );
  });
  const ingress = (resource: Resource, protocol: string, from: string[]): Ingress => ({
    resource,
    group: resource.links("securityGroupId", SECURITY_GROUP)[0],
    from: from.map((property) => resource.at(property)),
    protocol: resource.at(protocol),
    ports: [resource.at("fromPort"), resource.at("toPort")],
  });
  return [
    ...inline,
    ...stack.of(SECURITY_GROUP_INGRESS).map((rule) => ingress(rule, "ipProtocol", ["cidrIpv4", "cidrIpv6"])),
    ...stack
      .of(SECURITY_GROUP_RULE)
      .flatMap((rule) =>
        rule.at("type").text("") === "egress" ? [] : [ingress(rule, "protocol", ["cidrBlocks", "ipv6CidrBlocks"])],
      ),
  ];
}

export const noIngressFromWorld = stackRule({
  name: "no-ingress-from-the-world",
  description: "Only a load balancer's ports 80 and 443 are open to everyone.",
  framework: control("EC2.18"),
  remediation: "Name the security group or the network that may connect.",
  check(stack, report) {
    const balancerGroups = new Set(
      [...stack.of(LOAD_BALANCER), ...stack.of(CLASSIC_LOAD_BALANCER)].flatMap((balancer) =>
        balancer.links("securityGroups", SECURITY_GROUP),
      ),
    );
    for (const { resource, group, from, protocol, ports } of ingressRules(stack)) {
      const networks = from.map((value) => value.texts());
      if (!networks.some((list) => list !== UNRESOLVED && list.some((network) => ALL_ADDRESSES.test(network))))
        continue;
      const protocolName = protocol.text("tcp");
      if (protocolName === UNRESOLVED) continue;
      // AWS ignores the ports of a rule for all protocols; programs often set them to 0.
      const [fromPort, toPort] = ["-1", "all"].includes(protocolName) ? [-1, -1] : ports.map((port) => port.number(-1));
      const isBalancerPort =
        group !== undefined &&
        balancerGroups.has(group) &&
        fromPort === toPort &&
        BALANCER_PORTS.includes(Number(fromPort));
      if (fromPort === UNRESOLVED || toPort === UNRESOLVED || isBalancerPort) continue;
      const openPorts =
        fromPort === -1
          ? "every port is"
          : fromPort === toPort
            ? `port ${fromPort} is`
            : `ports ${fromPort} to ${toPort} are`;
      report(resource, `${openPorts} open to everyone: name the security group or the network that may connect.`);
    }
  },
});

export const balancerHeaders = flagRule({
  name: "elb-drop-invalid-headers",
  control: "ELB.4",
  type: LOAD_BALANCER,
  property: "dropInvalidHeaderFields",
  appliesTo: isApplicationLoadBalancer,
  value: true,
  awsDefault: false,
  description: "An application load balancer drops invalid headers.",
  consequence: "requests can be smuggled past it",
});

export const balancerProtected = flagRule({
  name: "elb-deletion-protection",
  control: "ELB.6",
  type: LOAD_BALANCER,
  property: "enableDeletionProtection",
  value: true,
  awsDefault: false,
  dataOnly: true,
  description: "The load balancer of a stack that keeps data has deletion protection.",
  consequence: "one command takes the service offline",
});

export const balancerLogs = resourceRule({
  name: "elb-access-logs",
  description: "An application load balancer of a stack that keeps data writes access logs.",
  framework: control("ELB.5"),
  remediation: "Set accessLogs.bucket to a bucket, and accessLogs.enabled to true.",
  types: [LOAD_BALANCER],
  settings: HOLDS_DATA,
  check(balancer, report, settings) {
    if (!holdsData(settings) || !isApplicationLoadBalancer(balancer)) return;
    const logs = balancer.at("accessLogs");
    if (logs.isAbsent || logs.at("enabled").flag(false) === false)
      report(balancer, "accessLogs are not enabled: set them with a bucket.");
  },
});

export const listenerTls = stackRule({
  name: "elb-tls",
  description:
    "An internet-facing load balancer redirects plain HTTP to HTTPS, and every TLS listener requires TLS 1.2 or newer.",
  framework: control("ELB.1"),
  remediation: "Redirect the listener on 80 to 443, and set a current sslPolicy on 443.",
  check(stack, report) {
    for (const listener of stack.of(LISTENER)) {
      const balancer = listener.links("loadBalancerArn", LOAD_BALANCER)[0];
      const isInternal = balancer === undefined ? false : balancer.at("internal").flag(false);
      const protocol = listener.at("protocol").text("HTTP");
      const actions = listener.at("defaultActions").items();
      if (isInternal === UNRESOLVED || protocol === UNRESOLVED || actions === UNRESOLVED) continue;
      if (
        protocol === "HTTP" &&
        !isInternal &&
        actions.some((action) => action.at("redirect.protocol").text("") !== "HTTPS")
      )
        report(listener, "it serves plain HTTP to the internet: redirect to HTTPS.");
      if (protocol !== "HTTPS" && protocol !== "TLS") continue;
      const policy = listener.at("sslPolicy").text("");
      if (policy !== UNRESOLVED && !/-(TLS13-1-[23]|TLS-1-2|FS-1-2)-/.test(policy))
        report(
          listener,
          `sslPolicy is ${policy === "" ? "not set" : policy}, so outdated versions of TLS are accepted: set one of TLS 1.2 or newer.`,
        );
    }
  },
});

export const NETWORK_RULES = [noIngressFromWorld, balancerHeaders, balancerProtected, balancerLogs, listenerTls];
