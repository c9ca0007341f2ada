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
export function printExplanation({ route, room, estimatedRows, estimatedBytes, plan }: Explanation): void {
  const runnerName = route === "glue" ? "Glue" : "EC2";
  const runs =
    room.running === undefined ? counted(room.slots, "run") : `${room.running} of ${counted(room.slots, "run")}`;
  print(
    `route  ${runnerName}, ${runs}${room.waiting === undefined ? "" : `, ${counted(room.waiting, "job")} waiting`}`,
  );
  printInfo(room.now ? "It would start immediately." : "It would wait: no run of this type is free for it.");
  if (estimatedRows !== undefined)
    print(`rows   about ${estimatedRows.toLocaleString("en")}, ${(estimatedBytes ?? 0).toLocaleString("en")} bytes`);
  if (plan) for (const line of planLines(plan)) print(line);
}

const planLines = (node: PlanNode, depth = 0): string[] => {
  const label = [node["Node Type"], node["Relation Name"], node["Index Name"]].filter(Boolean).join(" ");
  const line = `${"  ".repeat(depth)}${label}  (rows ${node["Plan Rows"]}, cost ${node["Total Cost"]})`;
  return [line, ...(node.Plans ?? []).flatMap((child) => planLines(child, depth + 1))];
};
