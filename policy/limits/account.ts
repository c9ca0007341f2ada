import Type from "typebox";
import { LIMITS } from "../../infra/limits/limits.ts";
import { ownStack, QUOTAS, quotaSchema } from "../account.ts";
import { isApplicationLoadBalancer } from "../predicates.ts";
import type { Stack } from "../resource.ts";
import { documented, resourceRule, stackRule } from "../rule.ts";
import { DATABASE, DOMAIN, LOAD_BALANCER, QUEUE, TARGET_GROUP } from "../types.ts";
import { UNRESOLVED } from "../value.ts";

/** Prevents creating resources in a wrong account, whose credentials happen to be in the environment. */
export const providerPinned = stackRule({
  name: "aws-provider-pinned",
  description: "Every AWS resource uses a provider that allows only the stack's account.",
  severity: "critical",
  framework: documented("Pulumi AWS provider, allowedAccountIds"),
  remediation: "Create an aws.Provider with allowedAccountIds of the stack's account, and pass it to every resource.",
  settings: {
    accountId: Type.String({ default: "", description: "12-digit id of the account; if missing, any single account" }),
  },
  check(stack, report, { accountId }) {
    const expectedAccount = ownStack()?.config.account.id ?? accountId;
    const seen = new Set<string>();
    for (const resource of stack.resources) {
      if (!resource.type.startsWith("aws:")) continue;
      const { provider } = resource;
      if (provider === undefined) {
        report(resource, "it has no explicit provider: pass one.");
        continue;
      }
      if (seen.has(provider.urn)) continue;
      seen.add(provider.urn);
      const accounts = provider.at("allowedAccountIds").texts();
      if (accounts === UNRESOLVED) continue;
      if (accounts.length === 0)
        report(
          resource,
          `its provider ${provider.name} allows any account: set allowedAccountIds${expectedAccount === "" ? "" : ` to ["${expectedAccount}"]`}.`,
        );
      else if (accounts.length > 1 || (expectedAccount !== "" && accounts[0] !== expectedAccount))
        report(
          resource,
          `its provider ${provider.name} allows the accounts ${accounts.join(", ")}: it must allow ${expectedAccount === "" ? "one" : expectedAccount} only.`,
        );
    }
  },
});

/** Counts resources per type, which a check of single resources cannot do. */
export const accountCounts = stackRule({
  name: "account-counts",
  description: "A program creates no more databases, OpenSearch domains and load balancers than the account's quotas.",
  framework: documented("AWS General Reference, Service endpoints and quotas"),
  remediation:
    "Create fewer of them, or have the quota raised and enter it: in the stack's quotas for databases, in the pack's configuration for the others.",
  settings: {
    rdsInstances: QUOTAS.rdsInstances,
    openSearchDomains: quotaSchema("openSearchDomains"),
    loadBalancers: quotaSchema("loadBalancers"),
  },
  check(stack, report, settings) {
    // The share does not apply to these quotas, since a program needs whole resources.
    const rdsInstances = ownStack()?.config.quotas.rdsInstances ?? settings.rdsInstances;
    const counts = [
      { resources: stack.of(DATABASE), max: rdsInstances, limit: LIMITS.rdsInstances, label: "databases" },
      {
        resources: stack.of(DOMAIN),
        max: settings.openSearchDomains,
        limit: LIMITS.openSearchDomains,
        label: "OpenSearch domains",
      },
      {
        resources: stack.of(LOAD_BALANCER).filter(isApplicationLoadBalancer),
        max: settings.loadBalancers,
        limit: LIMITS.loadBalancers,
        label: "load balancers",
      },
    ];
    for (const { resources, max, limit, label } of counts) {
      const last = resources.at(-1);
      if (last !== undefined && resources.length > max)
        report(last, tooMany(resources, label, max, `the quota (${limit.quota.code})`));
    }
  },
});

const tooMany = (resources: Stack["resources"], label: string, max: number, quota: string): string =>
  `the program creates ${resources.length} ${label}, ${resources.length - max} more than ${quota} of ${max}: create fewer, or have the quota raised.`;

/** Property that holds a resource's name, and the name's maximum length, by resource type. */
const NAMES: Readonly<Record<string, { property: string; max: number }>> = {
  [LOAD_BALANCER]: { property: "name", max: LIMITS.loadBalancerName.value },
  [TARGET_GROUP]: { property: "name", max: LIMITS.loadBalancerName.value },
  [DOMAIN]: { property: "domainName", max: LIMITS.openSearchName.value },
  [QUEUE]: { property: "name", max: LIMITS.sqsName.value },
};

/** AWS refuses a name that is too long only during the update, when other resources are already created. */
export const nameLengths = resourceRule({
  name: "name-lengths",
  description:
    "Names of load balancers, target groups (32 characters), OpenSearch domains (28) and queues (80) are short enough.",
  severity: "medium",
  framework: documented(
    "Elastic Load Balancing API Reference, CreateLoadBalancer; Amazon OpenSearch Service API Reference, CreateDomain; Amazon SQS API Reference, CreateQueue",
  ),
  remediation: "Shorten the name, or the resource name from which Pulumi generates it.",
  types: Object.keys(NAMES),
  check(resource, report) {
    const limit = NAMES[resource.type];
    const name = limit && resource.at(limit.property).text("");
    if (limit && name !== undefined && name !== UNRESOLVED && name.length > limit.max)
      report(
        resource,
        `${limit.property} "${name}" has ${name.length} characters, ${name.length - limit.max} more than AWS's maximum of ${limit.max}: shorten it.`,
      );
  },
});

export const ACCOUNT_RULES = [providerPinned, accountCounts, nameLengths];
