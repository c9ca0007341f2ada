import { spawn } from "node:child_process";
import { CommandError } from "./exits.ts";

/**
 * Runs AWS's command line with the user's credentials.
 * @param command name of the calling command, for error messages
 * @returns the output: JSON, or an empty text
 * @throws CommandError with the message of AWS's command
 */
export async function awsCommand(args: readonly string[], region: string, command: string): Promise<string> {
  const child = spawn("aws", [...args, "--region", region, "--output", "json"], {
    stdio: ["ignore", "pipe", "pipe"],
    // A child in its own process group does not receive Ctrl-C, so that it completes the start or stop of a task.
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
      const message = `\`${command}\` needs AWS's command line, which did not start (${error.message}).\nInstall version 2: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html`;
      reject(new CommandError("internalError", message));
    });
    child.once("close", resolve);
  });
  if (code === 0) return stdout;
  throw new CommandError(
    "unreachable",
    `aws ${args.slice(0, 2).join(" ")} failed: ${stderr.trim().slice(0, 1_000)}\nThese credentials need the permissions that docs/operating.md lists for \`${command}\`.`,
  );
}
