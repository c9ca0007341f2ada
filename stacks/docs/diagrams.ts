import { TERMINAL, TRANSITIONS } from "../../runtime/contract/states.ts";
import { shippedStacks } from "../planning/shipped.ts";

/** Returns lines of Mermaid as a code block of a page. */
const mermaid = (...lines: string[]): string => ["```mermaid", ...lines, "```"].join("\n");

/** Returns the states of a job and their transitions as a Mermaid diagram. */
export const statesDiagram = (): string =>
  mermaid(
    "stateDiagram-v2",
    ...TRANSITIONS.map(({ from = "[*]", to, cause }) => `  ${from} --> ${to}: ${cause}`),
    ...TERMINAL.map((state) => `  ${state} --> [*]`),
  );

/**
 * Returns a Mermaid diagram of prod's capacity, from its account's quotas to its database's connections.
 *
 * @throws Error if a shipped stack exceeds its quotas
 */
export function capacityDiagram(): string {
  const prod = shippedStacks().find(({ stack }) => stack === "prod");
  if (!prod) throw new Error("The shipped stack prod does not exist.");
  const { config, plan } = prod;
  const { quotas, runners } = config;
  const { parts, usable, total } = plan.database;
  const connections = (part: string) => `${parts[part]} connections`;
  const node = (id: string, ...lines: (string | number)[]) => `${id}["${lines.join("<br>")}"]`;
  const edge = (from: string, to: string, text: string) => `  ${from} -- "${text}" --> ${to}`;
  const share = `× share ${quotas.share}`;
  return mermaid(
    "flowchart LR",
    "  subgraph quotas [Quotas of the account]",
    `    ${node("lambda", "Lambda executions", quotas.lambdaConcurrency)}`,
    `    ${node("glueQuota", "Glue runs, DPUs", `${quotas.glueRuns}, ${quotas.glueDpus}`)}`,
    `    ${node("vcpus", "EC2 vCPUs", quotas.ec2Vcpus)}`,
    `    ${node("fargate", "Fargate vCPUs", quotas.fargateVcpus)}`,
    "  end",
    "  subgraph plan [Maximums of the stack]",
    `    ${node("dispatcher", "Dispatcher", `${plan.dispatcher.reservedConcurrency ?? "no"} reserved executions`)}`,
    `    ${node("glue", "Glue", `${plan.glue.maxConcurrentRuns} runs of ${plan.glue.dpuPerRun} DPU`)}`,
    `    ${node("ec2", "EC2", `${plan.ec2.maxInstances} × ${runners.ec2.instanceType}`)}`,
    `    ${node("api", "API", `${plan.api.minTasks} to ${plan.api.maxTasks} tasks of ${config.api.taskVcpus} vCPU`)}`,
    "  end",
    `  ${node("database", `Database ${config.database.instanceClass}`, `${total} of ${usable} connections`)}`,
    edge("lambda", "dispatcher", share),
    edge("glueQuota", "glue", share),
    edge("vcpus", "ec2", share),
    edge("fargate", "api", share),
    edge("dispatcher", "database", connections("dispatcher")),
    edge("glue", "database", connections("glue")),
    edge("ec2", "database", connections("ec2")),
    edge("api", "database", connections("api")),
  );
}
