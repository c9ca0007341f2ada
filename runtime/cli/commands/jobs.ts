import { type Command, InvalidArgumentError, Option } from "commander";
import { DOCUMENT_STATES, RUNNERS } from "../../contract/states.ts";
import { about } from "../lib/about.ts";
import type { Submitted } from "../lib/client.ts";
import { type CliContext, clientOf, seconds, time, whole } from "../lib/context.ts";
import type { JobDocument } from "../lib/events.ts";
import { examples, GROUPS } from "../lib/help.ts";
import { coloured, durationText, plain, print, printJson, say, width } from "../lib/screen.ts";
import { table } from "../lib/table.ts";
import { visibleJson } from "../lib/visible.ts";
import { follow, sayEnd } from "../lib/watch.ts";

interface ListFlags {
  status?: string;
  type?: string;
  runner?: string;
  text?: string;
  label?: string;
  from?: string;
  to?: string;
  sort?: string;
  order?: string;
  limit: number;
  cursor?: string;
}

/** A state in capitals, which may be given in small letters. */
function stateOf(text: string): string {
  const state = text.toUpperCase();
  if (!(DOCUMENT_STATES as readonly string[]).includes(state))
    throw new InvalidArgumentError(`Allowed choices are ${DOCUMENT_STATES.join(", ")}.`);
  return state;
}

/** Terminals with fewer columns get short times. */
const NARROW = 100;

/** Jobs as lines; whose they are, where there are several's. */
function jobTable(jobs: readonly JobDocument[]): string {
  const several = new Set(jobs.map(({ tenant }) => tenant)).size > 1;
  const room = width(process.stdout);
  // No year and no seconds before no ids.
  const narrow = room < NARROW;
  return table(
    ["STATUS", ...(several ? ["TENANT"] : []), "ID", narrow ? "CREATED" : "CREATED (UTC)", "TOOK", "ROWS", "WHAT"],
    jobs.map((job) => [
      job.status,
      ...(several ? [job.tenant] : []),
      job.requestId,
      (narrow ? job.createdAt.slice(5, 16) : job.createdAt.slice(0, 19)).replace("T", " "),
      job.stats ? durationText(job.stats.totalMs) : "",
      job.stats ? String(job.stats.rows ?? 0) : "",
      job.rejectedId === undefined ? about(job) : `${job.error?.type} ${job.rejectedId}`,
    ]),
    room,
    {
      keep: several ? [0, 2, 3] : [0, 1, 2],
      right: several ? [4, 5] : [3, 4],
      colour: (cell, column) =>
        column === 0 ? cell.replace(/\S+/, (status) => coloured(status, process.stdout)) : cell,
    },
  );
}

