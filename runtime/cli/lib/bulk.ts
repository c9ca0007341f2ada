import type { Command } from "commander";
import { counted } from "../../contract/counted.ts";
import { RUNNERS } from "../../contract/states.ts";
import type { Client } from "./apiClient.ts";
import { confirm } from "./confirm.ts";
import { choice } from "./context.ts";
import { CommandError } from "./exits.ts";
import { ProgressLine } from "./progress.ts";
import { plain, printInfo } from "./screen.ts";
import { timeOption } from "./times.ts";

/** Options that select the jobs of a bulk action. */
export interface BulkFlags {
  all?: boolean;
  status?: string;
  type?: string;
  runner?: string;
  text?: string;
  label?: string;
  since?: string;
  to?: string;
  includeFinal?: boolean;
  /** Reason for cancelling the jobs. */
  reason?: string;
  dryRun?: boolean;
  yes?: boolean;
}

/** Response of POST /bulk/cancel and /bulk/retry. */
interface BulkResponse {
  matched: number;
  eligible: number;
  byStatus: Record<string, number>;
  byErrorType: Record<string, number>;
  done: number;
  unchanged: number;
  jobs: object[];
  failed: { requestId: string; type: string; message: string }[];
  cursor?: string;
}

type Action = "cancel" | "retry";

const CHANGEABLE_STATES = { cancel: ["PENDING", "IN_PROGRESS"], retry: ["FAILED", "CANCELLED"] } as const;
const WORDING = {
  cancel: { verb: "cancels", done: "cancelled", unchanged: "had already ended" },
  retry: { verb: "retries", done: "submitted again", unchanged: "had already been retried" },
} as const;
/** Maximum number of listed failures. */
const MAX_LISTED_FAILURES = 10;

/** Adds the options of a bulk action to a command. */
export function bulkOptions(command: Command, action: Action): Command {
  command
    .option("--all", "all jobs that can be changed, instead of an id or a filter")
    .addOption(choice("--status <state>", "jobs in this state", CHANGEABLE_STATES[action]))
    .addOption(choice("--type <type>", "jobs of this type", ["read", "update"]))
    .addOption(choice("--runner <runner>", "jobs of this runner", RUNNERS))
    .option("--text <words>", "jobs with these words in the request id, task, labels or error")
    .option("--label <key=value>", "jobs with this label")
    .option("--since <time>", "jobs submitted since: an age (90s, 30m, 2h, 7d, 1w), a day or a time (UTC)", timeOption)
    .option("--to <time>", "jobs submitted before this time", timeOption)
    .option("--dry-run", "only count the jobs")
    .option("--yes", "do not ask; required without a terminal");
  if (action === "retry") command.option("--include-final", "also jobs whose error is not retryable");
  return command;
}

/**
 * Returns the filter of the flags; undefined if an id is given.
 * @throws CommandError for missing, empty or contradictory flags
 */
export function bulkFilter(id: string | undefined, flags: BulkFlags): Record<string, string> | undefined {
  const { status, type, runner, text, label, since: createdFrom, to: createdTo } = flags;
  const given = { status, type, runner, text, label, createdFrom, createdTo };
  const filter = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
  // An unset shell variable must not select every job.
  const empty = Object.entries(given).find(([, value]) => value?.trim() === "");
  if (empty) throw new CommandError("invalid", `--${empty[0]} is empty. Give a value, or leave it out.`);
  const isFiltered = Object.keys(filter).length > 0;
  if (id !== undefined) {
    if (isFiltered || flags.all || flags.includeFinal || flags.dryRun)
      throw new CommandError(
        "invalid",
        `'${id}' is the ID of a job. Give either an ID, or a filter or --all with their options.`,
      );
    return undefined;
  }
  if (!isFiltered && !flags.all)
    throw new CommandError(
      "invalid",
      "Name a job by its ID, or jobs by a filter (--status, --text, --label, …) or --all.",
    );
  if (createdFrom !== undefined && createdTo !== undefined && createdFrom >= createdTo)
    throw new CommandError("invalid", `--to (${createdTo}) must be later than --since (${createdFrom}).`);
  return filter;
}

