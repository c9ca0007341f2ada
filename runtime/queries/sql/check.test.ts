import assert from "node:assert/strict";
import type pg from "pg";
import { fixtureDatabase, type Scratch } from "../../../db/testing/database.ts";
import { ALLOWED } from "../../testing/sql/allowed.ts";
import { REFUSED } from "../../testing/sql/refused.ts";
import { HARMLESS_NAMES, OPERATORS, RELATIONS, TYPES } from "./allowList.ts";
import { CALLABLE_NAMES } from "./functionNames.ts";
import { FUNCTIONS, PLATFORM_FUNCTIONS } from "./functions.ts";
import { SqlParser } from "./parser.ts";

/** Returns the test name of a statement, shortened. */
const testName = (sql: string) => (sql.length > 100 ? `${sql.slice(0, 100)}… (${sql.length})` : sql);

describe("the check of caller-supplied SQL", () => {
  const parser = new SqlParser();
  let database: Scratch;
  let reader: pg.Client;
  let admin: pg.Client;
  before(async () => {
    database = await fixtureDatabase();
    reader = await database.connect("job_reader");
    admin = await database.connect();
  });
  after(async () => {
    await parser.close();
    await database.drop();
  });

  it("is tested with at least 150 allowed and 150 refused statements", () => {
    assert.ok(Object.values(ALLOWED).flat().length >= 150);
    assert.ok(Object.values(REFUSED).flatMap(({ statements }) => statements).length >= 150);
  });

  for (const [kind, statements] of Object.entries(ALLOWED))
    describe(`allows ${kind}`, () => {
      for (const statement of statements)
        it(testName(statement), async () => {
          const verdict = await parser.check(statement);
          assert.ok("sql" in verdict, JSON.stringify(verdict));
          // The Glue runner wraps the statement this way.
          await reader.query(`select * from (${verdict.sql}\n) described limit 0`);
          await reader.query(verdict.sql);
          await reader.query({ text: `explain (format json) ${verdict.sql}`, queryMode: "extended" } as pg.QueryConfig);
        });
    });

  for (const [kind, { message, statements }] of Object.entries(REFUSED))
    describe(`refuses ${kind}`, () => {
      for (const statement of statements)
        it(testName(statement), async () => {
          const verdict = await parser.check(statement);
          assert.ok("problems" in verdict, JSON.stringify(verdict));
          assert.match(verdict.problems.map((problem) => problem.message).join("\n"), message);
        });
    });

  it("names every refused part with its line, column and text", async () => {
    const verdict = await parser.check("select 'é', pg_sleep(1)\n  from jobs.tokens");
    assert.ok("problems" in verdict);
    assert.deepEqual(
      verdict.problems.map(({ position, value }) => [position, value]),
      [
        [{ line: 1, column: 13 }, "pg_sleep(1)\n  from jobs.tokens"],
        [{ line: 2, column: 8 }, "jobs.tokens"],
      ],
    );
  });

  it("returns the statement without its semicolon and the text after it", async () => {
    for (const [text, sql] of [
      ["select 'é;' as a ; -- done", "select 'é;' as a"],
      ["\n-- first\nselect 1;;", "select 1"],
      ["select 1 -- last", "select 1 -- last"],
      ["select $x$;$x$;/* ; */", "select $x$;$x$"],
    ])
      assert.deepEqual(await parser.check(text ?? ""), { sql });
  });

  it("lists at most 20 problems", async () => {
    const verdict = await parser.check(`select ${Array.from({ length: 50 }, () => "version()").join(", ")}`);
    assert.ok("problems" in verdict && verdict.furtherProblems);
    assert.equal(verdict.problems.length, 20);
  });

  it("knows every name that value.name can call on this server", async () => {
    const { rows } = await admin.query<{ name: string }>(`
      select proname as name from pg_proc
      where pg_function_is_visible(oid) and pronargs >= 1 and pronargs - pronargdefaults <= 1 and prokind <> 'p'
      union
      select typname from pg_type where typtype <> 'c' and pg_type_is_visible(oid) and typelem = 0`);
    assert.deepEqual(
      rows.map(({ name }) => name).filter((name) => !CALLABLE_NAMES.has(name)),
      [],
    );
  });

  it("allows only existing names, in their schema", async () => {
    const missing = async (names: Iterable<string>, sql: string) => {
      const known = new Set((await admin.query<{ name: string }>(sql)).rows.map(({ name }) => name));
      return [...names].filter((name) => !known.has(name));
    };
    const functions = [...FUNCTIONS.keys()].filter((name) => !PLATFORM_FUNCTIONS.has(name));
    const inCatalog = "= 'pg_catalog'::regnamespace";
    assert.deepEqual(
      await missing(functions, `select proname as name from pg_proc where pronamespace ${inCatalog}`),
      [],
    );
    assert.deepEqual(
      await missing(
        PLATFORM_FUNCTIONS,
        "select proname as name from pg_proc where pronamespace = 'public'::regnamespace",
      ),
      [],
    );
    // The grammar turns != into <>.
    assert.deepEqual(await missing(OPERATORS, "select oprname as name from pg_operator union select '!='"), []);
    assert.deepEqual(await missing(TYPES, `select typname as name from pg_type where typnamespace ${inCatalog}`), []);
  });

  it("never counts too few columns or tables of a relation", async () => {
    for (const [schema, relations] of RELATIONS)
      for (const [name, { columns, tables }] of relations) {
        const { rows } = await admin.query<{ columns: number; tables: number }>(
          `select (select count(*)::int from pg_attribute where attrelid = $1::regclass and attnum > 0) as columns,
             regexp_count(coalesce(pg_get_viewdef($1::regclass), ''), '(from|join)\\s+\\(*\\w', 1, 'i') as tables`,
          [`${schema}.${name}`],
        );
        assert.ok(rows[0] && columns >= rows[0].columns, `${schema}.${name} has ${rows[0]?.columns} columns`);
        assert.ok(rows[0] && tables >= rows[0].tables, `${schema}.${name} reads ${rows[0]?.tables} tables`);
      }
  });

  it("exempts only immutable functions from the refusal of value.name", async () => {
    const { rows } = await admin.query(
      "select proname from pg_proc where proname = any ($1) and pronargs = 1 and provolatile <> 'i'",
      [[...HARMLESS_NAMES]],
    );
    assert.deepEqual(rows, []);
  });
});
