import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { loadDump } from "./dump.ts";
import { emptyDatabase, FIXTURE, type Scratch } from "./testing/database.ts";

describe("loadDump", () => {
  let database: Scratch;
  let client: pg.Client;
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "rates-dump-"));
    database = await emptyDatabase();
    client = await database.connect();
  });
  afterEach(async () => {
    await database.drop();
    await rm(directory, { recursive: true });
  });

  const load = async (text: string | Buffer) => {
    const file = join(directory, "some.sql");
    await writeFile(file, text);
    return loadDump(client, file);
  };
  const tables = async () =>
    (await client.query("select relname from pg_class where relnamespace = 'public'::regnamespace")).rows;

  it("loads a file of pg_dump with constraints, and reports the number of rows", async () => {
    const lines: string[] = [];
    const loaded = await loadDump(client, FIXTURE, (line) => lines.push(line));
    assert.deepEqual(loaded, { rows: { "public.ports": 7, "public.prices": 25, "public.regions": 6 }, notes: [] });
    assert.deepEqual(lines, ["public.ports: 7 rows", "public.prices: 25 rows", "public.regions: 6 rows"]);
    const { rows } = await client.query("select name from ports where code in ('JPTYO', 'NOAES') order by code");
    assert.deepEqual(rows, [{ name: "Tōkyō" }, { name: "Ålesund" }]);
    assert.equal((await client.query("select from regions where parent_slug is null")).rowCount, 2);
    await assert.rejects(client.query("insert into ports values ('X', 'Y', 'nowhere')"), { code: "23503" });
  });

  it("restores the session's settings", async () => {
    await client.query("set lock_timeout = '7s'; set search_path = public, pg_temp");
    await loadDump(client, FIXTURE);
    const { rows } = await client.query(
      "select current_setting('lock_timeout') l, current_setting('search_path') s, current_setting('row_security') r",
    );
    assert.deepEqual(rows, [{ l: "7s", s: "public, pg_temp", r: "on" }]);
  });

  it("restores settings that SET changes under another name", async () => {
    await client.query("set timezone = 'UTC'");
    await load(
      "create schema s;\nSET timezone = 'Asia/Kabul';\nSET TIME ZONE 'Asia/Tokyo';\nSET SCHEMA 's';\nSET ROLE pg_monitor;\n",
    );
    const { rows } = await client.query(
      "select current_setting('timezone') t, current_setting('search_path') s, current_setting('role') r",
    );
    assert.deepEqual(rows, [{ t: "UTC", s: '"$user", public', r: "none" }]);
    await assert.rejects(load("SET NAMES 'LATIN1';\n"), { name: "DumpError", message: /--encoding=UTF8/ });
  });

  it("loads tables that only the file's search_path finds", async () => {
    const { rows } = await load(
      "create schema s;\nSET search_path = s;\ncreate table t (a integer);\nCOPY t (a) FROM stdin;\n1\n\\.\n",
    );
    assert.deepEqual(rows, { t: 1 });
    const further = "create schema r;\nSET search_path = r;\ncreate table u (a integer);\n";
    await load(`SET search_path = s;\nCOPY t (a) FROM stdin;\n2\n\\.\n${further}COPY u (a) FROM stdin;\n3\n\\.\n`);
    const { rows: analyzed } = await client.query(
      "select relname from pg_class where relname in ('t', 'u') and relnamespace::regnamespace::text in ('r', 's') and reltuples > 0 order by 1",
    );
    assert.deepEqual(
      analyzed.map(({ relname }) => relname),
      ["t", "u"],
    );
    assert.equal((await client.query("show search_path")).rows[0].search_path, '"$user", public');
  });

  it("loads functions whose body is a block of statements, as pg_dump writes them", async () => {
    const { notes } = await load(`CREATE FUNCTION public.sign_of(a integer) RETURNS integer
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT 1;
 SELECT CASE
             WHEN (sign_of.a < 0) THEN '-1'::integer
             ELSE 1
         END AS "case";
END;


ALTER FUNCTION public.sign_of(a integer) OWNER TO nobody_here;
`);
    assert.equal(notes.length, 1);
    assert.deepEqual((await client.query("select sign_of(-5), sign_of(5) as positive")).rows, [
      { sign_of: -1, positive: 1 },
    ]);
  });

  it("skips and reports transaction statements, unknown settings, and owners and grants of unknown roles", async () => {
    const { notes } = await load(
      "\\restrict abc\nSET setting_to_come = 0;\nBEGIN;\ncreate table t ();\nALTER TABLE t OWNER TO nobody_here;\nGRANT ALL ON TABLE t\n TO nobody_here;\nCOMMIT;\n\\unrestrict abc\n",
    );
    assert.deepEqual(
      notes.map((note) => note.split(": ").slice(0, 2).join(": ")),
      [
        "some.sql, line 2: skipped",
        "some.sql, line 3: skipped",
        "some.sql, line 5: skipped",
        "some.sql, line 6: skipped",
        "some.sql, line 8: skipped",
      ],
    );
    assert.match(notes[3] ?? "", /: GRANT ALL ON TABLE t TO nobody_here;$/);
    assert.deepEqual(await tables(), [{ relname: "t" }]);
  });

  const createTable = "create table t (a integer, b text);\n";
  const refused: [description: string, text: string | Buffer, line: number, message: RegExp][] = [
    [
      "a statement that Postgres refuses",
      `${createTable}select 1,\n  nowhere;\n`,
      3,
      /"nowhere" does not exist\nselect 1,/,
    ],
    [
      "a row with an invalid value",
      `${createTable}COPY t (a, b) FROM stdin;\n1\tx\n2\ty\nz\tz\n\\.\n`,
      5,
      /invalid input syntax for type integer: "z"/,
    ],
    [
      "a COPY block without an end",
      `${createTable}COPY t (a, b) FROM stdin;\n1\tx\n`,
      2,
      /ends before the \\\. of this COPY/,
    ],
    ["a statement without an end", `${createTable}select 'a;\n`, 2, /ends in the middle of this statement/],
    ["a command of psql", `${createTable}\\connect other\n`, 2, /\\connect is a command of psql/],
    [
      "bytes that are not UTF-8",
      Buffer.from(`${createTable}select '\xe5';\n`, "latin1"),
      2,
      /not UTF-8.*--encoding=UTF8/,
    ],
    ["another encoding", `${createTable}SET client_encoding = 'LATIN1';\n`, 2, /--encoding=UTF8/],
    ["a rollback", `${createTable}ROLLBACK;\n`, 2, /one transaction/],
    ["an abort", `${createTable}ABORT;\n`, 2, /one transaction/],
    ["a custom-format dump", "PGDMP\x01\x0e", 1, /--format=plain/],
    ["a compressed dump", Buffer.from([0x1f, 0x8b, 8, 0]), 1, /--format=plain/],
  ];
  for (const [description, text, line, message] of refused) {
    it(`refuses ${description}, names its line, and changes nothing`, async () => {
      await assert.rejects(load(text), { name: "DumpError", file: "some.sql", line, message });
      assert.deepEqual(await tables(), []);
      assert.equal((await client.query("select 1 as one")).rows[0].one, 1);
    });
  }

  // An optional test for a dump that must not be added to the repository.
  const dumpFile = process.env.RATES_DUMP;
  if (dumpFile !== undefined) {
    it("loads the dump that RATES_DUMP names, row for row", async () => {
      const { rows } = await loadDump(client, dumpFile);
      const blocks = (await readFile(dumpFile, "utf8")).matchAll(/^COPY (\S+) .*;\n((?:(?!\\\.$).*\n)*)/gm);
      for (const [, table = "", lines = ""] of blocks) assert.equal(rows[table], lines.split("\n").length - 1, table);
      assert.ok(Object.keys(rows).length > 0);
    });
  }
});
