import Type from "typebox";
import { LIMITS } from "../../infra/limits/limits.ts";
import { granted, ownStack, QUOTAS } from "../account.ts";
import { isApplicationLoadBalancer } from "../predicates.ts";
import type { Stack } from "../resource.ts";
import { documented, resourceRule, stackRule } from "../rule.ts";
import { DATABASE, DOMAIN, LOAD_BALANCER, QUEUE, TARGET_GROUP } from "../types.ts";
import { UNRESOLVED } from "../value.ts";

/** Resources must not be created in the account of the ambient credentials. */
export const providerPinned = stackRule({
  name: "aws-provider-pinned",
  description: "Every AWS resource uses a provider that allows only the stack's account.",
  severity: "critical",
  framework: documented("Pulumi AWS provider, allowedAccountIds"),
  remediation: "Create an aws.Provider with allowedAccountIds of the stack's account, and pass it to every resource.",
  settings: {
    accountId: Type.String({ default: "", description: "the account's 12 digits; if missing, any one account" }),
  },
  check(stack, report, { accountId }) {
    const wanted = ownStack()?.config.account.id ?? accountId;
    const seen = new Set<string>();
    for (const resource of stack.resources) {
      if (!resource.type.startsWith("aws:")) continue;
      const { provider } = resource;
      if (provider === undefined) {
        report(resource, "the engine names no provider for it: pass one.");
        continue;
      }
      if (seen.has(provider.urn)) continue;
      seen.add(provider.urn);
      const accounts = provider.at("allowedAccountIds").texts();
      if (accounts === UNRESOLVED) continue;
      if (accounts.length === 0)
        report(
          resource,
          `its provider ${provider.name} allows any account: set allowedAccountIds${wanted === "" ? "" : ` to ["${wanted}"]`}.`,
        );
      else if (accounts.length > 1 || (wanted !== "" && accounts[0] !== wanted))
        report(
          resource,
          `its provider ${provider.name} allows the accounts ${accounts.join(", ")}: it must allow ${wanted === "" ? "one" : wanted} only.`,
        );
    }
  },
});

/** Counts per kind, which no single resource shows. */
export const accountCounts = stackRule({
  name: "account-counts",
  description: "A program creates no more databases, OpenSearch domains and load balancers than the account's quotas.",
  framework: documented("AWS General Reference, Service endpoints and quotas"),
  remediation:
    "Create fewer of them, or have the quota raised and enter it: in the stack's quotas for databases, in the pack's configuration for the others.",
  settings: {
    rdsInstances: QUOTAS.rdsInstances,
    openSearchDomains: granted("openSearchDomains"),
    loadBalancers: granted("loadBalancers"),
  },
  check(stack, report, settings) {
    // Resources cannot be divided, so these quotas count whole.
    const rdsInstances = ownStack()?.config.quotas.rdsInstances ?? settings.rdsInstances;
    const rows = [
      { made: stack.of(DATABASE), most: rdsInstances, limit: LIMITS.rdsInstances, what: "databases" },
      {
        made: stack.of(DOMAIN),
        most: settings.openSearchDomains,
        limit: LIMITS.openSearchDomains,
        what: "OpenSearch domains",
      },
      {
        made: stack.of(LOAD_BALANCER).filter(isApplicationLoadBalancer),
        most: settings.loadBalancers,
        limit: LIMITS.loadBalancers,
        what: "load balancers",
      },
    ];
    for (const { made, most, limit, what } of rows) {
      const last = made.at(-1);
      if (last !== undefined && made.length > most)
        report(last, tooMany(made, what, most, `the quota (${limit.quota.code})`));
    }
  },
});

const tooMany = (made: Stack["resources"], what: string, most: number, from: string): string =>
  `the program creates ${made.length} ${what}, ${made.length - most} more than ${from} of ${most}: create fewer, or have it raised.`;

/** Names that AWS truncates or refuses, by type: the property and its maximum length. */
const NAMES: Readonly<Record<string, { property: string; most: number }>> = {
  [LOAD_BALANCER]: { property: "name", most: LIMITS.loadBalancerName.value },
  [TARGET_GROUP]: { property: "name", most: LIMITS.loadBalancerName.value },
  [DOMAIN]: { property: "domainName", most: LIMITS.openSearchName.value },
  [QUEUE]: { property: "name", most: LIMITS.sqsName.value },
};

/** AWS refuses a longer name when half of a stack is already created. */
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
    if (limit && name !== undefined && name !== UNRESOLVED && name.length > limit.most)
      report(
        resource,
        `${limit.property} "${name}" has ${name.length} characters, ${name.length - limit.most} more than AWS's maximum of ${limit.most}: shorten it.`,
      );
  },
});

export const ACCOUNT_RULES = [providerPinned, accountCounts, nameLengths];
