import { counted } from "../../contract/counted.ts";
import type { Client } from "./apiClient.ts";
import { print, printInfo } from "./screen.ts";

/** Response of POST /explain. */
export interface Explanation {
  route: string;
  room: { slots: number; running?: number; waiting?: number; now: boolean };
  estimatedRows?: number;
  estimatedBytes?: number;
  plan?: PlanNode;
}

/** A plan node of EXPLAIN (FORMAT JSON). */
interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Plan Rows": number;
  "Total Cost": number;
  Plans?: PlanNode[];
}

/** Explains a request without submitting it. */
export const fetchExplanation = (client: Client, request: object): Promise<Explanation> =>
  client.json("POST", "/explain", request);

/** Prints the explanation for people. */
export function printExplained({ route, room: capacity, estimatedRows, estimatedBytes, plan }: Explanation): void {
  const kind = route === "glue" ? "Glue" : "EC2";
  const taken =
    capacity.running === undefined
      ? counted(capacity.slots, "run")
      : `${capacity.running} of ${counted(capacity.slots, "run")}`;
  print(
    `route  ${kind}, ${taken}${capacity.waiting === undefined ? "" : `, ${counted(capacity.waiting, "job")} waiting`}`,
  );
  printInfo(capacity.now ? "It would start immediately." : "It would wait: all runs of this type are busy.");
  if (estimatedRows !== undefined)
    print(`rows   about ${estimatedRows.toLocaleString("en")}, ${(estimatedBytes ?? 0).toLocaleString("en")} bytes`);
  if (plan) for (const line of planLines(plan)) print(line);
}

const planLines = (node: PlanNode, depth = 0): string[] => {
  const what = [node["Node Type"], node["Relation Name"], node["Index Name"]].filter(Boolean).join(" ");
  const line = `${"  ".repeat(depth)}${what}  (rows ${node["Plan Rows"]}, cost ${node["Total Cost"]})`;
  return [line, ...(node.Plans ?? []).flatMap((child) => planLines(child, depth + 1))];
};
