import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readStackFile } from "../config.ts";

/** What a workflow has to know of a stack's account: names that stacks/account/ gives, and addresses that follow. */
export function accountOf(stack: string, directory: string): Record<string, string> {
  const { id, region } = readStackFile(stack, directory).account;
  return {
    id,
    region,
    backend: `s3://rates-state-${id}-${region}?region=${region}`,
    secrets: `awskms://alias/rates-state?region=${region}`,
    registry: `${id}.dkr.ecr.${region}.amazonaws.com`,
    packs: packsOf(directory).join(","),
  };
}

/** The policy packs that there are. */
const packsOf = (directory: string): string[] =>
  ["policy/limits", "policy/security"].filter((pack) => existsSync(join(directory, pack, "PulumiPolicy.yaml")));

/** `node stacks/workflows/account.ts STACK`: name=value, a line each, as GITHUB_OUTPUT wants them. */
if (import.meta.main) {
  const [stack = ""] = process.argv.slice(2);
  for (const [name, value] of Object.entries(accountOf(stack, fileURLToPath(new URL("../..", import.meta.url)))))
    console.log(`${name}=${value}`);
}
