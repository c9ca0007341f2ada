import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { ROOT } from "../../runtime/platform/root.ts";
import { readStackFile } from "../config/parse.ts";

/** Returns a workflow's settings for a stack: names of resources that stacks/account/ creates, and derived values. */
export function accountOf(stack: string, directory: string): Record<string, string> {
  const { arch, account } = readStackFile(stack, directory);
  const { id, region } = account;
  return {
    id,
    region,
    backend: `s3://rates-state-${id}-${region}?region=${region}`,
    secrets: `awskms://alias/rates-state?region=${region}`,
    registry: `${id}.dkr.ecr.${region}.amazonaws.com`,
    packs: packsOf(directory).join(","),
    // GitHub's hosted runner of the image's architecture.
    runner: arch === "arm64" ? "ubuntu-24.04-arm" : "ubuntu-24.04",
    initialized: String(isInitialized(stack, directory)),
  };
}

/**
 * Returns true if `pulumi stack init` was run for a stack and its change of the stack's file was committed. Without the
 * encrypted key, no other clone can open the stack.
 */
function isInitialized(stack: string, directory: string): boolean {
  const file = parse(readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8"));
  return typeof file.secretsprovider === "string" && typeof file.encryptedkey === "string";
}

/** Returns the paths of the policy packs. */
const packsOf = (directory: string): string[] =>
  ["policy/limits", "policy/security"].filter((pack) => existsSync(join(directory, pack, "PulumiPolicy.yaml")));

/** `node stacks/workflows/account.ts STACK` prints lines of name=value, as GITHUB_OUTPUT expects them. */
if (import.meta.main) {
  const [stack = ""] = process.argv.slice(2);
  for (const [name, value] of Object.entries(accountOf(stack, ROOT))) console.log(`${name}=${value}`);
}
