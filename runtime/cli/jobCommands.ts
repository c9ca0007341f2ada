import type { Command } from "commander";
import { type CliContext, clientOf, seconds } from "./context.ts";
import { coloured, durationText, print, printJson, say, table } from "./screen.ts";
import type { Submitted } from "./submit.ts";
import { follow, type JobDocument, sayEnd } from "./watch.ts";

const path = (id: string, rest = "") => `/jobs/${encodeURIComponent(id)}${rest}`;

/** What a job does, in a few words. */
const about = ({ task }: JobDocument) =>
  task.query ?? task.statement ?? (task.target ? `load ${task.target}` : (task.sql ?? ""));

/** Commands about jobs that exist: watch, list, show, cancel, retry. */
export function jobCommands({ program, end }: CliContext): void {
  program
    .command("watch")
    .description("Follow a job until it has ended")
    .argument("<id>")
    .option("--wait <seconds>", "give up after so long; the job goes on")
    .action(async (id: string, flags: { wait?: string }, command: Command) => {
      const { client, json } = clientOf(command);
      const document = await follow(client, id, seconds(flags.wait));
      end(sayEnd(document));
      if (json) printJson(document);
    });

  program
    .command("list")
    .description("List jobs, the newest first")
    .option("--status <state>", "PENDING, IN_PROGRESS, SUCCEEDED, FAILED or CANCELLED")
    .option("--type <type>", "read or update")
    .option("--text <words>", "words in the request id, labels, query or error")
    .option("--label <key=value>", "a label")
    .option("--limit <n>", "how many", "20")
    .option("--cursor <cursor>", "go on where an earlier list ended")
    .action(async (flags: Record<string, string>, command: Command) => {
      const { client, json } = clientOf(command);
      const page = await client.json<{ jobs: JobDocument[]; cursor?: string }>(
        "GET",
        `/jobs?${new URLSearchParams(flags)}`,
      );
      if (json) return printJson(page);
      if (page.jobs.length === 0) return say("No jobs.");
      const rows = page.jobs.map((job) => [
        job.status,
        job.requestId,
        job.createdAt.slice(0, 19).replace("T", " "),
        job.stats ? durationText(job.stats.totalMs) : "",
        job.stats ? String(job.stats.rows ?? 0) : "",
        about(job),
      ]);
      const colour = (cell: string, column: number) =>
        column === 0 ? cell.replace(/\S+/, (status) => coloured(status, process.stdout)) : cell;
      print(
        table(["STATUS", "ID", "CREATED (UTC)", "TOOK", "ROWS", "WHAT"], rows, process.stdout.columns ?? 120, colour),
      );
      if (page.cursor) say(`More: rates list --cursor ${page.cursor}`);
    });

  program
    .command("show")
    .description("Show everything that is known of a job")
    .argument("<id>")
    .action(async (id: string, _flags: object, command: Command) => {
      const { client, json } = clientOf(command);
      const document = await client.json<JobDocument>("GET", path(id));
      if (json) return printJson(document);
      const last = Date.parse(document.createdAt);
      print(
        `${coloured(document.status, process.stdout)} ${document.requestId}  (tenant ${document.tenant})  ${about(document)}`,
      );
      for (const { status, at } of document.statusHistory)
        print(`  ${at}  +${durationText(Date.parse(at) - last).padEnd(10)} ${status}`);
      for (const [index, { runner, runId, outcome = "running", logLocation }] of document.attempts.entries())
        print(`  attempt ${index + 1}: ${runner} run ${runId}: ${outcome}${logLocation ? `, log ${logLocation}` : ""}`);
      print(
        JSON.stringify(
          {
            task: document.task,
            labels: document.labels,
            result: document.result,
            stats: document.stats,
            error: document.error,
          },
          null,
          2,
        ),
      );
    });

  program
    .command("cancel")
    .description("Cancel a job: one that waits ends at once, a running one when its database session is gone")
    .argument("<id>")
    .action(async (id: string, _flags: object, command: Command) => {
      const { client, json } = clientOf(command);
      const answer = await client.json<Submitted>("POST", path(id, "/cancel"), {});
      if (json) return printJson(answer);
      say(
        answer.status === "IN_PROGRESS"
          ? `${id} is being cancelled; \`rates watch ${id}\` waits for it.`
          : `${coloured(answer.status)} ${id}`,
      );
    });

  program
    .command("retry")
    .description("Submit the task of a failed or cancelled job again, as a new job")
    .argument("<id>")
    .action(async (id: string, _flags: object, command: Command) => {
      const { client, json } = clientOf(command);
      const answer = await client.json<Submitted>("POST", path(id, "/retry"), {});
      if (json) return printJson(answer);
      say(`${coloured(answer.status)} ${answer.requestId}\n\`rates watch ${answer.requestId}\` waits for its end.`);
    });
}
