import { spawn } from "node:child_process";
import { once } from "node:events";
import { reasonOf } from "../../contract/reason.ts";
import { type CliContext, clientOf } from "../lib/context.ts";
import { CommandError } from "../lib/exits.ts";
import { examples } from "../lib/help.ts";
import { print, printInfo, printJson } from "../lib/screen.ts";

/** `rates dashboard`: prints a link that signs in once, with the scopes of the command's token. */
export function dashboardCommand({ program }: CliContext): void {
  const dashboard = program
    .command("dashboard")
    .description("Print a link to the dashboard that signs in once, with this token's scopes")
    .option("--open", "also open it in the browser");
  examples(dashboard, "rates dashboard", "rates dashboard --open");
  dashboard.action(async ({ open }: { open?: boolean }, command) => {
    const { client, json } = clientOf(command);
    const { path, expiresAt } = await client.json<{ path: string; expiresAt: string }>("POST", "/session-links");
    const link = `${client.base}${path}`;
    if (json) printJson({ link, expiresAt });
    else {
      print(link);
      printInfo(`The link signs in once and expires at ${expiresAt.slice(11, 16)} UTC.`);
    }
    if (open) await openBrowser(link);
  });
}

/**
 * Opens a URL with the system's default program.
 * @throws CommandError if the program cannot be started
 */
export async function openBrowser(url: string, platform = process.platform): Promise<void> {
  const [program = "", ...args] =
    platform === "darwin"
      ? ["open", url]
      : platform === "win32"
        ? ["rundll32", "url.dll,FileProtocolHandler", url]
        : ["xdg-open", url];
  const child = spawn(program, args, { stdio: "ignore", detached: true });
  try {
    await once(child, "spawn");
    child.unref();
  } catch (error) {
    throw new CommandError("internalError", `No browser could be opened (${reasonOf(error)}). Open the link manually.`);
  }
}
