import Type from "typebox";
import { MONTH_HOURS } from "../../stacks/cost.ts";
import { FARGATE_PRICES, PRICES, RDS_PRICES, SEARCH_PRICES } from "../../stacks/prices.ts";
import type { Stack } from "../resource.ts";
import { documented, stackRule } from "../rule.ts";
import { BUDGET, DATABASE, DOMAIN, LOAD_BALANCER, NAT, SERVICE, TASK } from "../types.ts";
import type { Trouble, Value } from "../value.ts";

/** One thing that stands, and what it costs a month in US dollars; undefined where nobody knows its price. */
interface Line {
  what: string;
  usd: number | undefined;
}

/** What stands whether anything happens or not. Advisory: prices are those of one region, and not all were verified. */
export const monthlyCost = stackRule({
  name: "monthly-cost",
  description: "What stands of a program costs no more a month than its budget.",
  level: "advisory",
  severity: "medium",
  framework: documented("stacks/prices.ts: list prices of eu-central-1, each with its source"),
  remediation: "Take smaller or fewer of the parts that are named, or raise the budget.",
  settings: {
    ceilingUsd: Type.Number({
      minimum: 0,
      default: 0,
      description: "US dollars a month; 0 for that of the program's own budget",
    }),
  },
  check(stack, report, { ceilingUsd }) {
    const budget = stack.of(BUDGET)[0];
    const limit = ceilingUsd > 0 ? ceilingUsd : number(budget?.at("limitAmount"));
    if (limit === undefined) return;
    const lines = standing(stack);
    const usd = lines.reduce((sum, line) => sum + (line.usd ?? 0), 0);
    const subject = budget ?? stack.resources[0];
    if (subject !== undefined && usd > limit)
      report(
        subject,
        `what stands costs about ${Math.round(usd)} US dollars a month, ${Math.round(usd - limit)} more than ${limit}: ${lines
          .toSorted((a, b) => (b.usd ?? 0) - (a.usd ?? 0))
          .slice(0, 3)
          .map((line) => `${line.what} ${Math.round(line.usd ?? 0)}`)
          .join(", ")}.`,
      );
  },
});

function standing(stack: Stack): Line[] {
  const hours = (price: { usd: number } | undefined) => price && price.usd * MONTH_HOURS;
  const times = (count: number, usd: number | undefined) => usd && count * usd;
  return [
    ...stack.of(DATABASE).map((one): Line => {
      const name = text(one.at("instanceClass"));
      const copies = one.at("multiAz").flag(false) === true ? 2 : 1;
      const each = hours(Object.entries(RDS_PRICES).find(([priced]) => priced === name)?.[1]);
      const storage = (number(one.at("allocatedStorage")) ?? 0) * PRICES.databaseStorage.usd;
      return { what: one.name, usd: times(copies, each === undefined ? undefined : each + storage) };
    }),
    ...stack.of(DOMAIN).map((one): Line => {
      const nodes = number(one.at("clusterConfig.instanceCount")) ?? 1;
      return { what: one.name, usd: times(nodes, hours(SEARCH_PRICES[text(one.at("clusterConfig.instanceType"))])) };
    }),
    ...stack
      .of(NAT)
      .map((one): Line => ({ what: one.name, usd: hours({ usd: PRICES.natGateway.usd + PRICES.publicAddress.usd }) })),
    ...stack.of(LOAD_BALANCER).map((one): Line => ({ what: one.name, usd: hours(PRICES.loadBalancer) })),
    ...stack.of(SERVICE).map((one): Line => {
      const task = one.links("taskDefinition", TASK)[0];
      const { vcpu, gb } =
        FARGATE_PRICES[text(task?.at("runtimePlatform.cpuArchitecture")) === "ARM64" ? "arm64" : "x86_64"];
      const [units, megabytes] = [number(task?.at("cpu")) ?? 0, number(task?.at("memory")) ?? 0];
      const each = (units / 1024) * vcpu.usd + (megabytes / 1024) * gb.usd;
      return { what: one.name, usd: times(number(one.at("desiredCount")) ?? 1, each * MONTH_HOURS) };
    }),
  ];
}

const known = <T>(value: T | Trouble | undefined): T | undefined => (typeof value === "symbol" ? undefined : value);
const number = (value: Value | undefined): number | undefined => known(value?.number(undefined));
const text = (value: Value | undefined): string => known(value?.text("")) ?? "";

export const COST_RULES = [monthlyCost];
