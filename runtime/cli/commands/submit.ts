import { type Command, InvalidArgumentError } from "commander";
import { counted } from "../../contract/counted.ts";
import type { Client } from "../lib/apiClient.ts";
import { type CliContext, choice, clientOf, collect, seconds, wholeNumber } from "../lib/context.ts";
import type { JobDocument } from "../lib/events.ts";
import { CommandError } from "../lib/exits.ts";
import { printableName } from "../lib/files.ts";
import { examples, GROUPS } from "../lib/help.ts";
import { ID_HELP, withJob } from "../lib/jobIds.ts";
import { type Fields, jsonFields, printRecords } from "../lib/jsonFields.ts";
import { DEFAULT_ROWS, MAX_ROWS, showTable } from "../lib/resultTable.ts";
import { colourState, print, printInfo, printJson, width } from "../lib/screen.ts";
import type { SubmitFlags } from "../lib/submit.ts";
import { wrapText } from "../lib/table.ts";
import { timeText } from "../lib/times.ts";
import { follow, printEnd } from "../lib/watch.ts";

/** Adds the options that all commands for submitting jobs share. */
const jobOptions = (command: Command): Command =>
  command
    .option("--id <requestId>", "the request id (generated if absent); the same id and task is the same job")
    .option("--priority <0-9>", "higher runs first (default 4)")
    .option("--timeout <seconds>", "maximum run time of the job")
    .option("--label <key=value>", "a label for searching the job; repeatable", collect)
    .option("--reply <where>", "queue: also send the response to the response queue (default: none)")
    .option("--wait <seconds>", "stop waiting after this time; the job keeps running", seconds);

type Flags = SubmitFlags & { wait?: number };

const TARGETS = ["prices", "ports", "regions"] as const;
const MODES = ["append", "replace"] as const;
const FORMATS = ["csv", "ndjson", "json"] as const;
const COMPRESSIONS = ["none", "gzip"] as const;

/** Format and compression of stored reports. */
const REPORT_FORMAT = { format: "csv", compression: "none" };

type DescribedQuery = import("../lib/params.ts").Queries["queries"][number];
const QUERY_FIELDS: Fields<DescribedQuery> = {
  name: (query) => query.name,
  description: (query) => query.description,
  params: (query) => query.params,
  ranges: (query) => query.ranges,
  columns: (query) => query.columns,
};

/** Returns the format and compression of a job's stored result. */
const storedFormat = ({ task, result }: JobDocument): { format: string; compression: string } => ({
  format: result?.format ?? task.format ?? "json",
  compression: result?.compression ?? (task.type === "read" ? (task.compression ?? "none") : "none"),
});

/** Views of a result for people; the table is the default on a terminal. */
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
 * Returns the view of a result: a table or a chart if requested; by default a table on a terminal.
 * @returns undefined if the stored bytes are printed or written to a file
 * @throws CommandError for options that cannot be combined
 */
