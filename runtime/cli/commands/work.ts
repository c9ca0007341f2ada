import type { Command } from "commander";

import { type CliContext, clientOf, collect, seconds } from "../lib/context.ts";
import { CommandError } from "../lib/exits.ts";
import { examples, GROUPS } from "../lib/help.ts";
import { coloured, print, printJson, say } from "../lib/screen.ts";
import type { SubmitFlags } from "../lib/submit.ts";
import { follow, sayEnd } from "../lib/watch.ts";

/** Options that say how a job is submitted, whatever it does. */
const jobOptions = (command: Command): Command =>
  command
    .option("--id <requestId>", "the request id (made up if absent); the same id and task is the same job")
    .option("--priority <0-9>", "more comes first (4)")
    .option("--timeout <seconds>", "how long it may run")
    .option("--label <key=value>", "a label to find it by", collect)
    .option("--reply <where>", "queue: put the response on the response queue too (none)")
    .option("--wait <seconds>", "give up waiting after so long; the job goes on", seconds);

type Flags = SubmitFlags & { wait?: number };

/** Commands that bring work: submit, load, query; and what comes of it: result; and what there is to ask: queries. */
export function workCommands({ program, end }: CliContext): void {
  program.commandsGroup(GROUPS.work);
  examples(
    jobOptions(program.command("submit")),
    "rates submit request.json --watch",
    "rates submit --query price_export --format csv --explain   # where it would run, and whether at once",
    "rates submit --target prices --s3 s3://uploads/prices.csv --dry-run --watch",
    "rates submit --statement purge_prices --param before=2020-01-01 --id purge",
    `echo '{"task":{"type":"read","query":"price_export"}}' | rates submit -`,
  )
    .description("Submit a request: from a JSON file (- for stdin), or put together from flags")
    .argument("[file]", "a file with one request, as on the queue")
    .option("--query <name>", "a named query (rates queries lists them)")
    .option("--sql <select>", "raw SQL, where the stack allows it")
    .option("--statement <name>", "a named statement")
    .option("--param <name=value>", "a parameter of it; again for each item of a list", collect)
    .option("--target <table>", "load into prices, ports or regions")
    .option("--mode <mode>", "append or replace")
    .option("--items <file.json>", "a JSON array with the items to load")
    .option("--s3 <location>", "an object in the uploads bucket")
    .option("--url <https>", "a file of an allowed host")
    .option("--format <format>", "csv, ndjson or json")
    .option("--compression <kind>", "none or gzip")
    .option("--dry-run", "check everything, change nothing")
    .option("--explain", "only say where it would run, whether there is room, and a read's plan")
    .option("--watch", "wait for its end")
    .action(async (file: string | undefined, _: Flags, command: Command) => {
      const { client, json } = clientOf(command);
      const flags = command.optsWithGlobals<Flags & { watch?: boolean; explain?: boolean }>();
      const { requestFrom, requestIn, submit } = await import("../lib/submit.ts");
      const { paramsFor } = await import("../lib/params.ts");
      const request =
        file === undefined ? requestFrom(flags, await paramsFor(client, flags)) : await requestIn(file, flags);
      if (flags.explain) {
        const { explained, sayExplained } = await import("../lib/explain.ts");
        const answer = await explained(client, request);
        return json ? printJson(answer) : sayExplained(answer);
      }
      const { client: owner, ...submitted } = await submit(client, request);
      if (flags.watch) {
        const document = await follow(owner, submitted.requestId, flags);
        end(sayEnd(owner, document));
        if (json) printJson(document);
      } else if (json) printJson(submitted);
      else {
        say(`${coloured(submitted.status)} ${submitted.requestId}`);
        say(`${owner.hint("watch", submitted.requestId)} waits for its end.`);
      }
    });

  examples(
    jobOptions(program.command("load")),
    "rates load prices.csv",
    "rates load prices.ndjson.gz --mode replace   # first removes the lanes and days that the file has",
    "rates load prices.csv --dry-run   # checks every row, changes nothing",
    "rates load ports.csv --target ports --id ports-2026-01",
  )
    .description("Load a file of this machine: .csv or .ndjson, also .gz; all of its rows go in, or none")
    .argument("<file>")
    .option("--target <table>", "prices, ports or regions", "prices")
    .option("--mode <mode>", "append adds rows; replace first removes the lanes and days that the file has", "append")
    .option("--dry-run", "check everything, change nothing")
    .action(async (file: string, _: Flags, command: Command) => {
      const { client, json } = clientOf(command);
      const flags = command.optsWithGlobals<Flags>();
      const [{ kindOf, upload }, { requestFrom, submit }] = await Promise.all([
        import("../lib/upload.ts"),
        import("../lib/submit.ts"),
      ]);
      const kind = kindOf(file);
      // Put together before the upload, so that what is wrong with the flags costs nothing.
      requestFrom({ ...flags, ...kind, s3: "" });
      const { location, bytes } = await upload(client, file);
      const { client: owner, requestId } = await submit(client, requestFrom({ ...flags, ...kind, s3: location }));
      // Progress counts unpacked bytes.
      const document = await follow(owner, requestId, { ...flags, ...(kind.compression === "none" ? { bytes } : {}) });
      end(sayEnd(owner, document));
      if (json) printJson(document);
    });

  examples(
    jobOptions(program.command("query")),
    "rates query price_export",
    "rates query average_rates \\\n--param date_from=2021-01-01 --param date_to=2021-01-31 \\\n--param orig_code=AEJEA --param dest_code=ITSPE \\\n--output rates.csv",
    `rates query --sql "select count(*) from prices" --format json`,
  )
    .description("Run a named query (or --sql) as a job, wait for it and print its result")
    .argument("[name]", "a named query (rates queries lists them)")
    .option("--sql <select>", "raw SQL, where the stack allows it")
    .option("--param <name=value>", "a parameter of the query; again for each item of a list", collect)
    .option("--format <format>", "csv, ndjson or json (csv; json with --json)")
    .option("--output <file>", "write the result there; packed if its name ends in .gz")
    .action(async (name: string | undefined, _: Flags, command: Command) => {
      const { client, json } = clientOf(command);
      const flags = command.optsWithGlobals<Flags & { output?: string }>();
      const [{ requestFrom, submit }, { paramsFor }, { fetchResult }] = await Promise.all([
        import("../lib/submit.ts"),
        import("../lib/params.ts"),
        import("../lib/result.ts"),
      ]);
      if ((name === undefined) === (flags.sql === undefined))
        throw new CommandError("invalid", "Name a query (`rates queries` lists them), or give --sql: one of the two.");
      const { output, format = json && output === undefined ? "json" : "csv" } = flags;
      const asked = { ...flags, format, ...(name === undefined ? {} : { query: name }) };
      const packed = output?.endsWith(".gz") ? { compression: "gzip" } : {};
      const request = requestFrom({ ...asked, ...packed }, await paramsFor(client, asked));
      const { client: owner, requestId } = await submit(client, request);
      const document = await follow(owner, requestId, flags);
      const exit = sayEnd(owner, document);
      end(exit);
      if (exit === "done") await fetchResult(owner, requestId, output);
      if (json && (exit !== "done" || output !== undefined)) printJson(document);
    });

  examples(
    program.command("result").helpGroup(GROUPS.jobs),
    "rates result nightly-report > report.csv",
    "rates result nightly-report --output report.csv.gz",
    "rates result nightly-load --report --output bad-rows.csv",
  )
    .description("Print the result of a job, or write it to a file")
    .argument("<id>")
    .option("--report", "instead: every bad row of a batch that was refused, as CSV")
    .option("--output <file>", "write it there; the file appears when it is whole")
    .action(async (id: string, { output, report }: { output?: string; report?: boolean }, command: Command) => {
      const { client, json } = clientOf(command);
      const { fetchResult } = await import("../lib/result.ts");
      const bytes = await fetchResult(client, id, output, report ? "report" : "result");
      if (json && output !== undefined) printJson({ requestId: id, file: output, bytes });
    });

  examples(program.command("queries"), "rates queries", "rates queries --json | jq -r '.queries[].name'")
    .description("List the named queries and statements with their parameters")
    .action(async (_flags: object, command: Command) => {
      const { client, json } = clientOf(command);
      const all = await client.json<import("../lib/params.ts").Queries>("GET", "/queries");
      if (json) return printJson(all);
      for (const [kind, list] of Object.entries(all))
        for (const { name, description, params } of list) {
          print(`${name} (${kind === "queries" ? "query" : "statement"})\n  ${description}`);
          for (const { name: param, type, required, description: about } of params)
            print(`    --param ${param}=…  ${type}${required ? "" : ", optional"}: ${about}`);
        }
    });
}
