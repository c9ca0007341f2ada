import type { RejectedDocument } from "../../contract/document.ts";
import { ERRORS } from "../../contract/errors.ts";
import type { RejectedPage } from "../../requests/rejectedList.ts";
import type { Client } from "../lib/apiClient.ts";
import { type CliContext, choice, clientOf, wholeNumber } from "../lib/context.ts";
import { CommandError } from "../lib/exits.ts";
import { examples } from "../lib/help.ts";
import { type Fields, jsonFields, printRecords } from "../lib/jsonFields.ts";
import { plain, print, printInfo, width } from "../lib/screen.ts";
import { table } from "../lib/table.ts";
import { timeOption, timeText } from "../lib/times.ts";

const ENTRY_FIELDS: Fields<RejectedPage["rejected"][number]> = {
  id: (rejected) => rejected.rejectedId,
  requestId: (rejected) => rejected.requestId,
  tenant: (rejected) => rejected.tenant,
  source: (rejected) => rejected.source,
  copies: (rejected) => rejected.copies,
  type: (rejected) => rejected.type,
  reason: (rejected) => rejected.message,
  problem: (rejected) => rejected.problem,
  firstSeenAt: (rejected) => rejected.firstSeenAt,
  lastSeenAt: (rejected) => rejected.lastSeenAt,
  body: (rejected) => rejected.body,
};
const DOCUMENT_FIELDS: Fields<RejectedDocument> = {
  id: (rejected) => rejected.rejectedId,
  requestId: (rejected) => rejected.requestId,
  tenant: (rejected) => rejected.tenant,
  source: (rejected) => rejected.source,
  copies: (rejected) => rejected.copies,
  type: (rejected) => rejected.error.type,
  reason: (rejected) => rejected.error.message,
  problems: (rejected) => rejected.error.details,
  firstSeenAt: (rejected) => rejected.createdAt,
  lastSeenAt: (rejected) => rejected.lastSeenAt,
  body: (rejected) => rejected.body,
};

/** Minimum terminal width for showing all columns. */
const WIDE_COLUMNS = 100;
/** Shown length of ids in lists, in characters: enough to distinguish a thousand ids. */
const SHORT_ID_LENGTH = 12;

interface ListFlags {
  type?: string;
  source?: string;
  text?: string;
  since?: string;
  until?: string;
  limit: number;
}

/** `rates rejected`: requests that created no job. */
export function rejectedCommands({ program }: CliContext): void {
  const rejected = examples(
    program
      .command("rejected")
      .description("Inspect rejected requests: invalid or conflicting ones, which created no job"),
    "rates rejected list --since 1d",
    "rates rejected show 3f9c2a1b04de   # body and problems; the beginning of an id is enough",
  );
  const list = examples(
    rejected.command("list"),
    "rates rejected list",
    "rates rejected list --type InvalidRequest --text price_export",
    "rates rejected list --json id,requestId,reason",
  );
  jsonFields(list, ENTRY_FIELDS)
    .description("List rejected requests: by cause, then each with reason and time, newest first")
    .addOption(choice("--type <type>", "only this error type", Object.keys(ERRORS)))
    .addOption(choice("--source <channel>", "only requests of this channel", ["queue", "http"]))
    .option("--text <text>", "only requests with this text in the request id, reason or body")
    .option("--since <time>", "requests since: an age (90s, 30m, 2h, 7d, 1w), a day or a time (UTC)", timeOption)
    .option("--until <time>", "requests before this time", timeOption)
    .option("--limit <n>", "maximum number of requests", wholeNumber, 20)
    .action(async (flags: ListFlags, command) => {
      const { client, json } = clientOf(command);
      const page = await client.json<RejectedPage>("GET", pathOf(client, { ...flags, limit: String(flags.limit) }));
      if (json) return printRecords(command, ENTRY_FIELDS, page.rejected, page);
      if (page.total === 0) return printInfo("No rejected requests match.");
      showPage(page);
    });

  const show = examples(
    rejected.command("show"),
    "rates rejected show 3f9c2a1b04de",
    "rates rejected show 3f9c2a1b04de --json body | jq -r .body",
  );
  jsonFields(show, DOCUMENT_FIELDS)
    .description("Show a rejected request: reason, problems, and the beginning of its body")
    .argument("<id>", "id of the rejected request, or a prefix of it")
    .action(async (id: string, _flags: object, command) => {
      const { client, json } = clientOf(command);
      const match = await findRejected(client, id);
      const document = await match.client.json<RejectedDocument>("GET", match.client.rejectedPath(match.id));
      if (json) return printRecords(command, DOCUMENT_FIELDS, document, document);
      showDocument(document);
    });
}

