import { spawnSync } from "node:child_process";
import Value from "typebox/value";
import { StackOutputs } from "../../contract/stackOutputs.ts";
import { requireClone } from "./clone.ts";
import { CommandError } from "./exits.ts";

/** Cached outputs by stack, since `pulumi` takes seconds to print them. */
const OUTPUTS_BY_STACK = new Map<string, StackOutputs>();

/**
 * Reads the outputs of a stack with `pulumi`, once per process.
 * @throws CommandError with the next step
 */
export function stackOutputs(stack: string): StackOutputs {
  const outputs = OUTPUTS_BY_STACK.get(stack) ?? readOutputs(stack);
  OUTPUTS_BY_STACK.set(stack, outputs);
  return outputs;
}

function readOutputs(stack: string): StackOutputs {
  const { status, stdout, stderr, error } = spawnSync("pulumi", ["stack", "output", "--json", "--stack", stack], {
    cwd: requireClone(),
    encoding: "utf8",
  });
  if (error)
    throw new CommandError(
      "unreachable",
      `--stack needs the pulumi command, which was not found (${error.message}).\nInstall it, or give --api and --token.`,
    );
  if (status !== 0)
    throw new CommandError(
      "unreachable",
      `pulumi cannot read the outputs of stack '${stack}': ${stderr.trim()}\nLog in to its state backend with \`pulumi login\`; \`pulumi stack ls\` lists the stacks.`,
    );
  const outputs = parsed(stdout || "{}");
  if (outputs === undefined)
    throw new CommandError(
      "unreachable",
      `pulumi printed no JSON for the outputs of stack '${stack}'.\nRun \`pulumi stack output --json --stack ${stack}\` to see what it prints.`,
    );
  if (Value.Check(StackOutputs, outputs)) return outputs;
  const missing = StackOutputs.required.filter((key) => typeof outputs[key] !== "string");
  throw new CommandError(
    "unreachable",
    `The stack '${stack}' has no output ${missing.join(", ")}.\nDeploy it first: \`npm run pulumi -- up -s ${stack}\`.`,
  );
}

function parsed(json: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(json);
    return value !== null && typeof value === "object" ? value : undefined;
  } catch {
    return undefined;
  }
}
