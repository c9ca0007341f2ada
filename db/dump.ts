import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { counted } from "../runtime/contract/counted.ts";
import { Lines } from "./lines.ts";
import { Splitter, type Statement } from "./splitter.ts";

/** Maximum characters of a statement that a message shows. */
const MAX_EXCERPT = 300;
const excerptOf = (statement: string): string =>
  statement.length > MAX_EXCERPT ? `${statement.slice(0, MAX_EXCERPT)} …` : statement;

/** Result of loading a dump. */
export interface LoadedDump {
  /** Number of rows that COPY blocks loaded, by table name as the dump writes it ("public.ports"). */
  rows: Record<string, number>;
  /** Skipped statements with the reason, one line each; long statements are cut. */
  notes: string[];
}

/** Thrown when a dump cannot be loaded, with the line in the file and the failed statement. */
export class DumpError extends Error {
  override readonly name = "DumpError";
  readonly file: string;
  /** Line number, from 1. */
  readonly line: number;
  readonly statement: string;

  constructor(file: string, line: number, reason: string, statement = "", cause?: unknown) {
    const excerpt = excerptOf(statement);
    super(`${file}, line ${line}: ${reason}${excerpt === "" ? "" : `\n${excerpt.trim()}`}`, { cause });
    this.file = file;
    this.line = line;
    this.statement = statement;
  }
}

const SETTING =
  /^(?:set\s+(?:session\s+|local\s+)?(?:([\w.]+)\s*(?:=|to\b)|(time\s+zone|names|schema|role|session\s+authorization)\b)|select\s+(?:pg_catalog\.)?set_config\('([^']+)')/i;
/** Settings that SET also changes under another name, without `=`. */
const SETTING_BY_ALIAS: Readonly<Record<string, string>> = {
  "time zone": "TimeZone",
  names: "client_encoding",
  schema: "search_path",
  "session authorization": "session_authorization",
};
const TRANSACTION = /^(?:begin|start\s+transaction|commit|end)\b/i;
/** Statements that would end the transaction of the whole file without its changes. Returning to a savepoint does not. */
const ROLLBACK = /^(?:abort|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b)|prepare\s+transaction)\b/i;
const OWNERSHIP = /^(?:grant|revoke|alter\s+default\s+privileges)\b|^alter\s.*\sowner\s+to\s/is;
/** Commands with which newer versions of pg_dump protect psql from injected commands. Ignored, since psql is not used. */
const HARMLESS = /^\\(?:un)?restrict\b/;

/**
 * Loads a plain pg_dump file over a connection, without psql: in one transaction, and in constant memory. Afterwards
 * restores the session's settings, and vacuums and analyzes the loaded tables, so that index-only scans are fast at once.
 * @throws DumpError if a statement or row cannot be loaded; then nothing was changed
 */
export async function loadDump(
  client: pg.Client,
  file: string,
  onProgress: (line: string) => void = () => undefined,
): Promise<LoadedDump> {
  const load = new DumpLoader(
    client,
    basename(file),
    new Lines(createReadStream(file, { highWaterMark: 1 << 18 })),
    onProgress,
  );
  await client.query("begin");
  try {
    await load.run();
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined); // the connection itself may be gone
    throw error;
  }
  for (const [name, value] of load.settings) await client.query("select set_config($1, $2, false)", [name, value]);
  if (load.tables.size > 0) await client.query(`vacuum (analyze) ${[...load.tables].join(", ")}`);
  return { rows: load.rows, notes: load.notes };
}

