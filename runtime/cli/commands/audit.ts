import { Readable } from "node:stream";
import { ACTIONS, type AuditEntry } from "../../store/audit.ts";
import { type CliContext, choice, clientOf, wholeNumber } from "../lib/context.ts";
import { csvLine } from "../lib/csv.ts";
import { CommandError } from "../lib/exits.ts";
import { printableName } from "../lib/files.ts";
import { examples } from "../lib/help.ts";
import { interruptible } from "../lib/interrupt.ts";
import { type Fields, jsonFields, printRecords } from "../lib/jsonFields.ts";
import { openOutput, writeOutput } from "../lib/output.ts";
import { plain, print, printInfo, width } from "../lib/screen.ts";
import { table } from "../lib/table.ts";
import { timeOption, timeText } from "../lib/times.ts";

const ENTRY_FIELDS: Fields<AuditEntry> = {
  id: (entry) => entry.id,
  at: (entry) => entry.at,
  tenant: (entry) => entry.tenant,
  actor: (entry) => entry.actor,
  actorId: (entry) => entry.actorId,
  via: (entry) => entry.via,
  action: (entry) => entry.action,
  target: (entry) => entry.target,
  detail: (entry) => entry.detail,
};

/** Options of `rates audit`. */
interface Flags {
  action?: string;
  text?: string;
  since?: string;
  until?: string;
  limit?: number;
  export?: string;
}

/** Default number of listed entries. */
const DEFAULT_LIMIT = 50;
/** Number of entries that an export requests at a time. */
const EXPORT_PAGE_SIZE = 1_000;

/** `rates audit`: shows the audit trail, or exports it to a file. */
export function auditCommand({ program }: CliContext): void {
  const audit = examples(
    program.command("audit"),
    "rates audit",
    "rates audit --action cancel --since 2026-01-31",
    "rates audit --json at,actor,action,target",
    "rates audit --export audit.csv  # all entries; .ndjson works too",
  );
  jsonFields(audit, ENTRY_FIELDS)
    .description("Show the audit trail: submissions, cancellations, retries, redrives, tokens and sign-ins")
    .addOption(choice("--action <action>", "only this action", ACTIONS))
    .option("--text <text>", "part of the person's or token's name, or of the job's id")
    .option("--since <time>", "entries since: an age (90s, 30m, 2h, 7d, 1w), a day or a time (UTC)", timeOption)
    .option("--until <time>", "entries before this time", timeOption)
    .option("--limit <n>", `maximum number of entries (default ${DEFAULT_LIMIT})`, wholeNumber)
    .option("--export <file>", "write all entries to a file: .csv or .ndjson")
    .action(async (flags: Flags, command) => {
      const { client, json } = clientOf(command);
      const fetchPage = (limit: number, before?: number, signal?: AbortSignal) => {
        const { action, text, since, until } = flags;
        const search = new URLSearchParams({ limit: String(limit) });
        for (const [name, value] of Object.entries({ action, text, since, until, before, tenant: client.tenant }))
          if (value !== undefined) search.set(name, String(value));
        return client.json<{ entries: AuditEntry[]; next?: number }>("GET", `/audit?${search}`, undefined, signal);
      };
      const { since, until } = flags;
      if (since !== undefined && until !== undefined && since >= until)
        throw new CommandError("invalid", `--until (${until}) must be later than --since (${since}).`);
      if (flags.export !== undefined) return exportTo(flags.export, fetchPage);
      const { entries, next } = await fetchPage(flags.limit ?? DEFAULT_LIMIT);
      if (json) return printRecords(command, ENTRY_FIELDS, entries, entries);
      if (entries.length === 0) return printInfo("No entries match.");
      print(auditTable(entries));
      if (next !== undefined) printInfo("More entries match. --limit N shows more, --export FILE writes all.");
    });
}

/**
 * Formats entries as a table. It has a column TENANT if there are several tenants, and a column REASON if a cancel has a
 * reason.
 */
function auditTable(entries: readonly AuditEntry[]): string {
  const hasTenants = new Set(entries.map(({ tenant }) => tenant)).size > 1;
  const cancelReason = ({ detail }: AuditEntry) => (typeof detail.reason === "string" ? plain(detail.reason) : "");
  const hasReasons = entries.some((entry) => cancelReason(entry) !== "");
  const head = ["TIME (UTC)", "WHO", "VIA", "ACTION", ...(hasTenants ? ["TENANT"] : []), "TARGET"];
  const rows = entries.map((entry) => [
    timeText(entry.at),
    plain(entry.actor),
    entry.via,
    entry.action,
    ...(hasTenants ? [entry.tenant] : []),
    plain(entry.target),
    ...(hasReasons ? [cancelReason(entry)] : []),
  ]);
  return table(hasReasons ? [...head, "REASON"] : head, rows, width(process.stdout), { keep: [0, 1, 2, 3] });
}

type FetchPage = (
  limit: number,
  before?: number,
  signal?: AbortSignal,
) => Promise<{ entries: AuditEntry[]; next?: number }>;

/** Columns of an export. */
const COLUMNS = ["id", "at", "tenant", "actorId", "actor", "via", "action", "target", "detail"] as const;

/** Permissions of a new export: only its owner may read it. */
const EXPORT_MODE = 0o600;

async function exportTo(file: string, fetchPage: FetchPage): Promise<void> {
  const isCsv = file.endsWith(".csv");
  if (!isCsv && !file.endsWith(".ndjson"))
    throw new CommandError("invalid", `--export '${file}' must end in .csv or .ndjson.`);
  const output = await openOutput(file, "--export");
  const target = output.to === "file" ? { ...output, mode: output.mode ?? EXPORT_MODE } : output;
  let count = 0;
  const textOf = (entry: AuditEntry) =>
    isCsv
      ? csvLine(COLUMNS.map((name) => (name === "detail" ? JSON.stringify(entry.detail) : String(entry[name]))))
      : `${JSON.stringify(entry)}\n`;
  const pages = async function* (signal: AbortSignal) {
    if (isCsv) yield csvLine(COLUMNS);
    for (let before: number | undefined; ; ) {
      const { entries, next } = await fetchPage(EXPORT_PAGE_SIZE, before, signal);
      count += entries.length;
      yield entries.map(textOf).join("");
      if (next === undefined) return;
      before = next;
    }
  };
  const isComplete = await interruptible(
    (signal) => writeOutput(target, file, [Readable.from(pages(signal))], signal, "--export"),
    () => `${printableName(file)} was not written completely.`,
  );
  if (isComplete)
    printInfo(`${count.toLocaleString("en")} ${count === 1 ? "entry" : "entries"} written to ${printableName(file)}.`);
}
