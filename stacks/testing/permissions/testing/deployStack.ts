import { fileURLToPath } from "node:url";
import { ROOT } from "../../../../runtime/platform/root.ts";
import { readStackFile } from "../../../config/parse.ts";
import { engine, moduleProgram } from "../../engine.ts";
import { Cloud } from "../../provider/cloud.ts";
import { stackEngine } from "../../stackEngine.ts";
import { IamEnvironment } from "../iamEnvironment.ts";
import { CALLERS } from "../tables/resources.ts";

const ACCOUNT = new URL("../../../account/", import.meta.url);

/** Returns the configuration of a stack, which determines its roles' permissions. */
export const stackFile = (stack: string) => readStackFile(stack, ROOT);

/** Returns the ARN of the secret with headers for the trace collector; undefined if the stack has none. */
export const headersSecretOf = (stack: string): string | undefined =>
  stack === "prod"
    ? `arn:aws:secretsmanager:eu-central-1:${stackFile(stack).account.id}:secret:rates/collector-AbCdEf`
    : undefined;

/** Tokens of the provider functions that a program called during its deployment. */
export type CalledFunctions = Set<string>;

/**
 * Deploys a stack and its account's program with the real engine. The stack has callers in its own and in another account.
 *
 * @param calledFunctions - Receives the tokens of the functions that the stack's program called.
 */
export async function deployStack(
  stack: string,
  calledFunctions: CalledFunctions = new Set(),
): Promise<IamEnvironment> {
  const { id } = stackFile(stack).account;
  const headersSecret = headersSecretOf(stack);
  const accountPulumi = await engine({
    program: moduleProgram(new URL("index.ts", ACCOUNT)),
    project: "rates-account",
    settings: fileURLToPath(new URL("Pulumi.example.yaml", ACCOUNT)),
    config: {
      "rates-account:account": { id, region: "eu-central-1", repository: "example/rates-platform", stacks: ["dev"] },
    },
    cloud: new Cloud({ account: id }),
  });
  const caller = (principal: string, tenant: string, senderIds?: string[]) => ({
    principal,
    tenants: [tenant],
    ...(senderIds ? { senderIds } : {}),
  });
  /** Replaces a function with one that records the call and returns the given result. */
  const recording = (token: string, result: Record<string, string>) => ({
    [token]: () => {
      calledFunctions.add(token);
      return result;
    },
  });
  const stackPulumi = await stackEngine(stack, {
    cloud: new Cloud({
      account: id,
      lookUpResults: {
        ...recording("aws:iam/getRole:getRole", { uniqueId: "AROAOWN0000000000000" }),
        ...recording("aws:iam/getUser:getUser", { userId: "AIDAOWN0000000000000" }),
        ...recording("aws:ssm/getParameter:getParameter", { value: "ami-0123456789abcdef0" }),
        ...recording("aws:index/getCallerIdentity:getCallerIdentity", {
          accountId: id,
          arn: `arn:aws:iam::${id}:user/x`,
        }),
      },
    }),
    config: {
      "rates-platform:tenants": ["acme", "globex"],
      ...(headersSecret === undefined
        ? {}
        : { "rates-platform:traces": { endpoint: "https://collector.example.com", headersSecret } }),
      "rates-platform:callers": [
        caller(CALLERS.pricing, "acme", ["AROAP0000000000000000"]),
        caller(CALLERS.reports, "other", ["AROAR0000000000000000"]),
        caller(`arn:aws:iam::${id}:role/own`, "globex"),
        caller(`arn:aws:iam::${id}:user/own`, "globex"),
      ],
    },
  });
  try {
    await Promise.all([accountPulumi.up(), stackPulumi.up()]);
    return new IamEnvironment(await stackPulumi.exportState(), await accountPulumi.exportState());
  } finally {
    await Promise.all([accountPulumi.close(), stackPulumi.close()]);
  }
}