/** Returns the reason as a field of a cancel request's body; no field without a reason. */
export const reasonField = ({ reason }: BulkFlags): { reason?: string } => (reason === undefined ? {} : { reason });

/** Outcome of a bulk action, over all its requests. */
export interface BulkResult {
  done: number;
  unchanged: number;
  failed: BulkResponse["failed"];
  jobs: object[];
}

const noChanges = (): BulkResult => ({ done: 0, unchanged: 0, failed: [], jobs: [] });

const count = (number: number, noun = "job") => counted(number, noun);

/**
 * Changes the jobs that match a filter: counts them, asks for confirmation, then changes them page by page.
 * @returns the outcome; the counts in a dry run
 */
export async function runBulk(
  client: Client,
  action: Action,
  filter: Record<string, string>,
  flags: BulkFlags,
): Promise<BulkResult | BulkResponse> {
  const path = `/bulk/${action}${client.tenant === undefined ? "" : `?${new URLSearchParams({ tenant: client.tenant })}`}`;
  const { includeFinal, dryRun, yes } = flags;
  const body = { filter, ...(includeFinal ? { includeFinal } : {}), ...reasonField(flags) };
  const preview = await client.json<BulkResponse>("POST", path, { ...body, dryRun: true });
  const { eligible, matched, byStatus } = preview;
  if (matched === 0) {
    printInfo("No jobs match.");
    return dryRun ? preview : noChanges();
  }
  const states = Object.entries(byStatus).map(([state, number]) => `${number.toLocaleString("en")} ${state}`);
  const skipped = matched - eligible;
  const skippedText =
    skipped > 0
      ? ` ${count(skipped)} would fail again and ${skipped === 1 ? "is" : "are"} skipped (--include-final retries ${skipped === 1 ? "it" : "them"} too).`
      : "";
  if (dryRun) {
    printInfo(
      `Dry run: ${count(eligible)} would be ${WORDING[action].done} (${states.join(", ")} match).${skippedText}`,
    );
    return preview;
  }
  if (skippedText !== "") printInfo(skippedText.trim());
  if (eligible === 0) return noChanges();
  await confirm(`This ${WORDING[action].verb} ${count(eligible)} (${states.join(", ")} match)`, yes);
  return changeByPage(client, action, path, body, eligible);
}

async function changeByPage(
  client: Client,
  action: Action,
  path: string,
  body: object,
  eligible: number,
): Promise<BulkResult> {
  const result = noChanges();
  const line = new ProgressLine();
  let cursor: string | undefined;
  let isQueueFull = false;
  try {
    do {
      const response = await client.json<BulkResponse>("POST", path, {
        ...body,
        ...(cursor === undefined ? {} : { cursor }),
      });
      result.done += response.done;
      result.unchanged += response.unchanged;
      result.failed.push(...response.failed);
      result.jobs.push(...response.jobs);
      isQueueFull = response.failed.some(({ type }) => type === "TooManyWaiting");
      ({ cursor } = response);
      line.update(
        `${result.done.toLocaleString("en")} of ${eligible.toLocaleString("en")} ${WORDING[action].done}`,
        action,
      );
    } while (cursor !== undefined && !isQueueFull);
  } finally {
    line.end();
  }
  const unchangedText =
    result.unchanged > 0 ? `, ${result.unchanged.toLocaleString("en")} ${WORDING[action].unchanged}` : "";
  const failedText = result.failed.length > 0 ? `, ${result.failed.length.toLocaleString("en")} failed:` : ".";
  printInfo(`${count(result.done)} ${WORDING[action].done}${unchangedText}${failedText}`);
  for (const { requestId, type, message } of result.failed.slice(0, MAX_LISTED_FAILURES))
    printInfo(`  ${requestId}: ${type}: ${plain(message)}`);
  if (result.failed.length > MAX_LISTED_FAILURES)
    printInfo(`  … and ${(result.failed.length - MAX_LISTED_FAILURES).toLocaleString("en")} more.`);
  return result;
}
