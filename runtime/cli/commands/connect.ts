import type { Command } from "commander";
import { AccessSession, requirePrograms } from "../lib/accessSession.ts";
import { type CliContext, type GlobalOptions, wholeNumber } from "../lib/context.ts";
import { CommandError } from "../lib/exits.ts";
import { examples } from "../lib/help.ts";
import { printInfo } from "../lib/screen.ts";
import { stackOutputs } from "../lib/stackOutputs.ts";

const LOCAL_PORT = 8080;

/** `rates connect`: gives access to a deployed stack's API with IAM permissions alone, without network access. */
export function connectCommand({ program, end }: CliContext): void {
  const connect = program
    .command("connect")
    .description("Forward a local port to a deployed stack's API while the command runs")
    .option("--port <port>", "local port", wholeNumber, LOCAL_PORT);
  examples(connect, "rates connect --stack dev", "rates connect --stack dev --port 9000");
  connect.action(async (_flags: object, command: Command) => {
    const { stack, port } = command.optsWithGlobals<GlobalOptions & { port: number }>();
    if (stack === undefined)
      throw new CommandError("invalid", "`rates connect` needs a deployed stack.\nName it: --stack NAME.");
    if (port < 1 || port > 65_535) throw new CommandError("invalid", `--port ${port} is not between 1 and 65535.`);
    requirePrograms();
    const outputs = stackOutputs(stack);
    const session = new AccessSession(outputs);
    const interrupted = new AbortController();
    const stop = () => interrupted.abort();
    process.on("SIGINT", stop).on("SIGTERM", stop);
    try {
      printInfo(`Starting the access task of ${stack}; this takes a minute or two.`);
      const target = await session.start(interrupted.signal);
      printInfo(instructions(outputs.api, port));
      const code = await session.forward(target, port, interrupted.signal);
      if (code !== 0 && !interrupted.signal.aborted)
        throw new CommandError("unreachable", `The session ended with exit code ${code}; its messages are above.`);
    } catch (error) {
      if (!interrupted.signal.aborted) throw error;
      end("interrupted");
    } finally {
      await session.stop();
      process.off("SIGINT", stop).off("SIGTERM", stop);
    }
  });
}

/**
 * Explains how to use the port. With TLS, clients must connect to this machine under the API's host name, since the
 * certificate is issued for that name.
 */
export function instructions(api: string, port: number): string {
  const { protocol, hostname } = new URL(api);
  if (protocol === "http:")
    return `Once the session waits for connections, use in another terminal:\n  npx rates --api http://127.0.0.1:${port} --token TOKEN list\nCtrl-C ends it; otherwise it ends after an hour.`;
  return `Once the session waits for connections, use in another terminal (the certificate is for ${hostname}):\n  curl --connect-to ${hostname}:443:127.0.0.1:${port} ${api}/healthz\nor add to /etc/hosts \`127.0.0.1 ${hostname}\` and use\n  npx rates --api https://${hostname}:${port} --token TOKEN list\nCtrl-C ends it; otherwise it ends after an hour.`;
}