class DumpLoader {
  /** Previous values of the settings that the file changed, by lower-case name. */
  readonly settings = new Map<string, string>();
  /** Loaded tables with their schemas, since the file may change the search path between them. */
  readonly tables = new Set<string>();
  readonly rows: Record<string, number> = {};
  readonly notes: string[] = [];
  readonly #client: pg.Client;
  readonly #file: string;
  readonly #lines: Lines;
  readonly #onProgress: (line: string) => void;
  readonly #splitter = new Splitter();
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });

  constructor(client: pg.Client, file: string, lines: Lines, onProgress: (line: string) => void) {
    this.#client = client;
    this.#file = file;
    this.#lines = lines;
    this.#onProgress = onProgress;
  }

  async run(): Promise<void> {
    for (let bytes = await this.#lines.next(); bytes !== undefined; bytes = await this.#lines.next()) {
      const line = this.#decode(bytes);
      if (!this.#splitter.open && line.startsWith("\\")) this.#metaCommand(line.trim());
      else for (const statement of this.#splitter.push(line, this.#lines.line)) await this.#statement(statement);
    }
    if (this.#splitter.open) {
      const { text, line } = this.#splitter.remainder;
      throw new DumpError(
        this.#file,
        line,
        "the file ends in the middle of this statement; create the dump again.",
        text,
      );
    }
  }

  #decode(bytes: Buffer): string {
    const { line } = this.#lines;
    if (
      line === 1 &&
      (bytes.subarray(0, 5).toString("latin1") === "PGDMP" || (bytes[0] === 0x1f && bytes[1] === 0x8b))
    ) {
      throw new DumpError(
        this.#file,
        1,
        "this is a custom-format or compressed dump. Create a plain one: pg_dump --format=plain.",
      );
    }
    try {
      return this.#decoder.decode(bytes);
    } catch (cause) {
      throw new DumpError(this.#file, line, "this line is not UTF-8. Create the dump with --encoding=UTF8.", "", cause);
    }
  }

  #metaCommand(command: string): void {
    if (HARMLESS.test(command)) return;
    const [name] = command.split(/\s/, 1);
    throw new DumpError(
      this.#file,
      this.#lines.line,
      `${name} is a command of psql and cannot be run here. Remove it, or create the dump without the option that adds it (\\connect comes from --create).`,
      command,
    );
  }

  async #statement(statement: Statement): Promise<void> {
    const { text } = statement;
    const table = copiedTable(text);
    if (table !== undefined) return this.#copy(statement, table);
    const setting = SETTING.exec(text);
    if (setting !== null) {
      const [, name, alias, configured] = setting;
      const setBy = alias?.toLowerCase().replace(/\s+/g, " ") ?? "";
      return this.#applySetting(statement, name ?? configured ?? SETTING_BY_ALIAS[setBy] ?? setBy);
    }
    if (ROLLBACK.test(text)) throw this.#failure(statement, "the whole file is one transaction here. Remove this.");
    if (TRANSACTION.test(text)) return this.#note(statement, "skipped: the whole file is one transaction here");
    if (OWNERSHIP.test(text)) return this.#ownership(statement);
    await this.#query(statement);
  }

  async #copy(statement: Statement, table: string): Promise<void> {
    const copyLine = this.#lines.line;
    const sink = this.#client.query(copyFrom(statement.text));
    const truncated = () =>
      new DumpError(
        this.#file,
        copyLine,
        "the file ends before the \\. of this COPY; create the dump again.",
        statement.text,
      );
    try {
      await pipeline(Readable.from(this.#lines.block(truncated), { objectMode: false }), sink);
    } catch (error) {
      if (error instanceof DumpError) throw error;
      const [, line] = /^COPY .*?, line (\d+)/.exec(String((error as { where?: unknown }).where)) ?? [];
      throw new DumpError(this.#file, copyLine + Number(line ?? 0), reasonOf(error), statement.text, error);
    }
    const { rows } = await this.#client.query<{ name: string }>(
      "select format('%I.%I', relnamespace::regnamespace::name, relname) as name from pg_catalog.pg_class where oid = $1::regclass",
      [table],
    );
    for (const { name } of rows) this.tables.add(name);
    this.rows[table] = (this.rows[table] ?? 0) + sink.rowCount;
    this.#onProgress(`${table}: ${counted(sink.rowCount, "row")}`);
  }

  /** Changes a setting if this Postgres has it: dumps of other versions name newer or removed settings. */
  async #applySetting(statement: Statement, name: string): Promise<void> {
    if (/^client_encoding$/i.test(name) && !/utf-?8/i.test(statement.text)) {
      throw new DumpError(
        this.#file,
        statement.line,
        "only UTF-8 dumps can be read. Create the dump with --encoding=UTF8.",
        statement.text,
      );
    }
    const { rows } = await this.#client.query<{ value: string | null }>("select current_setting($1, true) as value", [
      name,
    ]);
    const value = rows[0]?.value ?? null;
    if (value === null) return this.#note(statement, "skipped: this Postgres has no such setting");
    const key = name.toLowerCase();
    if (!this.settings.has(key)) this.settings.set(key, value);
    await this.#query(statement);
  }

  /** Runs a statement about owners or grants; skips it if a role of the dumped cluster does not exist here. */
  async #ownership(statement: Statement): Promise<void> {
    await this.#client.query("savepoint ownership");
    try {
      await this.#client.query(statement.text);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "42704") throw this.#failure(statement, error);
      await this.#client.query("rollback to savepoint ownership");
      this.#note(statement, `skipped: ${reasonOf(error)}`);
    }
    await this.#client.query("release savepoint ownership");
  }

  async #query(statement: Statement): Promise<void> {
    try {
      await this.#client.query(statement.text);
    } catch (error) {
      throw this.#failure(statement, error);
    }
  }

  #failure({ text, line }: Statement, error: unknown): DumpError {
    const position = Number((error as { position?: unknown }).position ?? 1);
    const precedingLines = text.slice(0, position - 1).split("\n").length - 1;
    return new DumpError(this.#file, line + precedingLines, reasonOf(error), text, error);
  }

  #note({ text, line }: Statement, reason: string): void {
    const note = `${this.#file}, line ${line}: ${reason}: ${excerptOf(text).replace(/\s+/g, " ")}`;
    this.notes.push(note);
    this.#onProgress(note);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { detail } = error as { detail?: unknown };
  return typeof detail === "string" ? `${error.message} (${detail})` : error.message;
}

/** Returns the table of `copy … from stdin …;`, as the dump writes its name; undefined for any other statement. */
function copiedTable(text: string): string | undefined {
  const [begin] = /^copy\s+/i.exec(text) ?? [];
  if (begin === undefined || !text.endsWith(";")) return undefined;
  // A quoted name may contain semicolons, FROM STDIN and its options do not (pg_dump writes no options that contain
  // one): so the search begins after the last semicolon before the final one.
  if (!/\sfrom\s+stdin\b/i.test(text.slice(text.lastIndexOf(";", text.length - 2) + 1))) return undefined;
  let end = begin.length;
  let isQuoted = false;
  for (; end < text.length; end++) {
    const character = text.charAt(end);
    if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (character === "(" || character.trim() === "")) break;
  }
  return end === begin.length ? undefined : text.slice(begin.length, end);
}
