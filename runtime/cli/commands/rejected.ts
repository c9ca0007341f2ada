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

/** Minimum width of a terminal for all columns. */
const WIDE_COLUMNS = 100;
/** Length of ids in lists, enough to distinguish a thousand. Characters. */
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
    program.command("rejected").description("Inspect invalid requests, which created no job"),
    "rates rejected list --since 1d",
    "rates rejected show 3f9c2a1b04de   # body and every problem; the beginning of an id is enough",
  );
  const list = examples(
    rejected.command("list"),
    "rates rejected list",
    "rates rejected list --type InvalidRequest --text price_export",
    "rates rejected list --json id,requestId,reason",
  );
  jsonFields(list, ENTRY_FIELDS)
    .description("List rejected requests by cause, and each with reason and times, newest first")
    .addOption(choice("--type <class>", "only this error class", Object.keys(ERRORS)))
    .addOption(choice("--source <way>", "channel of the request", ["queue", "http"]))
    .option("--text <text>", "only requests with this text in the id, reason or body")
    .option("--since <time>", "from then on: 90s, 30m, 2h, 7d, 1w back, a day or a time (UTC)", timeOption)
    .option("--until <time>", "before then", timeOption)
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
    .description("Show a rejected request: reason, every problem, and the beginning of its body")
    .argument("<id>", "its id, or a prefix of it")
    .action(async (id: string, _flags: object, command) => {
      const { client, json } = clientOf(command);
      const found = await findRejected(client, id);
      const document = await found.client.json<RejectedDocument>("GET", found.client.rejected(found.id));
      if (json) return printRecords(command, DOCUMENT_FIELDS, document, document);
      showDocument(document);
    });
}

const pathOf = (client: Client, search: Record<string, string | undefined>): string => {
  const given = Object.entries({ ...search, tenant: client.tenant }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as [string, string]],
  );
  return `/rejected?${new URLSearchParams(given)}`;
};

/** Finds the rejected request with an id or a prefix of one. */
async function findRejected(client: Client, argument: string): Promise<{ client: Client; id: string }> {
  const prefix = argument.trim().toLowerCase();
  if (!/^[0-9a-f]{1,32}$/.test(prefix))
    throw new CommandError(
      "invalid",
      `'${argument}' cannot be the id of a rejected request: it has the digits 0 to 9 and a to f only. \`rates rejected list\` shows ids.`,
    );
  const { rejected } = await client.json<RejectedPage>("GET", pathOf(client, { prefix, limit: "2" }));
  const [only, second] = rejected;
  if (only === undefined)
    throw new CommandError(
      "invalid",
      `No rejected request has an id that begins with '${prefix}'. \`rates rejected list\` shows ids.`,
    );
  if (second !== undefined)
    throw new CommandError(
      "invalid",
      `Several ids begin with '${prefix}', for example ${only.rejectedId} and ${second.rejectedId}. Give a longer prefix.`,
    );
  return { client: client.forTenant(only.tenant), id: only.rejectedId };
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
  // A narrow terminal shows the reason instead of the request's id, which `rejected show` has.
  const isWide = width(process.stdout) >= WIDE_COLUMNS;
  const several = new Set(rejected.map(({ tenant }) => tenant)).size > 1;
  print(
    table(
      [
        "ID",
        ...(several ? ["TENANT"] : []),
        "LAST SEEN (UTC)",
        "CAUSE",
        "REASON",
        ...(isWide ? ["REQUEST", "COPIES"] : []),
      ],
      rejected.map(({ rejectedId, tenant, lastSeenAt, copies, requestId, type, message, problem }) => [
        rejectedId.slice(0, SHORT_ID_LENGTH),
        ...(several ? [tenant] : []),
        timeText(lastSeenAt),
        type,
        problem ?? message,
        ...(isWide ? [requestId, String(copies)] : []),
      ]),
      width(process.stdout),
      { keep: several ? [0, 1, 2, 3] : [0, 1, 2] },
    ),
  );
  if (isMore || total > rejected.length)
    printInfo(
      `${rejected.length.toLocaleString("en")} of ${isMore ? "more than " : ""}${total.toLocaleString("en")}. Narrow the list with --type, --text or --since, or raise --limit (at most 200).`,
    );
  printInfo("`rates rejected show ID` shows body and every problem.");
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
  print(`${rejectedId}  request ${requestId}  (tenant ${tenant}, by ${source === "http" ? "HTTP" : "queue"})`);
  const when =
    copies === 1
      ? timeText(createdAt)
      : `first ${timeText(createdAt)}, last ${timeText(lastSeenAt)}, ${copies.toLocaleString("en")} copies`;
  print(`${when} UTC`);
  print(`${error.type}: ${plain(error.message)}`);
  for (const { field = "", message, reason, more } of error.details) {
    if (more !== undefined) print(`  … and ${more.toLocaleString("en")} more`);
    else print(`  ${plain(`${field} ${message ?? reason ?? ""}`).trim()}`);
  }
  print("");
  print(plain(body));
}
