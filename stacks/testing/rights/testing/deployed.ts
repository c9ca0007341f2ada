import { fileURLToPath } from "node:url";
import { ROOT } from "../../../../runtime/platform/root.ts";
import { readStackFile } from "../../../config/parse.ts";
import { engine, moduleProgram } from "../../engine.ts";
import { Cloud } from "../../provider/cloud.ts";
import { stackEngine } from "../../stackEngine.ts";
import { IamEnvironment } from "../iamEnvironment.ts";
import { CALLERS } from "../tables/resources.ts";

const ACCOUNT = new URL("../../../account/", import.meta.url);

/** Returns the configuration of a stack, which determines its roles' rights. */
export const stackFile = (stack: string) => readStackFile(stack, ROOT);

/** ARN of the secret with headers for the collector of traces; undefined if the stack has none. */
export const headersSecretOf = (stack: string): string | undefined =>
  stack === "prod"
    ? `arn:aws:secretsmanager:eu-central-1:${stackFile(stack).account.id}:secret:rates/collector-AbCdEf`
    : undefined;

/** Functions that a program called while it was deployed, by token. */
export type LookedUp = Set<string>;

/**
 * Deploys a stack and its account's own program with the real engine; the stack has callers in another account and in
 * its own.
 * @param lookedUp - Receives the tokens of the functions that the stack's program called.
 */
export async function deployed(stack: string, lookedUp: LookedUp = new Set()): Promise<IamEnvironment> {
  const { id } = stackFile(stack).account;
  const headersSecret = headersSecretOf(stack);
  const account = await engine({
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
  /** Records that a function was called, and returns the given answer. */
  const recording = (token: string, answer: Record<string, string>) => ({
    [token]: () => {
      lookedUp.add(token);
      return answer;
    },
  });
  const one = await stackEngine(stack, {
    cloud: new Cloud({
      account: id,
      answers: {
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
    await Promise.all([account.up(), one.up()]);
    return new IamEnvironment(await one.exportState(), await account.exportState());
  } finally {
    await Promise.all([account.close(), one.close()]);
  }
}
