import type { Command } from "commander";
import { isTerminal } from "../../contract/states.ts";
import { type CliContext, clientOf, regionOf } from "../lib/context.ts";
import { examples } from "../lib/help.ts";
import { ID_HELP, withJob } from "../lib/jobIds.ts";
import { printInfo, printJson } from "../lib/screen.ts";

/** `rates tail ID`: follows a job's states and log until it ends. */
export function tailCommand({ program, end }: CliContext): void {
  examples(
    program.command("tail"),
    "rates tail nightly-load",
    "rates tail nightly-load --no-follow   # the log so far",
    "rates --stack prod tail nightly-load   # with the commands that show the logs in AWS",
    "rates tail nightly-load 2> /dev/null | grep WARN   # only the runner's lines",
  )
    .description("Follow a job's states, progress and runner log until it ends")
    .argument("<id>", ID_HELP)
    .option("--no-follow", "print the log so far and exit")
    .action(async (id: string, { follow }: { follow: boolean }, command: Command) => {
      const { client, json } = clientOf(command);
      const [{ tail }, { printEnd }] = await Promise.all([import("../lib/tail.ts"), import("../lib/watch.ts")]);
      const region = await regionOf(command);
      const log: string[] = [];
      const collect = json ? (line: string) => void log.push(line) : undefined;
      const document = await withJob(client, id, (jobId) => tail(client, jobId, { follow, region, collect }));
      if (isTerminal(document.status)) {
        const exit = printEnd(client, document);
        if (follow) end(exit);
      } else printInfo(`The job is not finished; ${client.hint("tail", document.requestId)} follows it.`);
      if (json) printJson({ ...document, log });
    });
}
