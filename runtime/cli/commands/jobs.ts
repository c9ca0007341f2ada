import type { Command } from "commander";
import { reasonOf } from "../../contract/reason.ts";
import { DOCUMENT_STATES, RUNNERS } from "../../contract/states.ts";
import { traceContext } from "../../contract/traceparent.ts";
import { attemptLines } from "../lib/attempts.ts";
import { type BulkFlags, bulkFilter, bulkOptions, reasonField, runBulk } from "../lib/bulk.ts";
import type { Submitted } from "../lib/connection.ts";
import { type CliContext, choice, clientOf, regionOf, seconds, wholeNumber } from "../lib/context.ts";
import { describeTask } from "../lib/describeTask.ts";
import type { JobDocument } from "../lib/events.ts";
import { CommandError } from "../lib/exits.ts";
import { examples, GROUPS } from "../lib/help.ts";
import { JOB_FIELDS } from "../lib/jobFields.ts";
import { ID_HELP, withJob } from "../lib/jobIds.ts";
import { jsonFields, printRecords } from "../lib/jsonFields.ts";
import { phaseLines, phasesOfJob } from "../lib/phases.ts";
import { colourState, durationText, plain, print, printInfo, printJson, width } from "../lib/screen.ts";
import { table, wrapText } from "../lib/table.ts";
import { relativeTimeOption, timeOption, timeText } from "../lib/times.ts";
import { saveView, type View, viewNamed, viewOf } from "../lib/views.ts";
import { visibleJson } from "../lib/visible.ts";
import { waitingOf } from "../lib/waiting.ts";
import { follow, printEnd } from "../lib/watch.ts";

interface ListFlags {
  status?: string;
  type?: string;
  runner?: string;
  text?: string;
  label?: string;
  since?: string;
  from?: string;
  to?: string;
  sort?: string;
  order?: string;
  limit?: number;
  cursor?: string;
  view?: string;
  saveView?: string;
}

/** Shown length of a rejected request's id on a narrow terminal. `rates rejected show` accepts this prefix. */
const SHORT_ID_LENGTH = 12;
/** Default number of listed jobs. */
const DEFAULT_LIMIT = 20;
/** Terminals with fewer columns get short times, and short ids of rejected requests. */
const NARROW_COLUMNS = 100;

/** Formats jobs as a table, with a column for tenants if there are several. */
function jobTable(jobs: readonly JobDocument[]): string {
  const hasTenants = new Set(jobs.map(({ tenant }) => tenant)).size > 1;
  const columns = width(process.stdout);
  // Short times leave more room for request ids.
  const isNarrow = columns < NARROW_COLUMNS;
  const hasEnded = jobs.some(({ stats }) => stats !== undefined);
  return table(
    [
      "STATUS",
      ...(hasTenants ? ["TENANT"] : []),
      "ID",
      isNarrow ? "CREATED" : "CREATED (UTC)",
      ...(hasEnded ? ["TOOK", "ROWS"] : []),
      "WHAT",
    ],
    jobs.map((job) => [
      job.status,
      ...(hasTenants ? [job.tenant] : []),
      job.requestId,
      isNarrow ? timeText(job.createdAt).slice(5, 16) : timeText(job.createdAt),
      ...(hasEnded
        ? [job.stats ? durationText(job.stats.totalMs) : "", job.stats ? String(job.stats.rows ?? 0) : ""]
        : []),
      job.rejectedId === undefined
        ? describeTask(job)
        : `${isNarrow ? job.rejectedId.slice(0, SHORT_ID_LENGTH) : job.rejectedId} ${job.error?.type}`,
    ]),
    columns,
    {
      keep: hasTenants ? [0, 2, 3] : [0, 1, 2],
      right: !hasEnded ? [] : hasTenants ? [4, 5] : [3, 4],
      colour: (cell, column) =>
        column === 0 ? cell.replace(/\S+/, (status) => colourState(status, process.stdout)) : cell,
    },
  );
}