const pathOf = (client: Client, search: Record<string, string | undefined>): string => {
  const parameters = Object.entries({ ...search, tenant: client.tenant }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as [string, string]],
  );
  return `/rejected?${new URLSearchParams(parameters)}`;
};

/**
 * Finds a rejected request by its id or a unique prefix of the id.
 * @returns the complete id, and a client for the request's tenant
 * @throws CommandError if no request or several requests match
 */
async function findRejected(client: Client, argument: string): Promise<{ client: Client; id: string }> {
  const prefix = argument.trim().toLowerCase();
  if (!/^[0-9a-f]{1,32}$/.test(prefix))
    throw new CommandError(
      "invalid",
      `'${argument}' cannot be the id of a rejected request: ids have at most 32 of the digits 0 to 9 and a to f. \`rates rejected list\` shows ids.`,
    );
  const { rejected } = await client.json<RejectedPage>("GET", pathOf(client, { prefix, limit: "2" }));
  const [first, second] = rejected;
  if (first === undefined)
    throw new CommandError(
      "invalid",
      `No rejected request has an id that begins with '${prefix}'. \`rates rejected list\` shows ids.`,
    );
  if (second !== undefined)
    throw new CommandError(
      "invalid",
      `Several ids begin with '${prefix}', for example ${first.rejectedId} and ${second.rejectedId}. Give a longer prefix.`,
    );
  return { client: client.forTenant(first.tenant), id: first.rejectedId };
}

function showPage({ causes, rejected, total, isMore }: RejectedPage): void {
  print(
    table(
      ["CAUSE", "REQUESTS", "COPIES", "FIRST SEEN (UTC)", "LAST SEEN (UTC)"],
      causes.map(({ type, count, copies, firstSeenAt, lastSeenAt }) => [
        type,
        count.toLocaleString("en"),
        copies.toLocaleString("en"),
        timeText(firstSeenAt),
        timeText(lastSeenAt),
      ]),
      width(process.stdout),
      { keep: [0], right: [1, 2] },
    ),
  );
  print("");
  // A narrow terminal has no columns for request id and copies; `rates rejected show` prints both.
  const isWide = width(process.stdout) >= WIDE_COLUMNS;
  const hasTenants = new Set(rejected.map(({ tenant }) => tenant)).size > 1;
  print(
    table(
      [
        "ID",
        ...(hasTenants ? ["TENANT"] : []),
        "LAST SEEN (UTC)",
        "CAUSE",
        "REASON",
        ...(isWide ? ["REQUEST", "COPIES"] : []),
      ],
      rejected.map(({ rejectedId, tenant, lastSeenAt, copies, requestId, type, message, problem }) => [
        rejectedId.slice(0, SHORT_ID_LENGTH),
        ...(hasTenants ? [tenant] : []),
        timeText(lastSeenAt),
        type,
        problem ?? message,
        ...(isWide ? [requestId, String(copies)] : []),
      ]),
      width(process.stdout),
      { keep: hasTenants ? [0, 1, 2, 3] : [0, 1, 2] },
    ),
  );
  if (isMore || total > rejected.length)
    printInfo(
      `${rejected.length.toLocaleString("en")} of ${isMore ? "more than " : ""}${total.toLocaleString("en")}. Narrow the list with --type, --text or --since, or raise --limit (at most 200).`,
    );
  printInfo("`rates rejected show ID` shows body and problems.");
}

function showDocument({
  rejectedId,
  requestId,
  tenant,
  source,
  copies,
  createdAt,
  lastSeenAt,
  error,
  body,
}: RejectedDocument): void {
  print(`${rejectedId}  request ${requestId}  (tenant ${tenant}, over ${source === "http" ? "HTTP" : "the queue"})`);
  const times =
    copies === 1
      ? `${timeText(createdAt)} UTC`
      : `first ${timeText(createdAt)} UTC, last ${timeText(lastSeenAt)} UTC, ${copies.toLocaleString("en")} copies`;
  print(times);
  print(`${error.type}: ${plain(error.message)}`);
  for (const { field = "", message, reason, more } of error.details) {
    if (more !== undefined) print(`  … and ${more.toLocaleString("en")} more`);
    else print(`  ${plain(`${field} ${message ?? reason ?? ""}`).trim()}`);
  }
  print("");
  print(plain(body));
}
