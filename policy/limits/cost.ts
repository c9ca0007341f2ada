import Type from "typebox";
import {
  EC2_PRICES,
  FARGATE_PRICES,
  MONTH_HOURS,
  PRICES,
  RDS_PRICES,
  SEARCH_PRICES,
} from "../../infra/limits/prices.ts";
import { isOnFargate } from "../predicates.ts";
import type { Resource, Stack } from "../resource.ts";
import { documented, stackRule } from "../rule.ts";
import {
  BUDGET,
  DATABASE,
  DOMAIN,
  ECS_SERVICE,
  INSTANCE,
  LOAD_BALANCER,
  NAT,
  SUBNET,
  TASK_DEFINITION,
  VPC_ENDPOINT,
} from "../types.ts";
import type { Unresolved, Value } from "../value.ts";

/** A resource with a fixed cost. */
interface CostLine {
  resource: Resource;
  /** Instance type or class in AWS's price list; empty if the price depends on neither. */
  type: string;
  /** US dollars per month; undefined if the price is unknown. */
  usd: number | undefined;
}

/** Compares fixed monthly cost with the budget. Advisory: prices are for one region, and not all were verified. */
export const monthlyCost = stackRule({
  name: "monthly-cost",
  description: "The fixed monthly cost of a program is within its budget.",
  level: "advisory",
  severity: "medium",
  framework: documented("infra/limits/prices.ts: list prices of eu-central-1, each with its source"),
  remediation: "Use smaller or fewer of the named resources, or raise the budget.",
  settings: {
    ceilingUsd: Type.Number({
      minimum: 0,
      default: 0,
      description: "US dollars per month; 0 for the amount of the program's own budget",
    }),
  },
  check(stack, report, { ceilingUsd }) {
    const budget = budgetOf(stack);
    const limit = ceilingUsd > 0 ? ceilingUsd : budget?.limit;
    if (limit === undefined) return;
    const lines = fixedCosts(stack);
    for (const { resource, usd, type } of lines)
      if (usd === undefined)
        report(
          resource,
          `${type === "" ? "its price" : `the price of ${type}`} is unknown and not counted: enter it in infra/limits/prices.ts, or add its cost to the total yourself.`,
        );
    const usd = lines.reduce((sum, line) => sum + (line.usd ?? 0), 0);
    const subject = budget?.resource ?? stack.resources[0];
    if (subject !== undefined && usd > limit)
      report(
        subject,
        `fixed cost is about ${Math.round(usd)} US dollars per month, ${Math.round(usd - limit)} more than the budget of ${limit}: ${lines
          .toSorted((a, b) => (b.usd ?? 0) - (a.usd ?? 0))
          .slice(0, 3)
          .map((line) => `${line.resource.name} ${Math.round(line.usd ?? 0)}`)
          .join(", ")}.`,
      );
  },
});

/** Months in a budget's time unit. */
const MONTHS: Readonly<Record<string, number>> = { MONTHLY: 1, QUARTERLY: 3, ANNUALLY: 12 };

/** Returns the program's smallest cost budget in US dollars, as dollars per month. */
function budgetOf(stack: Stack): { resource: Resource; limit: number } | undefined {
  return stack
    .of(BUDGET)
    .flatMap((budget) => {
      const months = MONTHS[text(budget.at("timeUnit")) || "MONTHLY"];
      const limit = number(budget.at("limitAmount"));
      const isCostBudget =
        (text(budget.at("budgetType")) || "COST") === "COST" && (text(budget.at("limitUnit")) || "USD") === "USD";
      return isCostBudget && months !== undefined && limit !== undefined
        ? [{ resource: budget, limit: limit / months }]
        : [];
    })
    .toSorted((a, b) => a.limit - b.limit)[0];
}

function fixedCosts(stack: Stack): CostLine[] {
  const perMonth = (price: { usd: number } | undefined) => price && price.usd * MONTH_HOURS;
  const multiply = (count: number, usd: number | undefined) => usd && count * usd;
  const priceOf = <P>(prices: Readonly<Record<string, P>>, type: string): P | undefined =>
    Object.hasOwn(prices, type) ? prices[type] : undefined;
  return [
    ...stack.of(DATABASE).map((database): CostLine => {
      const type = text(database.at("instanceClass"));
      const instances = database.at("multiAz").flag(false) === true ? 2 : 1;
      const perInstance = perMonth(priceOf(RDS_PRICES, type));
      const storage = (number(database.at("allocatedStorage")) ?? 0) * PRICES.databaseStorage.usd;
      const usd = multiply(instances, perInstance === undefined ? undefined : perInstance + storage);
      return { resource: database, type, usd };
    }),
    ...stack.of(DOMAIN).map((domain): CostLine => {
      const nodes = number(domain.at("clusterConfig.instanceCount")) ?? 1;
      const type = text(domain.at("clusterConfig.instanceType"));
      const perNode = perMonth(priceOf(SEARCH_PRICES, type));
      const storage = (number(domain.at("ebsOptions.volumeSize")) ?? 0) * PRICES.searchStorage.usd;
      return { resource: domain, type, usd: multiply(nodes, perNode === undefined ? undefined : perNode + storage) };
    }),
    ...stack.of(INSTANCE).map((instance): CostLine => {
      const type = text(instance.at("instanceType"));
      return { resource: instance, type, usd: perMonth(priceOf(EC2_PRICES, type)) };
    }),
    ...stack.of(NAT).map(
      (gateway): CostLine => ({
        resource: gateway,
        type: "",
        usd: perMonth({ usd: PRICES.natGateway.usd + PRICES.publicAddress.usd }),
      }),
    ),
    // Interface endpoints cost per zone, thus per subnet; endpoints of the type Gateway are free. In a preview the ids of
    // new subnets may be unknown, but the subnets are known as dependencies.
    ...stack
      .of(VPC_ENDPOINT)
      .filter((endpoint) => text(endpoint.at("vpcEndpointType")) === "Interface")
      .map((endpoint): CostLine => {
        const ids = endpoint.at("subnetIds");
        const zones = ids.isUnknown
          ? endpoint.links("subnetIds", SUBNET).length
          : (ifResolved(ids.items())?.length ?? 0);
        return { resource: endpoint, type: "", usd: multiply(Math.max(1, zones), perMonth(PRICES.endpoint)) };
      }),
    ...stack
      .of(LOAD_BALANCER)
      .map((balancer): CostLine => ({ resource: balancer, type: "", usd: perMonth(PRICES.loadBalancer) })),
    ...stack
      .of(ECS_SERVICE)
      .filter(isOnFargate)
      .map((resource): CostLine => {
        const task = resource.links("taskDefinition", TASK_DEFINITION)[0];
        const { vcpu, gb } =
          FARGATE_PRICES[text(task?.at("runtimePlatform.cpuArchitecture")) === "ARM64" ? "arm64" : "x86_64"];
        const [units, megabytes] = [number(task?.at("cpu")) ?? 0, number(task?.at("memory")) ?? 0];
        const perTask = (units / 1024) * vcpu.usd + (megabytes / 1024) * gb.usd;
        return {
          resource,
          type: "",
          usd: multiply(number(resource.at("desiredCount")) ?? 1, perTask * MONTH_HOURS),
        };
      }),
  ];
}

const ifResolved = <T>(value: T | Unresolved | undefined): T | undefined =>
  typeof value === "symbol" ? undefined : value;
const number = (value: Value | undefined): number | undefined => ifResolved(value?.number(undefined));
const text = (value: Value | undefined): string => ifResolved(value?.text("")) ?? "";

export const COST_RULES = [monthlyCost];
