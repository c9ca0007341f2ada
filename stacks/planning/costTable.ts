import { allPrices, PRICED_REGION, type Price } from "../../infra/limits/prices.ts";
import { COMPONENTS, type Cost, type CostItem, costOf } from "./cost.ts";
import { shippedStacks } from "./shipped.ts";

/** Returns a Markdown table of the cost of stacks, with a column per stack. */
export function costTable(costs: Readonly<Record<string, Cost>>): string {
  const columns = Object.values(costs);
  const row = (title: string, cell: (cost: Cost) => string) => `| ${title} | ${columns.map(cell).join(" | ")} |`;
  const amount = (items: readonly CostItem[], digits: number) => {
    const usd = items.reduce((total, item) => total + item.usd, 0).toFixed(digits);
    return items.length === 0 ? "–" : `$${usd}: ${items.map(({ label }) => label).join(", ")}`;
  };
  const itemsOf = (items: readonly CostItem[], component: string) =>
    items.filter((item) => item.component === component);
  const componentsWith = (kind: "fixed" | "usage") =>
    COMPONENTS.filter((component) => columns.some((cost) => itemsOf(cost[kind], component).length > 0));
  const unpriced = columns.flatMap((cost) => cost.unpriced);
  return [
    `| | ${Object.keys(costs).join(" | ")} |`,
    `|---|${columns.map(() => "---|").join("")}`,
    ...componentsWith("fixed").map((component) => row(component, (cost) => amount(itemsOf(cost.fixed, component), 0))),
    row("**per month, idle**", ({ monthlyUsd }) => `**$${monthlyUsd.toFixed(0)}**`),
    ...componentsWith("usage").map((component) =>
      row(`${component}, per hour`, (cost) => amount(itemsOf(cost.usage, component), 2)),
    ),
    row("**one hour at full capacity**", ({ hourlyUsd }) => `**$${hourlyUsd.toFixed(2)}**`),
    ...(unpriced.length > 0
      ? ["", `Not counted, because their price is unknown: ${[...new Set(unpriced)].join(", ")}.`]
      : []),
  ].join("\n");
}

/** Describes how many prices were compared with their sources, and when, for stacks/README.md. */
export function priceSources(prices: readonly Price[]): string {
  const unverified = prices.filter(({ source }) => source.checked === "unverified").length;
  if (unverified === prices.length)
    return `None of the ${unverified} prices has been compared with AWS's prices yet (unverified).`;
  const source = "its source (`infra/limits/prices.ts`), most often a copy of AWS's price list file";
  if (unverified > 0)
    return `Not yet compared with AWS's prices (unverified): ${unverified} of the ${prices.length} prices. Each of the others was compared with ${source}.`;
  const oldest = prices.map(({ source: { checked } }) => checked).sort()[0];
  return `Each price was compared with ${source}; the oldest comparison was in ${oldest}.`;
}

/** Returns the cost table of the shipped stacks, for stacks/README.md. */
export function stacksCostTable(): string {
  const costs = shippedStacks().map(({ stack, config, plan }) => [stack, costOf(config, plan)] as const);
  return [
    costTable(Object.fromEntries(costs)),
    "",
    `US dollars without tax, at the list prices of ${PRICED_REGION}. ${priceSources(allPrices())} Traffic, requests, logs and objects in buckets are charged in addition.`,
  ].join("\n");
}