/** Formats a cost with two significant digits. */
const costText = (usd: number): string =>
  `${Number(usd.toPrecision(2)).toLocaleString("en", { maximumFractionDigits: 8 })} USD`;

/** Returns a view's flags, overridden by the given flags. --since and --from count as the same flag. */
function overrideFlags({ since, from, ...view }: View, overrides: View): View {
  const times = overrides.since === undefined && overrides.from === undefined ? viewOf({ since, from }) : {};
  return viewOf({ ...view, ...times, ...overrides });
}

/**
 * Parses a time of a view.
 * @throws CommandError if it is invalid, for example in an edited file
 */
function parseViewTime(view: View, name: "since" | "from" | "to"): string | undefined {
  const value = view[name];
  if (value === undefined) return undefined;
  try {
    return timeOption(value);
  } catch (error) {
    throw new CommandError("invalid", `${name} '${value}' is invalid. ${reasonOf(error)}`);
  }
}

/** Commands for existing jobs: watch, list, show, cancel, retry. */
export function jobCommands({ program, end }: CliContext): void {
  program.commandsGroup(GROUPS.jobs);
  examples(
    program.command("watch"),
    "rates watch nightly-load",
    "rates watch nightly-load --wait 600   # for at most ten minutes; then exit code 5",
    "rates watch nightly-load && rates result nightly-load --output rates.csv",
  )
    .description("Follow a job until it ends")
    .argument("<id>", ID_HELP)
    .option("--wait <seconds>", "stop waiting after this time; the job keeps running", seconds)
    .action(async (id: string, flags: { wait?: number }, command: Command) => {
      const { client, json } = clientOf(command);
      const document = await withJob(client, id, (jobId) => follow(client, jobId, flags));
      end(printEnd(client, document));
      if (json) printJson(document);
    });

  const list = examples(
    program.command("list"),
    "rates list",
    "rates list --status failed --since 2h",
    "rates list --status rejected  # requests that created no job",
    "rates list --sort totalMs --limit 5   # the slowest",
    "rates list --status pending --json id,state,waiting",
    "rates list --status failed --since 1d --save-view failures",
    "rates list --view failures",
    "rates list --label source=carrier-7 --json | jq -r '.jobs[].requestId'",
  );
  jsonFields(list, JOB_FIELDS)
    .description("List jobs, newest first")
    .addOption(choice("--status <state>", "jobs in this state", DOCUMENT_STATES))
    .addOption(choice("--type <type>", "jobs of this type", ["read", "update"]))
    .addOption(choice("--runner <runner>", "jobs of this runner", RUNNERS))
    .option("--text <words>", "jobs with these words in the request id, task, labels or error")
    .option("--label <key=value>", "jobs with this label")
    .option(
      "--since <time>",
      "submitted since: an age (90s, 30m, 2h, 7d, 1w), a day or a time (UTC)",
      relativeTimeOption,
    )
    .option("--from <time>", "the same as --since", relativeTimeOption)
    .option("--to <time>", "submitted before this time", relativeTimeOption)
    .addOption(choice("--sort <by>", "sort by (default createdAt)", ["createdAt", "finishedAt", "totalMs"]))
    .addOption(choice("--order <order>", "direction (default desc)", ["asc", "desc"]))
    .option("--limit <n>", `maximum number of jobs (default: ${DEFAULT_LIMIT})`, wholeNumber)
    .option("--cursor <cursor>", "continue an earlier list at its cursor")
    .option("--view <name>", "use the flags of a saved view; flags given here override them")
    .option("--save-view <name>", "save these flags as a view (`rates view` lists and deletes views)")
    .action(async (flags: ListFlags, command: Command) => {
      const { client, json } = clientOf(command);
      if (flags.since !== undefined && flags.from !== undefined)
        throw new CommandError("invalid", "--since and --from are the same option. Give one of them.");
      const givenView = viewOf(flags);
      const view: View = flags.view === undefined ? givenView : overrideFlags(viewNamed(flags.view), givenView);
      const { since, from, to, limit = String(DEFAULT_LIMIT), ...filter } = view;
      const createdFrom = parseViewTime(view, since === undefined ? "from" : "since");
      const createdTo = parseViewTime(view, "to");
      if (createdFrom !== undefined && createdTo !== undefined && createdFrom >= createdTo)
        throw new CommandError("invalid", `--to (${createdTo}) must be later than --since (${createdFrom}).`);
      if (flags.saveView !== undefined) {
        saveView(flags.saveView, view);
        printInfo(`Saved as view '${flags.saveView}': ${client.hint("list", `--view ${flags.saveView}`)}`);
      }
      const search = { ...filter, cursor: flags.cursor, createdFrom, createdTo, tenant: client.tenant, limit };
      const parameters = Object.entries(search).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      );
      const page = await client.json<{ jobs: JobDocument[]; cursor?: string }>(
        "GET",
        `/jobs?${new URLSearchParams(Object.fromEntries(parameters))}`,
      );
      if (json) {
        const records = page.jobs.map((job) => ({ client, job, region: () => regionOf(command) }));
        return printRecords(command, JOB_FIELDS, records, page);
      }
      if (page.jobs.length === 0) return printInfo("No jobs.");
      print(jobTable(page.jobs));
      if (page.cursor) printInfo(`More: repeat the command with --cursor ${page.cursor}`);
    });

  const show = examples(
    program.command("show"),
    "rates show nightly-load",
    "rates show nightly-load --json | jq .error",
    "rates show @last --json id,state,waiting,errorType",
    "rates show --rejected 0123456789abcdef0123456789abcdef   # an id of rates list --status rejected",
  );
  jsonFields(show, JOB_FIELDS)
    .description("Show a job: its state, history, attempts and logs, error and result")
    .argument("<id>", ID_HELP)
    .option("--rejected", "show a rejected request (body and problems) by the id in its response")
    .action(async (id: string, { rejected }: { rejected?: boolean }, command: Command) => {
      const { client, json } = clientOf(command);
      const document = rejected
        ? await client.json<JobDocument>("GET", client.rejectedPath(id))
        : await withJob(client, id, (jobId) => client.json<JobDocument>("GET", client.jobPath(jobId)));
      if (json)
        return printRecords(command, JOB_FIELDS, { client, job: document, region: () => regionOf(command) }, document);
      if (rejected) return print(JSON.stringify(document, null, 2));
      const createdMs = Date.parse(document.createdAt);
      print(
        `${colourState(document.status, process.stdout)} ${document.requestId}  (tenant ${document.tenant})  ${plain(describeTask(document))}`,
      );
      const { error } = document;
      if (error)
        for (const line of wrapText(`${error.type}: ${plain(error.message)}`, width(process.stdout) - 2))
          print(`  ${line}`);
      if (document.status === "PENDING") {
        const waiting = await waitingOf(client, document.requestId).catch(() => undefined);
        for (const sentence of waiting === undefined ? [] : [waiting.sentence, waiting.remedy ?? ""])
          if (sentence !== "")
            for (const line of wrapText(plain(sentence), width(process.stdout) - 2)) print(`  ${line}`);
      }
      for (const { status, at } of document.statusHistory)
        print(`  ${at}  +${durationText(Date.parse(at) - createdMs).padEnd(10)} ${status}`);
      const { estimatedUsd } = document as { estimatedUsd?: number };
      if (estimatedUsd !== undefined) print(`  estimated cost ${costText(estimatedUsd)}, at list prices`);
      const phases = await phasesOfJob(client, document.requestId);
      for (const line of phaseLines(phases ?? [], document.reply !== "none", width(process.stdout))) print(line);
      const logOrigin = { isLocal: client.isLocal, region: () => regionOf(command) };
      for (const line of await attemptLines(document.attempts, logOrigin)) print(line);
      const trace = traceContext(document.traceparent);
      if (trace) print(`  trace ${trace.traceId}${trace.isSampled ? "" : " (not recorded by the caller)"}`);
      print(
        visibleJson(
          {
            task: document.task,
            labels: document.labels,
            result: document.result,
            stats: document.stats,
            error: document.error,
          },
          2,
        ),
      );
    });

  const cancel = examples(
    program.command("cancel"),
    "rates cancel nightly-load",
    "rates cancel nightly-load && rates watch nightly-load",
    "rates cancel --label source=carrier-7 --dry-run  # shows the number of jobs",
    "rates cancel --status pending --since 1h --yes",
    "rates cancel @last --reason 'wrong month'",
  )
    .description(
      "Cancel a job, or all jobs of a filter. A waiting job ends at once, a running job when its database session is closed",
    )
    .argument("[id]", ID_HELP);
  bulkOptions(cancel, "cancel")
    .option("--reason <text>", "shown with the job, in its response and in the audit trail")
    .action(async (id: string | undefined, flags: BulkFlags, command: Command) => {
      const { client, json } = clientOf(command);
      const filter = bulkFilter(id, flags);
      if (id === undefined || filter !== undefined) {
        const result = await runBulk(client, "cancel", filter ?? {}, flags);
        if (result.failed.length > 0) end("failed");
        if (json) printJson(result);
        return;
      }
      const response = await withJob(client, id, (jobId) =>
        client.json<Submitted>("POST", client.jobPath(jobId, "/cancel"), reasonField(flags)),
      );
      if (json) return printJson(response);
      const { requestId } = response;
      printInfo(
        response.status === "IN_PROGRESS"
          ? `${requestId} is being cancelled; ${client.hint("watch", requestId)} waits for it.`
          : `${colourState(response.status)} ${requestId}`,
      );
    });

  const retry = examples(
    program.command("retry"),
    "rates retry nightly-load   # submits nightly-load.retry-1",
    "rates retry @last --timeout 3600 --watch",
    "rates retry --status failed --since 2h   # shows their number and asks",
  )
    .description(
      "Submit a failed or cancelled job again as a new job, or all jobs of a filter. Retrying a job twice creates one new job",
    )
    .argument("[id]", ID_HELP);
  bulkOptions(retry, "retry")
    .option("--timeout <seconds>", "maximum run time of the new job", wholeNumber)
    .option("--watch", "wait until the new job ends")
    .option("--wait <seconds>", "stop waiting after this time; the job keeps running", seconds)
    .action(
      async (
        id: string | undefined,
        { timeout, ...flags }: BulkFlags & { timeout?: number; watch?: boolean; wait?: number },
        command: Command,
      ) => {
        const { client, json } = clientOf(command);
        const filter = bulkFilter(id, flags);
        if (id === undefined || filter !== undefined) {
          if (timeout !== undefined || flags.watch || flags.wait !== undefined)
            throw new CommandError("invalid", "--timeout, --watch and --wait require an ID instead of a filter.");
          const result = await runBulk(client, "retry", filter ?? {}, flags);
          if (result.failed.length > 0) end("failed");
          if (json) printJson(result);
          return;
        }
        const body = timeout === undefined ? {} : { timeoutSeconds: timeout };
        const response = await withJob(client, id, (jobId) =>
          client.json<Submitted>("POST", client.jobPath(jobId, "/retry"), body),
        );
        const { requestId, status } = response;
        if (flags.watch || flags.wait !== undefined) {
          const document = await follow(client, requestId, flags);
          end(printEnd(client, document));
          if (json) printJson(document);
          return;
        }
        if (json) return printJson(response);
        printInfo(`${colourState(status)} ${requestId}`);
        if (status === "PENDING" || status === "IN_PROGRESS")
          printInfo(`${client.hint("watch", requestId)} waits for its end.`);
        else if (status !== "SUCCEEDED")
          printInfo(`This retry has ended already; ${client.hint("retry", requestId)} submits another retry.`);
      },
    );
}
