import { fileURLToPath } from "node:url";
import { readStackFile } from "../stacks/config.ts";
import { QUOTAS } from "./account.ts";
import { LIMIT_RULES } from "./limits/rules.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * The configuration of the limits pack with the quotas of one of our stacks: for a running account, of which a pack is
 * handed the state and not Pulumi.<stack>.yaml.
 */
export function configOf(stack: string): Record<string, Record<string, number>> {
  const quotas: Record<string, unknown> = { ...readStackFile(stack, ROOT).quotas };
  return Object.fromEntries(
    LIMIT_RULES.flatMap(({ name, settings }) => {
      const own = Object.keys(settings).flatMap((key): [string, number][] => {
        const value = Object.hasOwn(QUOTAS, key) ? quotas[key] : undefined;
        return typeof value === "number" ? [[key, value]] : [];
      });
      return own.length > 0 ? [[name, Object.fromEntries(own)]] : [];
    }),
  );
}
