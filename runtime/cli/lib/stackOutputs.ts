import { spawnSync } from "node:child_process";
import Type from "typebox";
import Value from "typebox/value";
import { requireClone } from "./clone.ts";
import { CommandError } from "./exits.ts";

/** What a deployed stack says of itself (stacks/platform.ts). */
export const StackOutputs = Type.Object({
  stack: Type.String(),
  account: Type.String(),
  region: Type.String(),
  api: Type.String(),
  requestQueueUrl: Type.String(),
  responseQueueUrl: Type.String(),
  deadLetterQueueUrl: Type.String(),
  resultsBucket: Type.String(),
  uploadsBucket: Type.String(),
  dashboard: Type.String(),
  glueJob: Type.String(),
  launchTemplate: Type.String(),
  dispatcherFunction: Type.String(),
  /** The load balancer's own name: what the API's domain must lead to where the stack has no hosted zone. */
  loadBalancer: Type.Optional(Type.String()),
  /** How `rates connect` gets in (accessSession.ts). */
  access: Type.Optional(Type.Unknown()),
  /** The task of `npm run smoke -- --inside` (runtime/smoke/inside.ts). */
  smoke: Type.Optional(Type.Unknown()),
  /** What the database's parameter group says. */
  maxConnections: Type.Optional(Type.Integer()),
});
export type StackOutputs = Type.Static<typeof StackOutputs>;

/** Asks `pulumi` for the outputs of a stack. @throws CommandError with the next step */
export function stackOutputs(stack: string, command = "pulumi"): StackOutputs {
  const { status, stdout, stderr, error } = spawnSync(command, ["stack", "output", "--json", "--stack", stack], {
    cwd: requireClone(),
    encoding: "utf8",
  });
  if (error)
    throw new CommandError(
      "unreachable",
      `--stack asks the pulumi command, and there is none (${error.message}).\nInstall it, or name the API by --api and its token by --token.`,
    );
  if (status !== 0)
    throw new CommandError(
      "unreachable",
      `pulumi knows no stack '${stack}' here: ${stderr.trim()}\n\`pulumi login\` with its state's backend, then \`pulumi stack ls\` shows those there are.`,
    );
  const outputs: unknown = JSON.parse(stdout || "{}");
  if (Value.Check(StackOutputs, outputs)) return outputs;
  const known = outputs as Record<string, unknown>;
  const missing = StackOutputs.required.filter((key) => typeof known[key] !== "string");
  throw new CommandError(
    "unreachable",
    `The stack '${stack}' does not say its ${missing.join(", ")}.\nDeploy it first: \`npm run pulumi -- up -s ${stack}\`.`,
  );
}
