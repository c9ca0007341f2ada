import ipaddr from "ipaddr.js";
import { suggestion } from "../runtime/jobs/problems.ts";
import { EC2_TYPES, type Ec2Type, LIMITS, RDS_CLASSES, type RdsClass } from "./limits.ts";
import type { StackConfig } from "./schema.ts";

/** One thing that is wrong with a stack's configuration. */
export interface ConfigProblem {
  /** The path of the field, without the project's prefix, as `database.instanceClass`; `stack` for the stack's name. */
  key: string;
  /** What was found there; undefined for what is missing. */
  value?: unknown;
  /** The limit, by how much it is missed where that is a number, and what to change. */
  message: string;
}

/** Characters that Pulumi appends to the names it makes: a hyphen and seven hexadecimal digits. */
const PULUMI_SUFFIX = 8;

/** The names whose lengths AWS limits most, before Pulumi's suffix. */
export const resourceNames = (stack: string) => ({
  /** Load balancer and target group. */
  loadBalancer: `rates-${stack}-api`,
  /** The OpenSearch domain. */
  domain: `rates-${stack}`,
});

/** The prefix length of each of a VPC's subnets, of which every zone has a public and a private one. */
export const subnetPrefix = (vpcPrefix: number, zones: number): number => vpcPrefix + Math.ceil(Math.log2(2 * zones));

/** The prefix length of an IPv4 network in CIDR notation; undefined if it is none, or has bits beyond its prefix set. */
export function vpcPrefix(cidr: string): number | undefined {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(cidr)) return undefined;
  const [address, prefix] = ipaddr.IPv4.parseCIDR(cidr);
  return address.toString() === ipaddr.IPv4.networkAddressFromCIDR(cidr).toString() ? prefix : undefined;
}

/** Whether limits.ts knows the instance class or type. */
export const isRdsClass = (name: string): name is RdsClass => Object.hasOwn(RDS_CLASSES, name);
export const isEc2Type = (name: string): name is Ec2Type => Object.hasOwn(EC2_TYPES, name);

/** What a schema cannot see: fields that contradict each other, the stack's name, or what AWS has. */
export function crossChecks(config: StackConfig, stack: string): ConfigProblem[] {
  return [
    ...checkName(config, stack),
    ...checkNetwork(config),
    ...checkInstances(config),
    ...checkApi(config),
    ...checkTracking(config),
    ...checkJobs(config),
  ];
}

function checkName({ tracking }: StackConfig, stack: string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(stack))
    problems.push({
      key: "stack",
      value: stack,
      message: "is part of bucket and domain names: use small letters, digits and hyphens, first a letter.",
    });
  const names = resourceNames(stack);
  const check = (name: string, limit: number, what: string) => {
    const over = name.length + PULUMI_SUFFIX - limit;
    if (over > 0)
      problems.push({
        key: "stack",
        value: stack,
        message: `makes ${what} '${name}' and Pulumi's ${PULUMI_SUFFIX} characters ${name.length + PULUMI_SUFFIX} long, where AWS takes ${limit}: shorten the stack's name by ${over}.`,
      });
  };
  check(names.loadBalancer, LIMITS.loadBalancerName.value, "the load balancer's name");
  if (tracking.store === "opensearch") check(names.domain, LIMITS.openSearchName.value, "the OpenSearch domain's name");
  return problems;
}

/** A VPC and a subnet may each be /16 to /28 (Amazon VPC User Guide, CIDR blocks). */
const LARGEST = 16;
const SMALLEST = 28;

function checkNetwork({ account, network }: StackConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { cidr, zones } = network;
  const prefix = vpcPrefix(cidr);
  if (prefix === undefined || prefix < LARGEST || prefix > SMALLEST)
    problems.push({
      key: "network.cidr",
      value: cidr,
      message: `has to be an IPv4 network from /${LARGEST} to /${SMALLEST} with no bits set beyond its prefix, as 10.0.0.0/16.`,
    });
  else if (subnetPrefix(prefix, zones.length) > SMALLEST)
    problems.push({
      key: "network.cidr",
      value: cidr,
      message: `is too small for two subnets in each of ${zones.length} zones, of which none may be smaller than /${SMALLEST}: use /${SMALLEST - subnetPrefix(0, zones.length)} or larger.`,
    });
  for (const [index, zone] of zones.entries()) {
    const key = `network.zones.${index}`;
    if (!zone.startsWith(account.region))
      problems.push({
        key,
        value: zone,
        message: `is not in account.region ${account.region}: name a zone of it, as ${account.region}a.`,
      });
    if (zones.indexOf(zone) < index)
      problems.push({ key, value: zone, message: "is named twice: name each zone once, two at least." });
  }
  return problems;
}

