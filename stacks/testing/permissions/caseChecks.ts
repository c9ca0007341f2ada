import type { Case, Evaluator, Replacements } from "./evaluate.ts";
import { mutantsOf } from "./mutants.ts";
import type { Policy } from "./policy.ts";

/**
 * Evaluates every case.
 *
 * @returns A line for each case with an unexpected outcome.
 */
export async function unexpectedOutcomes(evaluator: Evaluator, cases: readonly Case[]): Promise<string[]> {
  const unexpected: string[] = [];
  for (const testCase of cases) {
    const difference = await evaluator.validate(testCase);
    if (difference !== undefined)
      unexpected.push(
        `${testCase.title}: ${testCase.action} on ${testCase.resource} ${JSON.stringify(testCase.context ?? {})} ${difference}`,
      );
  }
  return unexpected;
}

/**
 * Lists the mutants of a policy that no case detects: permissions that no component needs, and limits that no case tries
 * to exceed.
 *
 * @param cases - Cases of all principals; those that the policy does not decide are left out.
 */
export async function undetectedMutants(
  evaluator: Evaluator,
  policy: Policy,
  cases: readonly Case[],
): Promise<string[]> {
  const decidedCases = cases.filter((testCase) => evaluator.policiesOf(testCase).includes(policy));
  const undetected: string[] = [];
  for (const { title, document, affects } of mutantsOf(policy.document, policy.resource)) {
    const replacements = new Map([[policy, document]]);
    if (
      !(await isDetected(
        evaluator,
        replacements,
        decidedCases.filter(({ action }) => affects(action)),
      ))
    )
      undetected.push(`${policy.name}: ${title}`);
  }
  return undetected;
}

async function isDetected(evaluator: Evaluator, replacements: Replacements, cases: readonly Case[]): Promise<boolean> {
  for (const testCase of cases)
    if ((await evaluator.isAllowed(testCase, replacements)) !== testCase.allowed) return true;
  return false;
}