function viewOf({
  format,
  limit,
  outputName,
  json,
}: {
  format: string | undefined;
  limit: number | undefined;
  outputName: string | undefined;
  json: boolean;
}): View | undefined {
  const isDefault = format === undefined && outputName === undefined && !json && process.stdout.isTTY === true;
  const view = isView(format) ? format : isDefault ? TABLE : undefined;
  if (isView(format) && outputName !== undefined && outputName !== "-")
    throw new CommandError(
      "invalid",
      `--format ${format} cannot be written to a file. Leave out --format ${format} or --output.`,
    );
  if (isView(format) && json) throw new CommandError("invalid", `--format ${format} and --json cannot be combined.`);
  if (limit !== undefined && view === undefined)
    throw new CommandError(
      "invalid",
      "--limit applies only to tables and charts (on a terminal, or with --format table).",
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

/**
 * Returns the message for a load that repeats an earlier job.
 * @param hasId true if --id was given, which excludes --again
 */
function repeatText({ status, requestId, finishedAt, task }: JobDocument, client: Client, hasId: boolean): string {
  const when = finishedAt ? ` at ${timeText(finishedAt)} UTC` : "";
  const hint = `${hasId ? "Another --id" : "--again"} ${task.dryRun ? "checks" : "loads"} it again.`;
  if (status === "SUCCEEDED")
    return `The same content was ${task.dryRun ? "checked" : "loaded"} by ${requestId}${when}; it was not ${task.dryRun ? "checked" : "loaded"} again. ${hint}`;
  return `This is the earlier job ${requestId}; ${client.hint("retry", requestId)} tries again.`;
}

/** Commands for submitting work (submit, load, query), fetching results (result), and listing queries (queries). */
export function submitCommands({ program, end }: CliContext): void {
  program.commandsGroup(GROUPS.work);
  examples(
    jobOptions(program.command("submit")),
    "rates submit request.json --watch",
    "rates submit --query price_export --format csv --explain  # the runner type, and whether it would start immediately",
    "rates submit --target prices --s3 s3://uploads/prices.csv --dry-run --watch",
    "rates submit --statement purge_prices --param before=2020-01-01 --id purge  # shows the number of prices and asks",
    `echo '{"task":{"type":"read","query":"price_export"}}' | rates submit -`,
  )
    .description("Submit a request, from a JSON file (- for stdin) or from options")
    .argument("[file]", "a JSON file with one request, as sent to the queue")
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
      const { requestFromFlags, requestFromFile, submit, withSqlFile } = await import("../lib/submit.ts");
      const { confirmPurge } = await import("../lib/purge.ts");
      const flags = withSqlFile(
        command.optsWithGlobals<Flags & { watch?: boolean; explain?: boolean; yes?: boolean }>(),
      );
      const { paramsFor } = await import("../lib/params.ts");
      const request =
        file === undefined
          ? requestFromFlags(flags, await paramsFor(client, flags))
          : await requestFromFile(file, flags);
      if (flags.explain) {
        const { fetchExplanation, printExplanation } = await import("../lib/explain.ts");
        const response = await fetchExplanation(client, request);
        return json ? printJson(response) : printExplanation(response);
      }
      await confirmPurge(client, request, flags.yes);
      const { client: tenantClient, ...submitted } = await submit(client, request);
      if (flags.watch || flags.wait !== undefined) {
        const document = await follow(tenantClient, submitted.requestId, flags);
        end(printEnd(tenantClient, document));
        if (json) printJson(document);
      } else if (json) printJson(submitted);
      else {
        printInfo(`${colourState(submitted.status)} ${submitted.requestId}`);
        printInfo(`${tenantClient.hint("watch", submitted.requestId)} waits for its end.`);
      }
    });

  examples(
    jobOptions(program.command("load")),
    "rates load prices.csv",
    "rates load prices.ndjson.gz --mode replace   # first removes the lanes and days that the file contains",
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
        "append adds rows; replace first removes the lanes and days that the file contains",
        MODES,
      ).default("append"),
    )
    .addOption(choice("--format <format>", "csv or ndjson (default: from the file's name)", ["csv", "ndjson"]))
    .addOption(choice("--compression <kind>", "none or gzip (default: from the file's name)", COMPRESSIONS))
    .option("--dry-run", "check everything, change nothing")
    .option("--again", "load the content again if it was loaded before")
    .action(async (file: string, _: Flags, command: Command) => {
      const { client, json } = clientOf(command);
      const flags = command.optsWithGlobals<Flags & { again?: boolean }>();
      const { load } = await import("../lib/load.ts");
      const { client: tenantClient, requestId, bytes, isRepeat } = await load(client, file, flags);
      // Progress counts decompressed bytes, so the total is known only for uncompressed files.
      const document = await follow(tenantClient, requestId, { ...flags, ...(bytes === undefined ? {} : { bytes }) });
      end(printEnd(tenantClient, document));
      if (isRepeat) printInfo(repeatText(document, tenantClient, flags.id !== undefined));
      else if (document.error?.type === "InvalidRows")
        printInfo(
          `Fix these rows in ${file === "-" ? "the input" : printableName(file)}, then run ${flags.id === undefined ? "the same command again" : "the command with another --id"}.`,
        );
      else if (document.status === "SUCCEEDED" && flags.mode === "replace") {
        const { rows, removed } = await tenantClient.json<{ rows: number; removed: number }>(
          "GET",
          tenantClient.jobPath(requestId, "/result"),
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
        "default: from the name of --output, else table on a terminal, else csv (json with --json); chart draws a result with a column of days",
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
      const [{ requestFromFlags, submit, withSqlFile }, { paramsFor }, { fetchResult }, { formatOfName, openOutput }] =
        await Promise.all([
          import("../lib/submit.ts"),
          import("../lib/params.ts"),
          import("../lib/result.ts"),
          import("../lib/output.ts"),
        ]);
      const allFlags = command.optsWithGlobals<Flags & { output?: string; limit?: number }>();
      if ([name, allFlags.sql, allFlags.file].filter((source) => source !== undefined).length !== 1)
        throw new CommandError("invalid", "Name a query (`rates queries` lists them), or give either --sql or --file.");
      const { output: outputName, limit, format: requestedFormat, ...rest } = withSqlFile(allFlags);
      const view = viewOf({ format: requestedFormat, limit, outputName, json });
      const flags = {
        ...rest,
        ...(requestedFormat === undefined || isView(requestedFormat) ? {} : { format: requestedFormat }),
      };
      const nameFormat = outputName === undefined ? undefined : formatOfName(outputName);
      const format = flags.format ?? nameFormat?.format ?? (json && outputName === undefined ? "json" : "csv");
      if (outputName !== undefined && nameFormat?.format !== undefined && nameFormat.format !== format)
        throw new CommandError(
          "invalid",
          `--format ${format} and --output ${printableName(outputName)} cannot be combined. Omit --format, or name the file .${format}.`,
        );
      const taskFlags = { ...flags, format, ...(name === undefined ? {} : { query: name }) };
      const compression = nameFormat?.compression === "gzip" ? { compression: "gzip" } : {};
      const output = await openOutput(outputName);
      const request = requestFromFlags({ ...taskFlags, ...compression }, await paramsFor(client, taskFlags));
      const { client: tenantClient, requestId } = await submit(client, request);
      const document = await follow(tenantClient, requestId, flags);
      const exit = printEnd(tenantClient, document, { isShown: view !== undefined });
      end(exit);
      if (exit === "done") {
        const stored = storedFormat(document);
        if (view) return showResult(tenantClient, document, view, limit);
        await fetchResult(tenantClient, requestId, { artifact: "result", stored, output, argument: outputName });
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
    .argument("<id>", ID_HELP)
    .option("--report", "print the report of all bad rows of a refused batch, as CSV")
    .option(
      "--output <file>",
      "write to a file (- for stdout), compressed if its name ends in .gz; the file appears when it is complete",
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
          output: outputName,
          report,
          format,
          limit,
        }: { output?: string; report?: boolean; format?: string; limit?: number },
        command: Command,
      ) => {
        const { client, json } = clientOf(command);
        if (report && (isView(format) || limit !== undefined))
          throw new CommandError("invalid", "Reports are always CSV. Leave out --format and --limit.");
        const view = report ? undefined : viewOf({ format, limit, outputName, json });
        if (view) {
          const document = await withJob(client, id, (jobId) => client.json<JobDocument>("GET", client.jobPath(jobId)));
          if (document.task.type === "read" && document.status === "SUCCEEDED")
            return showResult(client, document, view, limit);
        }
        const [{ checkOutputName, fetchResult, isShown }, { formatOfName, openOutput }] = await Promise.all([
          import("../lib/result.ts"),
          import("../lib/output.ts"),
        ]);
        if (outputName !== undefined) formatOfName(outputName);
        const output = await openOutput(outputName);
        const artifact = report ? "report" : "result";
        const fetched = await withJob(client, id, async (jobId) => {
          // The stored format matters only for a terminal, or for a file, since its name may state another format.
          const isNamed = outputName !== undefined && outputName !== "-";
          const stored = report
            ? REPORT_FORMAT
            : isNamed || isShown(output)
              ? storedFormat(await client.json<JobDocument>("GET", client.jobPath(jobId)))
              : undefined;
          if (stored) checkOutputName(outputName, stored, artifact);
          return {
            id: jobId,
            bytes: await fetchResult(client, jobId, { artifact, stored, output, argument: outputName }),
          };
        });
        if (json && output.to !== "stdout" && fetched.bytes !== undefined)
          printJson({ requestId: fetched.id, file: outputName, bytes: fetched.bytes });
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
