import { allPrices, PRICED_REGION, type Price } from "../../infra/limits/prices.ts";
import { COMPONENTS, type Cost, costOf, type Line } from "./cost.ts";
import { shippedStacks } from "./shipped.ts";

/** Returns a Markdown table of the cost of stacks, one column each. */
export function costTable(costs: Readonly<Record<string, Cost>>): string {
  const all = Object.values(costs);
  const row = (title: string, cell: (cost: Cost) => string) => `| ${title} | ${all.map(cell).join(" | ")} |`;
  const amount = (lines: readonly Line[], digits: number) => {
    const usd = lines.reduce((total, line) => total + line.usd, 0).toFixed(digits);
    return lines.length === 0 ? "–" : `$${usd}: ${lines.map(({ label }) => label).join(", ")}`;
  };
  const of = (lines: readonly Line[], part: string) => lines.filter((line) => line.component === part);
  const parts = (which: "fixed" | "usage") =>
    COMPONENTS.filter((part) => all.some((cost) => of(cost[which], part).length > 0));
  const unpriced = all.flatMap((cost) => cost.unpriced);
  return [
    row("", () => "")
      .replace(/\| {2}(?=\|)/g, "| ")
      .replace(/^.*$/, `| | ${Object.keys(costs).join(" | ")} |`),
    `|---|${all.map(() => "---|").join("")}`,
    ...parts("fixed").map((part) => row(part, (cost) => amount(of(cost.fixed, part), 0))),
    row("**per month, idle**", ({ monthlyUsd }) => `**$${monthlyUsd.toFixed(0)}**`),
    ...parts("usage").map((part) => row(`${part}, per hour`, (cost) => amount(of(cost.usage, part), 2))),
    row("**one hour at full capacity**", ({ hourlyUsd }) => `**$${hourlyUsd.toFixed(2)}**`),
    ...(unpriced.length > 0
      ? ["", `Not counted, because their price is unknown: ${[...new Set(unpriced)].join(", ")}.`]
      : []),
  ].join("\n");
}

/** Returns the sentence of the page about the comparison of prices with their sources. */
export function priceSources(prices: readonly Price[]): string {
  const unverified = prices.filter(({ source }) => source.checked === "unverified").length;
  if (unverified === prices.length)
    return `none of the ${unverified} has been compared with AWS's prices yet (unverified)`;
  const read = "the document that it names, most often a copy of AWS's own file of prices";
  if (unverified > 0)
    return `${unverified} of the ${prices.length} are not yet compared with AWS's prices (unverified); each of the others was compared with ${read}`;
  const since = prices.map(({ source }) => source.checked).sort()[0];
  return `each was compared with ${read}, the oldest in ${since}`;
}

/** The table of the shipped stacks in stacks/README.md. */
export function stacksCostTable(): string {
  const costs = shippedStacks().map(({ stack, config, plan }) => [stack, costOf(config, plan)] as const);
  return [
    costTable(Object.fromEntries(costs)),
    "",
    `US dollars without tax, list prices of ${PRICED_REGION} from \`infra/limits/prices.ts\`, where each has its source; ${priceSources(allPrices())}. Traffic, requests, logs and objects in buckets are charged in addition.`,
  ].join("\n");
}
