import { spawn } from "node:child_process";
import { CommandError } from "./exits.ts";

/**
 * Runs AWS's command line with the caller's credentials.
 * @param command the `rates` command that needs it, for error messages
 * @returns its output: JSON, or empty
 * @throws CommandError with the message of AWS's command
 */
export async function awsCommand(args: readonly string[], region: string, command: string): Promise<string> {
  const child = spawn("aws", [...args, "--region", region, "--output", "json"], {
    stdio: ["ignore", "pipe", "pipe"],
    // Its own process group, so that Ctrl-C does not end it: the caller must still be able to stop its task.
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve, reject) => {
    child.once("error", (error: Error) => {
      const missing = `\`${command}\` needs AWS's command line, which did not start (${error.message}).\nInstall version 2: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html`;
      reject(new CommandError("internalError", missing));
    });
    child.once("close", resolve);
  });
  if (code === 0) return stdout;
  throw new CommandError(
    "unreachable",
    `aws ${args.slice(0, 2).join(" ")} failed: ${stderr.trim().slice(0, 1_000)}\nThese credentials need the rights that docs/operating.md lists for \`${command}\`.`,
  );
}