function checkInstances({ database, runners, arch }: StackConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const unknown = (key: string, value: string, list: object, name: string) =>
    problems.push({
      key,
      value,
      message: `is not in ${name} of stacks/limits.ts.${suggestion(value, Object.keys(list))} Use one of them, or add it there with its memory and vCPUs.`,
    });
  if (!isRdsClass(database.instanceClass))
    unknown("database.instanceClass", database.instanceClass, RDS_CLASSES, "RDS_CLASSES");
  const type = runners.ec2.instanceType;
  if (!isEc2Type(type)) unknown("runners.ec2.instanceType", type, EC2_TYPES, "EC2_TYPES");
  else if (EC2_TYPES[type].arch !== arch)
    problems.push({
      key: "runners.ec2.instanceType",
      value: type,
      message: `is ${EC2_TYPES[type].arch}, and arch is ${arch}: one image serves all, so change one of the two.`,
    });
  return problems;
}

function checkApi({ account, api }: StackConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { certificateArn, domainName } = api;
  if (api.public && certificateArn === undefined)
    problems.push({
      key: "api.certificateArn",
      message:
        "is missing, and without TLS no token may cross the internet: name a certificate, or set api.public to false.",
    });
  if (certificateArn !== undefined) {
    const [, , , region, id] = certificateArn.split(":");
    if (region !== account.region || id !== account.id)
      problems.push({
        key: "api.certificateArn",
        value: certificateArn,
        message: `is of ${region} in account ${id}; a load balancer takes only its own (account ${account.id}, ${account.region}): request the certificate there.`,
      });
    if (domainName === undefined)
      problems.push({
        key: "api.domainName",
        message: "is missing: name the host that api.certificateArn is for, because no client accepts it for another.",
      });
  } else if (domainName !== undefined)
    problems.push({
      key: "api.domainName",
      value: domainName,
      message: "needs a certificate: set api.certificateArn, or leave this out.",
    });
  if (api.minTasks > api.maxTasks)
    problems.push({
      key: "api.minTasks",
      value: api.minTasks,
      message: `is more than api.maxTasks ${api.maxTasks}: lower it by ${api.minTasks - api.maxTasks}, or raise api.maxTasks.`,
    });
  return problems;
}

function checkTracking({ network, tracking }: StackConfig): ConfigProblem[] {
  if (tracking.store !== "opensearch") return [];
  const problems: ConfigProblem[] = [];
  const { zoneCount, instanceCount } = tracking;
  if (zoneCount > network.zones.length)
    problems.push({
      key: "tracking.zoneCount",
      value: zoneCount,
      message: `is more than the ${network.zones.length} zones of network.zones: name more of them, or lower this.`,
    });
  if (instanceCount % zoneCount !== 0)
    problems.push({
      key: "tracking.instanceCount",
      value: instanceCount,
      message: `cannot be spread evenly over ${zoneCount} zones: use ${Math.ceil(instanceCount / zoneCount) * zoneCount}.`,
    });
  return problems;
}

function checkJobs({ network, jobs, runners }: StackConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (jobs.urlHosts.length > 0 && network.nat === "none")
    problems.push({
      key: "jobs.urlHosts",
      value: jobs.urlHosts,
      message: "needs a way to the internet: set network.nat to single or perZone, or empty this list.",
    });
  if (jobs.timeoutSeconds > jobs.maxTimeoutSeconds)
    problems.push({
      key: "jobs.timeoutSeconds",
      value: jobs.timeoutSeconds,
      message: `is more than jobs.maxTimeoutSeconds ${jobs.maxTimeoutSeconds}: lower it by ${jobs.timeoutSeconds - jobs.maxTimeoutSeconds}, or raise jobs.maxTimeoutSeconds.`,
    });
  const { timeoutMinutes } = runners.glue;
  if (timeoutMinutes * 60 < jobs.maxTimeoutSeconds)
    problems.push({
      key: "runners.glue.timeoutMinutes",
      value: timeoutMinutes,
      message: `ends a run before a job of jobs.maxTimeoutSeconds ${jobs.maxTimeoutSeconds} can end: use ${Math.ceil(jobs.maxTimeoutSeconds / 60)} or more, or lower jobs.maxTimeoutSeconds.`,
    });
  return problems;
}
