import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import type { Client } from "./client.ts";
import { type CliContext, clientOf, collect, seconds } from "./context.ts";
import { CommandError } from "./exits.ts";
import { kindOf, upload } from "./load.ts";
import { bytesText, coloured, print, printJson, say } from "./screen.ts";
import { requestFrom, requestIn, type SubmitFlags, submit } from "./submit.ts";
import { follow, sayEnd } from "./watch.ts";

/** Options that say how a job is submitted, whatever it does. */
const jobOptions = (command: Command): Command =>
  command
    .option("--id <requestId>", "the request id (made up if absent); the same id and task is the same job")
    .option("--tenant <tenant>", "the tenant, for an admin's token")
    .option("--priority <0-9>", "more comes first (4)")
    .option("--timeout <seconds>", "how long it may run")
    .option("--label <key=value>", "a label to find it by", collect)
    .option("--wait <seconds>", "give up waiting after so long; the job goes on");

/** Commands that bring work: submit, load, query, result. */
export function workCommands({ program, end }: CliContext): void {
  jobOptions(program.command("submit"))
    .description("Submit a request: from a JSON file (- for stdin), or put together from flags")
    .argument("[file]", "a file with one request, as on the queue")
    .option("--query <name>", "a named query (rates queries lists them)")
    .option("--sql <select>", "raw SQL, where the stack allows it")
    .option("--statement <name>", "a named statement")
    .option("--param <name=value>", "a parameter of it", collect)
    .option("--target <table>", "load into prices, ports or regions")
    .option("--mode <mode>", "append or replace")
    .option("--items <file.json>", "a JSON array with the items to load")
    .option("--s3 <location>", "an object in the uploads bucket")
    .option("--url <https>", "a file of an allowed host")
    .option("--format <format>", "csv, ndjson or json")
    .option("--compression <kind>", "none or gzip")
    .option("--dry-run", "check everything, change nothing")
    .option("--watch", "wait for its end")
    .action(
      async (file: string | undefined, flags: SubmitFlags & { watch?: boolean; wait?: string }, command: Command) => {
        const { client, json } = clientOf(command);
        const request = file === undefined ? requestFrom(flags) : await requestIn(file);
        const submitted = await submit(client, request);
        if (flags.watch) return finish(client, submitted.requestId, json, flags.wait, end);
        if (json) printJson(submitted);
        else
          say(
            `${coloured(submitted.status)} ${submitted.requestId}\n\`rates watch ${submitted.requestId}\` waits for its end.`,
          );
      },
    );

  jobOptions(program.command("load"))
    .description("Load a file of this machine: .csv or .ndjson, also .gz; all of its rows go in, or none")
    .argument("<file>")
    .option("--target <table>", "prices, ports or regions", "prices")
    .option("--mode <mode>", "append adds rows; replace first removes the lanes and days that the file has", "append")
    .option("--dry-run", "check everything, change nothing")
    .action(async (file: string, flags: SubmitFlags & { wait?: string }, command: Command) => {
      const { client, json } = clientOf(command);
      const kind = kindOf(file);
      const s3 = await upload(client, file);
      const submitted = await submit(client, requestFrom({ ...flags, ...kind, s3 }));
      await finish(client, submitted.requestId, json, flags.wait, end);
    });

  jobOptions(program.command("query"))
    .description("Run a named query (or --sql) as a job, wait for it and print its result")
    .argument("[name]", "a named query (rates queries lists them)")
    .option("--sql <select>", "raw SQL, where the stack allows it")
    .option("--param <name=value>", "a parameter of the query", collect)
    .option("--format <format>", "csv, ndjson or json", "csv")
    .option("--output <file>", "write the result there")
    .action(
      async (name: string | undefined, flags: SubmitFlags & { wait?: string; output?: string }, command: Command) => {
        const { client, json } = clientOf(command);
        const request = requestFrom({
          ...flags,
          ...(name === undefined ? {} : { query: name }),
          ...(flags.output?.endsWith(".gz") ? { compression: "gzip" } : {}),
        });
        const { requestId } = await submit(client, request);
        const document = await follow(client, requestId, seconds(flags.wait));
        const exit = sayEnd(document);
        end(exit);
        if (exit === "done") await fetchResult(client, requestId, flags.output);
        else if (json) printJson(document);
      },
    );

  program
    .command("result")
    .description("Print the result of a job, or write it to a file")
    .argument("<id>")
    .option("--output <file>", "write it there; the file appears when it is whole")
    .action(async (id: string, flags: { output?: string }, command: Command) =>
      fetchResult(clientOf(command).client, id, flags.output),
    );

  program
    .command("queries")
    .description("List the named queries and statements with their parameters")
    .action(async (_flags: object, command: Command) => {
      const { client, json } = clientOf(command);
      const all = await client.json<
        Record<
          "queries" | "statements",
          {
            name: string;
            description: string;
            params: { name: string; type: string; required: boolean; description: string }[];
          }[]
        >
      >("GET", "/queries");
      if (json) return printJson(all);
      for (const [kind, list] of Object.entries(all))
        for (const { name, description, params } of list) {
          print(`${name} (${kind === "queries" ? "query" : "statement"})\n  ${description}`);
          for (const param of params)
            print(
              `    --param ${param.name}=…  ${param.type}${param.required ? "" : ", optional"}: ${param.description}`,
            );
        }
    });
}

/** Waits for a job's end and says how it went. */
async function finish(
  client: Client,
  id: string,
  json: boolean,
  wait: string | undefined,
  end: CliContext["end"],
): Promise<void> {
  const document = await follow(client, id, seconds(wait));
  end(sayEnd(document));
  if (json) printJson(document);
}

async function fetchResult(client: Client, id: string, output: string | undefined): Promise<void> {
  const response = await client.fetch("GET", `/jobs/${encodeURIComponent(id)}/result`);
  if (!response.body) throw new CommandError("unreachable", "The answer has no body.");
  const body = Readable.fromWeb(response.body as never);
  if (output === undefined) {
    await pipeline(body, process.stdout, { end: false }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error; // `| head` has seen enough
    });
    return;
  }
  const part = `${output}.part`;
  const file = createWriteStream(part);
  await pipeline(body, file);
  await rename(part, output);
  say(`${output}: ${bytesText(file.bytesWritten)}`);
}
