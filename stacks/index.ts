import { getStack } from "@pulumi/pulumi/metadata.js";
import { allConfig } from "@pulumi/pulumi/runtime/config.js";
import { accountProvider, verifyAccount } from "../infra/account.ts";
import { type Outputs, platform } from "./platform.ts";
import { loadStack } from "./program.ts";

/**
 * The program: reads the configuration, builds the platform, returns outputs. Nothing is created unless the
 * configuration is valid.
 */
export default async function (): Promise<Outputs> {
  const stack = loadStack(getStack(), allConfig(), process.env);
  const { account, tags } = stack.config;
  const { roleArn } = stack;
  const args = { ...account, ...(roleArn ? { roleArn } : {}), tags: { ...tags, stack: stack.name } };
  const provider = accountProvider("account", args);
  await verifyAccount(provider, args);
  return platform(stack, provider);
}