/** Commands about jobs that exist: watch, list, show, cancel, retry. */
export function jobCommands({ program, end }: CliContext): void {
  program.commandsGroup(GROUPS.jobs);
  examples(
    program.command("watch"),
    "rates watch nightly-load",
    "rates watch nightly-load --wait 600   # for ten minutes at most; exit code 5 then",
    "rates watch nightly-load && rates result nightly-load --output rates.csv",
  )
    .description("Follow a job until it has ended")
    .argument("<id>")
    .option("--wait <seconds>", "give up after so long; the job goes on", seconds)
    .action(async (id: string, flags: { wait?: number }, command: Command) => {
      const { client, json } = clientOf(command);
      const document = await follow(client, id, flags);
      end(sayEnd(client, document));
      if (json) printJson(document);
    });

  examples(
    program.command("list"),
    "rates list",
    "rates list --status FAILED --from 2026-01-31",
    "rates list --status rejected   # requests that made no job",
    "rates list --sort totalMs --limit 5   # the slowest",
    "rates list --label source=carrier-7 --json | jq -r '.jobs[].requestId'",
  )
    .description("List jobs, the newest first")
    .addOption(new Option("--status <state>", "its state").choices(DOCUMENT_STATES).argParser(stateOf))
    .addOption(new Option("--type <type>", "what it does").choices(["read", "update"]))
    .addOption(new Option("--runner <runner>", "where it runs").choices(RUNNERS))
    .option("--text <words>", "words in the request id, labels, query or error")
    .option("--label <key=value>", "a label")
    .option("--from <time>", "submitted from then on: a day or an ISO time", time)
    .option("--to <time>", "submitted before then", time)
    .addOption(new Option("--sort <by>", "what to sort by").choices(["createdAt", "finishedAt", "totalMs"]))
    .addOption(new Option("--order <order>", "which way (desc)").choices(["asc", "desc"]))
    .option("--limit <n>", "how many", whole, 20)
    .option("--cursor <cursor>", "go on where an earlier list ended")
    .action(async (flags: ListFlags, command: Command) => {
      const { client, json } = clientOf(command);
      const { from: createdFrom, to: createdTo, limit, ...rest } = flags;
      const search = { ...rest, createdFrom, createdTo, tenant: client.tenant, limit: String(limit) };
      const given = Object.entries(search).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      );
      const page = await client.json<{ jobs: JobDocument[]; cursor?: string }>(
        "GET",
        `/jobs?${new URLSearchParams(Object.fromEntries(given))}`,
      );
      if (json) return printJson(page);
      if (page.jobs.length === 0) return say("No jobs.");
      print(jobTable(page.jobs));
      if (page.cursor) say(`More: the same with --cursor ${page.cursor}`);
    });

  examples(
    program.command("show"),
    "rates show nightly-load",
    "rates show nightly-load --json | jq .error",
    "rates show --rejected 0123456789abcdef0123456789abcdef   # an id of rates list --status rejected",
  )
    .description("Show everything that is known of a job")
    .argument("<id>")
    .option("--rejected", "a rejected request instead: its body and problems, by the id that its answer has")
    .action(async (id: string, { rejected }: { rejected?: boolean }, command: Command) => {
      const { client, json } = clientOf(command);
      const document = await client.json<JobDocument>("GET", rejected ? client.rejected(id) : client.job(id));
      if (json) return printJson(document);
      if (rejected) return print(JSON.stringify(document, null, 2));
      const last = Date.parse(document.createdAt);
      print(
        `${coloured(document.status, process.stdout)} ${document.requestId}  (tenant ${document.tenant})  ${plain(about(document))}`,
      );
      for (const { status, at } of document.statusHistory)
        print(`  ${at}  +${durationText(Date.parse(at) - last).padEnd(10)} ${status}`);
      for (const [index, { runner, runId, outcome = "running", logLocation }] of document.attempts.entries())
        print(`  attempt ${index + 1}: ${runner} run ${runId}: ${outcome}${logLocation ? `, log ${logLocation}` : ""}`);
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

  examples(
    program.command("cancel"),
    "rates cancel nightly-load",
    "rates cancel nightly-load && rates watch nightly-load",
  )
    .description("Cancel a job: one that waits ends at once, a running one when its database session is gone")
    .argument("<id>")
    .action(async (id: string, _flags: object, command: Command) => {
      const { client, json } = clientOf(command);
      const answer = await client.json<Submitted>("POST", client.job(id, "/cancel"), {});
      if (json) return printJson(answer);
      say(
        answer.status === "IN_PROGRESS"
          ? `${id} is being cancelled; ${client.hint("watch", id)} waits for it.`
          : `${coloured(answer.status)} ${id}`,
      );
    });

  examples(program.command("retry"), "rates retry nightly-load   # submits nightly-load.retry-1")
    .description("Submit the task of a failed or cancelled job again, as a new job")
    .argument("<id>")
    .action(async (id: string, _flags: object, command: Command) => {
      const { client, json } = clientOf(command);
      const answer = await client.json<Submitted>("POST", client.job(id, "/retry"), {});
      if (json) return printJson(answer);
      say(
        `${coloured(answer.status)} ${answer.requestId}\n${client.hint("watch", answer.requestId)} waits for its end.`,
      );
    });
}
