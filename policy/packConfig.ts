import { ROOT } from "../runtime/platform/root.ts";
import { readStackFile } from "../stacks/config/parse.ts";
import { planCapacity } from "../stacks/planning/capacity.ts";
import { PACKS } from "./explain.ts";

/** The configuration of a pack, by rule. */
export type PackConfig = Record<string, Record<string, unknown>>;

/**
 * Returns a pack's configuration from Pulumi.<stack>.yaml. Checks of an exported state need it, since the state does not
 * contain the stack's configuration.
 */
export function packConfigOf(stack: string, pack: keyof typeof PACKS): PackConfig {
  const config = readStackFile(stack, ROOT);
  const { plan } = planCapacity(config);
  const values: Record<string, unknown> = {
    ...config.quotas,
    accountId: config.account.id,
    perTask: plan?.api.connectionsPerTask,
    holdsData: config.data.keep,
  };
  return Object.fromEntries(
    PACKS[pack].rules.flatMap(({ name, settings }) => {
      const settingsOfRule = Object.keys(settings).flatMap((key): [string, unknown][] =>
        values[key] === undefined ? [] : [[key, values[key]]],
      );
      return settingsOfRule.length > 0 ? [[name, Object.fromEntries(settingsOfRule)]] : [];
    }),
  );
}
