import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { ROOT } from "../../runtime/platform/root.ts";

/** Returns the environment variables with which the engine starts a pack for one of our own stacks. */
export function packEnvironment(stack: string): Record<string, string> {
  const { config } = parse(readFileSync(`${ROOT}Pulumi.${stack}.yaml`, "utf8"));
  const texts = Object.entries(config).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return { PULUMI_CONFIG: JSON.stringify(Object.fromEntries(texts)), PULUMI_STACK: stack };
}
