import { type Command, InvalidArgumentError } from "commander";
import { counted } from "../../contract/counted.ts";
import type { Client } from "../lib/apiClient.ts";
import { type CliContext, choice, clientOf, collect, seconds, wholeNumber } from "../lib/context.ts";
import type { JobDocument } from "../lib/events.ts";
import { CommandError } from "../lib/exits.ts";
import { printableName } from "../lib/files.ts";
import { examples, GROUPS } from "../lib/help.ts";
import { ID, withJob } from "../lib/jobIds.ts";
import { type Fields, jsonFields, printRecords } from "../lib/jsonFields.ts";
import { DEFAULT_ROWS, MAX_ROWS, showTable } from "../lib/resultTable.ts";
import { colourState, print, printInfo, printJson, width } from "../lib/screen.ts";
import type { SubmitFlags } from "../lib/submit.ts";
import { wrapText } from "../lib/table.ts";
import { timeText } from "../lib/times.ts";
import { follow, printEnd } from "../lib/watch.ts";

/** Options of every submitted job. */
const jobOptions = (command: Command): Command =>
  command
    .option("--id <requestId>", "the request id (generated if absent); the same id and task is the same job")
    .option("--priority <0-9>", "higher runs first (default 4)")
    .option("--timeout <seconds>", "time limit of the run")
    .option("--label <key=value>", "a label for searching the job; repeatable", collect)
    .option("--reply <where>", "queue: also send the response to the response queue (default: none)")
    .option("--wait <seconds>", "stop waiting after so long; the job keeps running", seconds);

type Flags = SubmitFlags & { wait?: number };

const TARGETS = ["prices", "ports", "regions"] as const;
const MODES = ["append", "replace"] as const;
const FORMATS = ["csv", "ndjson", "json"] as const;
const COMPRESSIONS = ["none", "gzip"] as const;

/** Format and compression of stored reports. */
const REPORT = { format: "csv", compression: "none" };

type DescribedQuery = import("../lib/params.ts").Queries["queries"][number];
const QUERY_FIELDS: Fields<DescribedQuery> = {
  name: (query) => query.name,
  description: (query) => query.description,
  params: (query) => query.params,
  ranges: (query) => query.ranges,
  columns: (query) => query.columns,
};

/** Format and compression of a job's stored result. */
const storedFormat = ({ task, result }: JobDocument): { format: string; compression: string } => ({
  format: result?.format ?? task.format ?? "json",
  compression: result?.compression ?? (task.type === "read" ? (task.compression ?? "none") : "none"),
});

/** Formats for people; a table is the default on a terminal. */
const TABLE = "table";
const CHART = "chart";
type View = typeof TABLE | typeof CHART;
const isView = (format: string | undefined): format is View => format === TABLE || format === CHART;

/** Parses the maximum number of rows of a table. */
function rowLimit(value: string): number {
  const rows = wholeNumber(value);
  if (rows < 1 || rows > MAX_ROWS) throw new InvalidArgumentError(`It must be from 1 to ${MAX_ROWS}.`);
  return rows;
}

/**
 * Decides how a result is shown: as a table or a chart if requested, as a table on a terminal without another format.
 * @returns undefined for the bytes of the result
 * @throws CommandError for options that cannot be combined
 */
function viewOf({
  format,
  limit,
  argument,
  json,
}: {
  format: string | undefined;
  limit: number | undefined;
  argument: string | undefined;
  json: boolean;
}): View | undefined {
  const isDefault = format === undefined && argument === undefined && !json && process.stdout.isTTY === true;
  const view = isView(format) ? format : isDefault ? TABLE : undefined;
  if (isView(format) && argument !== undefined && argument !== "-")
    throw new CommandError(
      "invalid",
      `--format ${format} cannot be written to a file. Leave out --format ${format} or --output.`,
    );
  if (isView(format) && json) throw new CommandError("invalid", `--format ${format} and --json cannot be combined.`);
  if (limit !== undefined && view === undefined)
    throw new CommandError(
      "invalid",
      "--limit applies to tables and charts only (on a terminal, or with --format table).",
    );
  return view;
}

/** Shows a result as a table or a chart. */
async function showResult(client: Client, { requestId, result }: JobDocument, view: View, limit: number | undefined) {
  const total = result?.rows ?? 0;
  if (view === TABLE) return showTable(client, requestId, { limit, total });
  const { showChart } = await import("../lib/dayChart.ts");
  await showChart(client, requestId, { limit, total });
}

