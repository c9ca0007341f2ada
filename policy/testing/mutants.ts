import { LIMITS_MUTANTS } from "./mutants/limits.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { SECURITY_MUTANTS } from "./mutants/security.ts";

export type { Mutant };

/** Mutants by the rule that must report them. */
export const MUTANTS: Readonly<Record<string, readonly Mutant[]>> = { ...LIMITS_MUTANTS, ...SECURITY_MUTANTS };
