import type { Case, Evaluator, Replaced } from "./evaluate.ts";
import { mutantsOf } from "./mutants.ts";
import type { Policy } from "./policy.ts";

/**
 * Evaluates every case.
 * @returns A line per case that is not as expected.
 */
export async function wrongCases(evaluator: Evaluator, cases: readonly Case[]): Promise<string[]> {
  const unexpected: string[] = [];
  for (const one of cases) {
    const why = await evaluator.validate(one);
    if (why !== undefined)
      unexpected.push(`${one.what}: ${one.action} on ${one.resource} ${JSON.stringify(one.context ?? {})} ${why}`);
  }
  return unexpected;
}

/**
 * Lists the mutants of a policy that no case detects: rights that nothing needs, and limits that no case tries to
 * exceed.
 * @param cases - Cases of all principals; those that the policy does not decide are left out.
 */
export async function survivors(evaluator: Evaluator, policy: Policy, cases: readonly Case[]): Promise<string[]> {
  const concerned = cases.filter((one) => evaluator.policiesOf(one).includes(policy));
  const found: string[] = [];
  for (const { what, document, affects } of mutantsOf(policy.document, policy.resource)) {
    const replaced = new Map([[policy, document]]);
    if (
      !(await isDetected(
        evaluator,
        replaced,
        concerned.filter(({ action }) => affects(action)),
      ))
    )
      found.push(`${policy.name}: ${what}`);
  }
  return found;
}

async function isDetected(evaluator: Evaluator, replaced: Replaced, cases: readonly Case[]): Promise<boolean> {
  for (const one of cases) if ((await evaluator.isAllowed(one, replaced)) !== one.allowed) return true;
  return false;
}