/** Returns the final message of a repeated load. */
function repeatText({ status, requestId, finishedAt, task }: JobDocument, client: Client): string {
  const when = finishedAt ? ` at ${timeText(finishedAt)} UTC` : "";
  const again = task.dryRun ? "--again checks it again." : "--again loads it again.";
  if (status === "SUCCEEDED")
    return `The same content was ${task.dryRun ? "checked" : "loaded"} by ${requestId}${when}; it was not ${task.dryRun ? "checked" : "loaded"} again. ${again}`;
  return `This is the earlier job ${requestId}; ${client.hint("retry", requestId)} tries again.`;
}

/** Commands for submitting work (submit, load, query), fetching results (result), and listing queries (queries). */
export function submitCommands({ program, end }: CliContext): void {
  program.commandsGroup(GROUPS.work);
  examples(
    jobOptions(program.command("submit")),
    "rates submit request.json --watch",
    "rates submit --query price_export --format csv --explain  # the runner type, and if it would start immediately",
    "rates submit --target prices --s3 s3://uploads/prices.csv --dry-run --watch",
    "rates submit --statement purge_prices --param before=2020-01-01 --id purge  # shows the number of prices and asks",
    `echo '{"task":{"type":"read","query":"price_export"}}' | rates submit -`,
  )
    .description("Submit a request, from a JSON file (- for stdin) or from options")
    .argument("[file]", "a file with one request in JSON, as for the queue")
    .option("--query <name>", "a named query (rates queries lists them)")
    .option("--sql <select>", "raw SQL, if the stack allows it")
    .option("--file <file.sql>", "a file with the SQL (- for stdin)")
    .option("--statement <name>", "a named statement")
    .option("--param <name=value>", "a parameter of the query or statement; repeat it for a list", collect)
    .addOption(choice("--target <table>", "load into prices, ports or regions", TARGETS))
    .addOption(choice("--mode <mode>", "append or replace", MODES))
    .option("--items <file.json>", "a JSON array with the items to load")
    .option("--s3 <location>", "an object in the uploads bucket")
    .option("--url <https>", "a file on an allowed host")
    .addOption(choice("--format <format>", "csv, ndjson or json", FORMATS))
    .addOption(choice("--compression <kind>", "none or gzip", COMPRESSIONS))
    .option("--dry-run", "check everything, change nothing")
    .option("--explain", "only show the runner, the free capacity, and the plan of a read")
    .option("--watch", "wait until the job ends")
    .option("--yes", "do not ask before purge_prices; required without a terminal")
    .action(async (file: string | undefined, _: Flags, command: Command) => {
      const { client, json } = clientOf(command);
      const { requestFrom, requestIn, submit, withSqlFile } = await import("../lib/submit.ts");
      const { confirmPurge } = await import("../lib/purge.ts");
      const flags = withSqlFile(
        command.optsWithGlobals<Flags & { watch?: boolean; explain?: boolean; yes?: boolean }>(),
      );
      const { paramsFor } = await import("../lib/params.ts");
      const request =
        file === undefined ? requestFrom(flags, await paramsFor(client, flags)) : await requestIn(file, flags);
      if (flags.explain) {
        const { fetchExplanation, printExplained } = await import("../lib/explain.ts");
        const answer = await fetchExplanation(client, request);
        return json ? printJson(answer) : printExplained(answer);
      }
      await confirmPurge(client, request, flags.yes);
      const { client: owner, ...submitted } = await submit(client, request);
      if (flags.watch) {
        const document = await follow(owner, submitted.requestId, flags);
        end(printEnd(owner, document));
        if (json) printJson(document);
      } else if (json) printJson(submitted);
      else {
        printInfo(`${colourState(submitted.status)} ${submitted.requestId}`);
        printInfo(`${owner.hint("watch", submitted.requestId)} waits for its end.`);
      }
    });

  examples(
    jobOptions(program.command("load")),
    "rates load prices.csv",
    "rates load prices.ndjson.gz --mode replace   # first removes the lanes and days that the file has",
    "rates load prices.csv --dry-run   # checks every row, changes nothing",
    "rates load ports.csv --target ports --id ports-2026-01",
    "zcat prices.csv.gz | rates load -   # from a pipe; rates load <(command) works too",
  )
    .description(
      "Load a file: .csv or .ndjson, also .gz. All of its rows are loaded, or none. The same content is loaded once, unless --again or a new --id is given",
    )
    .argument("<file>", "a file, a FIFO, or - for stdin")
    .addOption(choice("--target <table>", "prices, ports or regions", TARGETS).default("prices"))
    .addOption(
      choice(
        "--mode <mode>",
        "append adds rows; replace first removes the lanes and days that the file has",
        MODES,
      ).default("append"),
    )
    .addOption(choice("--format <format>", "csv or ndjson (default: by the file's name)", ["csv", "ndjson"]))
    .addOption(choice("--compression <kind>", "none or gzip (default: by the file's name)", COMPRESSIONS))
    .option("--dry-run", "check everything, change nothing")
    .option("--again", "load the content again if it was loaded before")
    .action(async (file: string, _: Flags, command: Command) => {
      const { client, json } = clientOf(command);
      const flags = command.optsWithGlobals<Flags & { again?: boolean }>();
      const { load } = await import("../lib/load.ts");
      const { client: owner, requestId, bytes, isRepeat } = await load(client, file, flags);
      // Progress counts decompressed bytes, so the total is known only for uncompressed files.
      const document = await follow(owner, requestId, { ...flags, ...(bytes === undefined ? {} : { bytes }) });
      end(printEnd(owner, document));
      if (isRepeat) printInfo(repeatText(document, owner));
      else if (document.error?.type === "InvalidRows")
        printInfo(`Fix these rows in ${printableName(file)}, then run the same command again.`);
      else if (document.status === "SUCCEEDED" && flags.mode === "replace") {
        const { rows, removed } = await owner.json<{ rows: number; removed: number }>(
          "GET",
          owner.job(requestId, "/result"),
        );
        const count = (number: number) => number.toLocaleString("en");
        printInfo(
          document.task.dryRun
            ? `It would remove ${counted(removed, "row")} and add ${count(rows)}.`
            : `${count(rows)} added, ${count(removed)} removed.`,
        );
      }
      if (json) printJson(document);
    });

  examples(
    jobOptions(program.command("query")),
    "rates query price_export",
    "rates query average_rates \\\n--param date_from=2021-01-01 --param date_to=2021-01-31 \\\n--param orig_code=AEJEA --param dest_code=ITSPE \\\n--output rates.csv",
    "rates query average_rates --format chart \\\n--param date_from=2021-01-01 --param date_to=2021-01-31 \\\n--param orig_code=AEJEA --param dest_code=ITSPE",
    `rates query --sql "select count(*) from prices" --format json`,
  )
    .description("Run a named query (or --sql) as a job, wait for it and print its result")
    .argument("[name]", "a named query (rates queries lists them)")
    .option("--sql <select>", "raw SQL, if the stack allows it")
    .option("--file <file.sql>", "a file with the SQL (- for stdin)")
    .option("--param <name=value>", "a parameter of the query; repeat it for a list", collect)
    .addOption(
      choice(
        "--format <format>",
        "default: by the name of --output, else table on a terminal, else csv (json with --json); chart draws a result with a column of days",
        [...FORMATS, TABLE, CHART],
      ),
    )
    .option(
      "--limit <n>",
      `maximum number of rows of a table (default ${DEFAULT_ROWS}) or a chart (default ${MAX_ROWS})`,
      rowLimit,
    )
    .option("--output <file>", "write the result to a file (- for stdout); compressed if its name ends in .gz")
    .action(async (name: string | undefined, _: Flags, command: Command) => {
      const { client, json } = clientOf(command);
      const [{ requestFrom, submit, withSqlFile }, { paramsFor }, { fetchResult }, { namedKind, openOutput }] =
        await Promise.all([
          import("../lib/submit.ts"),
          import("../lib/params.ts"),
          import("../lib/result.ts"),
          import("../lib/output.ts"),
        ]);
      const given = command.optsWithGlobals<Flags & { output?: string; limit?: number }>();
      if ([name, given.sql, given.file].filter((source) => source !== undefined).length !== 1)
        throw new CommandError("invalid", "Name a query (`rates queries` lists them), or give either --sql or --file.");
      const { output: argument, limit, format: wanted, ...rest } = withSqlFile(given);
      const view = viewOf({ format: wanted, limit, argument, json });
      const flags = { ...rest, ...(wanted === undefined || isView(wanted) ? {} : { format: wanted }) };
      const named = argument === undefined ? undefined : namedKind(argument);
      const format = flags.format ?? named?.format ?? (json && argument === undefined ? "json" : "csv");
      if (argument !== undefined && named?.format !== undefined && named.format !== format)
        throw new CommandError(
          "invalid",
          `--format ${format} and --output ${printableName(argument)} cannot be combined. Omit --format, or name the file .${format}.`,
        );
      const asked = { ...flags, format, ...(name === undefined ? {} : { query: name }) };
      const packed = named?.compression === "gzip" ? { compression: "gzip" } : {};
      const output = await openOutput(argument);
      const request = requestFrom({ ...asked, ...packed }, await paramsFor(client, asked));
      const { client: owner, requestId } = await submit(client, request);
      const document = await follow(owner, requestId, flags);
      const exit = printEnd(owner, document, { isShown: view !== undefined });
      end(exit);
      if (exit === "done") {
        const stored = storedFormat(document);
        if (view) return showResult(owner, document, view, limit);
        await fetchResult(owner, requestId, { what: "result", stored, output, argument });
      }
      if (json && (exit !== "done" || output.to !== "stdout")) printJson(document);
    });

  examples(
    program.command("result").helpGroup(GROUPS.jobs),
    "rates result nightly-report > report.csv",
    "rates result nightly-report --output report.csv.gz",
    "rates result nightly-load --report --output bad-rows.csv",
  )
    .description("Print the result of a job, or write it to a file")
    .argument("<id>", ID)
    .option("--report", "print the report of all bad rows of a refused batch, as CSV")
    .option(
      "--output <file>",
      "write to a file (- for stdout), compressed if its name ends in .gz; it appears when it is complete",
    )
    .addOption(
      choice(
        "--format <format>",
        "table (default on a terminal), chart (of a result with days), or raw: the stored bytes",
        [TABLE, CHART, "raw"],
      ),
    )
    .option(
      "--limit <n>",
      `maximum number of rows of a table (default ${DEFAULT_ROWS}) or a chart (default ${MAX_ROWS})`,
      rowLimit,
    )
    .action(
      async (
        id: string,
        {
          output: argument,
          report,
          format,
          limit,
        }: { output?: string; report?: boolean; format?: string; limit?: number },
        command: Command,
      ) => {
        const { client, json } = clientOf(command);
        if (report && (isView(format) || limit !== undefined))
          throw new CommandError("invalid", "Reports are always CSV. Leave out --format and --limit.");
        const view = report ? undefined : viewOf({ format, limit, argument, json });
        if (view) {
          const document = await withJob(client, id, (found) => client.json<JobDocument>("GET", client.job(found)));
          if (document.task.type === "read" && document.status === "SUCCEEDED")
            return showResult(client, document, view, limit);
        }
        const [{ checkName, fetchResult, isShown }, { namedKind, openOutput }] = await Promise.all([
          import("../lib/result.ts"),
          import("../lib/output.ts"),
        ]);
        if (argument !== undefined) namedKind(argument);
        const output = await openOutput(argument);
        const what = report ? "report" : "result";
        const fetched = await withJob(client, id, async (found) => {
          // The stored format matters if the result is displayed, or if the file name states a format.
          const isNamed = argument !== undefined && argument !== "-";
          const stored = report
            ? REPORT
            : isNamed || isShown(output)
              ? storedFormat(await client.json<JobDocument>("GET", client.job(found)))
              : undefined;
          if (stored) checkName(argument, stored, what);
          return { id: found, bytes: await fetchResult(client, found, { what, stored, output, argument }) };
        });
        if (json && output.to !== "stdout") printJson({ requestId: fetched.id, file: argument, bytes: fetched.bytes });
      },
    );

  const queries = examples(
    program.command("queries"),
    "rates queries",
    "rates queries --json name,params",
    "rates queries --json | jq -r '.queries[].name'",
  );
  jsonFields(queries, QUERY_FIELDS)
    .description("List the named queries and statements with their parameters")
    .action(async (_flags: object, command: Command) => {
      const { client, json } = clientOf(command);
      const all = await client.json<import("../lib/params.ts").Queries>("GET", "/queries");
      if (json) return printRecords(command, QUERY_FIELDS, [...all.queries, ...all.statements], all);
      const line = (indent: number, text: string) => {
        const [first = "", ...more] = wrapText(text, width(process.stdout) - indent - 2);
        print([first, ...more.map((text) => `  ${text}`)].map((text) => " ".repeat(indent) + text).join("\n"));
      };
      for (const kind of ["queries", "statements"] as const)
        for (const { name, description, params, columns = [] } of all[kind]) {
          print(`${name} (${kind === "queries" ? "query" : "statement"})`);
          line(2, description);
          for (const { name: param, type, required, description: about } of params)
            line(4, `--param ${param}=… ${type}${required ? "" : ", optional"}: ${about}`);
          for (const { name: column, description: about } of columns) line(4, `→ ${column}: ${about}`);
        }
    });
}
