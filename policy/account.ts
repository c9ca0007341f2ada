import Type, { type Static } from "typebox";
import { LIMITS } from "../infra/limits/limits.ts";
import { loadStack, type ValidatedStack } from "../stacks/program.ts";

/** Returns the schema of a granted quota, whose default is AWS's default quota. */
export const quotaSchema = (limit: keyof typeof LIMITS) =>
  Type.Number({ minimum: 0, default: LIMITS[limit].value, description: `${LIMITS[limit].unit}, as granted` });

/** Settings of rules: the quotas of the account that a program is deployed to, by default AWS's default quotas. */
export const QUOTAS = {
  lambdaConcurrency: quotaSchema("lambdaConcurrency"),
  glueRuns: quotaSchema("glueRuns"),
  glueDpus: quotaSchema("glueDpus"),
  ec2Vcpus: quotaSchema("ec2Vcpus"),
  fargateVcpus: quotaSchema("fargateVcpus"),
  rdsInstances: quotaSchema("rdsInstances"),
  share: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1,
    default: 1,
    description: "share of the quotas that this program may use",
  }),
};
const Quotas = Type.Object(QUOTAS);
export type Quotas = Static<typeof Quotas>;

/** Returns the settings with the given names. */
export const quotas = <Name extends keyof Quotas>(...names: Name[]) =>
  Object.fromEntries(names.map((name) => [name, QUOTAS[name]])) as Pick<typeof QUOTAS, Name>;

let cached: { text: string; stack: ValidatedStack | undefined } | undefined;

/**
 * Returns this project's stack, from the configuration that the engine passes to every pack; undefined for other
 * programs, and for a configuration that the program itself refuses.
 */
export function ownStack(env: NodeJS.ProcessEnv = process.env): ValidatedStack | undefined {
  const text = env.PULUMI_CONFIG ?? "";
  if (cached?.text !== text) cached = { text, stack: ownStackOf(text, env.PULUMI_STACK ?? "") };
  return cached.stack;
}

function ownStackOf(text: string, name: string): ValidatedStack | undefined {
  if (!text.includes('"rates-platform:account"')) return undefined;
  try {
    return loadStack(name, JSON.parse(text), {});
  } catch {
    // The program itself reports the errors and stops.
    return undefined;
  }
}

/**
 * Returns an account's quota, the program's share of it, and a description of that share for messages. The stack's own
 * configuration overrides the pack's.
 */
export function quotaShare<Name extends Exclude<keyof Quotas, "share">>(
  name: Name,
  settings: Record<Name | "share", number>,
): { quota: number; share: number; limit: number; source: string } {
  const { [name]: quota, share } = ownStack()?.config.quotas ?? settings;
  const limit = LIMITS[name];
  const code = "quota" in limit ? ` (${limit.quota.code})` : "";
  return {
    quota,
    share,
    // Without rounding, 100 * 0.57 is less than the 57 that the capacity planner allows.
    limit: Number((quota * share).toFixed(9)),
    source: fractionOf(share, `the quota of ${quota}${code}`),
  };
}

/** Returns how much a total exceeds a limit, without the rounding error of a fractional limit. */
export const excess = (total: number, limit: number): number => Number((total - limit).toFixed(9));

/** Returns a text such as "0.5 of the quota", or only "the quota" for a share of 1. */
export const fractionOf = (share: number, whole: string): string => (share === 1 ? whole : `${share} of ${whole}`);
