import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { reasonOf } from "../../contract/reason.ts";
import { ACTIONS, type AuditEntry } from "../../store/audit.ts";
import { type CliContext, choice, clientOf, wholeNumber } from "../lib/context.ts";
import { csvLine } from "../lib/csv.ts";
import { CommandError } from "../lib/exits.ts";
import { examples } from "../lib/help.ts";
import { type Fields, jsonFields, printRecords } from "../lib/jsonFields.ts";
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

/** Default number of entries on a screen, and entries per call of an export. */
const ENTRIES_PER_PAGE = 50;
const PAGE = 1_000;

/** `rates audit`: the audit trail, on a screen or as a file. */
export function auditCommand({ program }: CliContext): void {
  const audit = examples(
    program.command("audit"),
    "rates audit",
    "rates audit --action cancel --since 2026-01-31",
    "rates audit --json at,actor,action,target",
    "rates audit --export audit.csv  # all entries; .ndjson works too",
  );
  jsonFields(audit, ENTRY_FIELDS)
    .description("Show the audit trail: submits, cancels, retries, redrives, tokens and sign-ins")
    .addOption(choice("--action <action>", "only this action", ACTIONS))
    .option("--text <text>", "part of the person's or token's name, or of the job's id")
    .option("--since <time>", "from then on: 90s, 30m, 2h, 7d, 1w back, a day or a time (UTC)", timeOption)
    .option("--until <time>", "before then", timeOption)
    .option("--limit <n>", `maximum number of entries (${ENTRIES_PER_PAGE})`, wholeNumber)
    .option("--export <file>", "write all entries to a file: .csv or .ndjson")
    .action(async (flags: Flags, command) => {
      const { client, json } = clientOf(command);
      const page = (limit: number, before?: number) => {
        const { action, text, since, until } = flags;
        const search = new URLSearchParams({ limit: String(limit) });
        for (const [name, value] of Object.entries({ action, text, since, until, before, tenant: client.tenant }))
          if (value !== undefined) search.set(name, String(value));
        return client.json<{ entries: AuditEntry[]; next?: number }>("GET", `/audit?${search}`);
      };
      const { since, until } = flags;
      if (since !== undefined && until !== undefined && since >= until)
        throw new CommandError("invalid", `--until (${until}) must be later than --since (${since}).`);
      if (flags.export !== undefined) return exportTo(flags.export, page);
      const { entries, next } = await page(flags.limit ?? ENTRIES_PER_PAGE);
      if (json) return printRecords(command, ENTRY_FIELDS, entries, entries);
      if (entries.length === 0) return printInfo("No entries match.");
      print(auditTable(entries));
      if (next !== undefined) printInfo("More entries match. --limit N shows more, --export FILE writes all.");
    });
}

/** Formats entries as a table, with the tenant if there are several and the reason if a cancel has one. */
function auditTable(entries: readonly AuditEntry[]): string {
  const tenants = new Set(entries.map(({ tenant }) => tenant)).size > 1;
  const reasonOf = ({ detail }: AuditEntry) => (typeof detail.reason === "string" ? plain(detail.reason) : "");
  const reasons = entries.some((entry) => reasonOf(entry) !== "");
  const head = ["TIME (UTC)", "WHO", "VIA", "ACTION", ...(tenants ? ["TENANT"] : []), "TARGET"];
  const rows = entries.map((entry) => [
    timeText(entry.at),
    plain(entry.actor),
    entry.via,
    entry.action,
    ...(tenants ? [entry.tenant] : []),
    plain(entry.target),
    ...(reasons ? [reasonOf(entry)] : []),
  ]);
  return table(reasons ? [...head, "REASON"] : head, rows, width(process.stdout), { keep: [0, 1, 2, 3] });
}

type ReadPage = (limit: number, before?: number) => Promise<{ entries: AuditEntry[]; next?: number }>;

/** The columns of an export. */
const COLUMNS = ["id", "at", "tenant", "actorId", "actor", "via", "action", "target", "detail"] as const;

async function exportTo(file: string, page: ReadPage): Promise<void> {
  const isCsv = file.endsWith(".csv");
  if (!isCsv && !file.endsWith(".ndjson"))
    throw new CommandError("invalid", `--export '${file}' must end in .csv or .ndjson.`);
  const out = createWriteStream(file, { mode: 0o600 });
  try {
    await once(out, "open");
    let count = 0;
    if (isCsv) out.write(csvLine(COLUMNS));
    for (let before: number | undefined; ; ) {
      const { entries, next } = await page(PAGE, before);
      count += entries.length;
      const lines = entries.map((entry) =>
        isCsv
          ? csvLine(COLUMNS.map((name) => (name === "detail" ? JSON.stringify(entry.detail) : String(entry[name]))))
          : `${JSON.stringify(entry)}\n`,
      );
      if (!out.write(lines.join(""))) await once(out, "drain");
      if (next === undefined) break;
      before = next;
    }
    out.end();
    await once(out, "close");
    printInfo(`${count.toLocaleString("en")} entries in ${file}.`);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError("internalError", `${file} cannot be written: ${reasonOf(error)}`);
  } finally {
    out.destroy();
  }
}
