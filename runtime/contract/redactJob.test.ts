import assert from "node:assert/strict";
import type pg from "pg";
import { accept } from "../store/jobs.ts";
import { jobDatabase, newJob } from "../testing/jobs.ts";
import { redactUrl, UNREADABLE_URL } from "./redact.ts";
import { redactedFields, redactMessage, redactSql } from "./redactJob.ts";

/** Source URLs and their redacted forms. */
const URLS: Readonly<Record<string, string>> = {
  "https://h/a.csv?sig=SECRET#x": "https://h/a.csv",
  "https://h/a;sig=SECRET": "https://h/a",
  "https://h/a=SECRET": "https://h/a",
  "https://h/a&sig=SECRET": "https://h/a",
  "https://h/a%3Fsig=SECRET": "https://h/a",
  "https://h/a%3bsig%3DSECRET": "https://h/a",
  "https://h/a%26sig%3DSECRET": "https://h/a",
  "https://h/a%23SECRET": "https://h/a",
  "https://user:SECRET@h/a.csv": "https://h/a.csv",
  "https://user:SECRET@x@h/a.csv": "https://h/a.csv",
  "https://user:SECRET/x@h/": UNREADABLE_URL,
  "https://user:1234/SECRET@h/": UNREADABLE_URL,
  "https://h/SECRET@x": "https://h/…",
  "https://h/SECRET%40x": "https://h/…",
  "https://user:SECRET@h": "https://h/",
  "https://user:SECRET@h\\p?sig=SECRET": "https://h/p",
  "https:\\\\u:SECRET@h\\p?sig=SECRET": "https://h/p",
  "https://h/a b?sig=SECRET": "https://h/a%20b",
  "https://h/\ta\nb?sig=SECRET": "https://h/ab",
  "HTTPS://H/A?sig=SECRET": "https://h/A",
  "h?SECRET": UNREADABLE_URL,
};

/** SQL texts and their redacted forms. */
const SQL: Readonly<Record<string, string>> = {
  "select 'https://h/p?sig=SECRET' as a": "select 'https://h/p…' as a",
  "select 'https://h/a b?token=SECRET', 1": "select 'https://h/a…', 1",
  "select 'it''s https://h/p?sig=SECRET' as a": "select 'it''s https://h/p…' as a",
  "select E'\\'https://h/p?sig=SECRET' as a": "select E'\\'https://h/p…' as a",
  'select 1 as "https://u:SECRET@h/p"': 'select 1 as "a URL that cannot be read…"',
  "select $$https://h/p?sig=SECRET$$ as a": "select $$https://h/p…$$ as a",
  "select $q$ 'x' https://h/p?sig=SECRET$q$ as a": "select $q$ 'x' https://h/p…$q$ as a",
  "select 1 -- https://h/p?sig=SECRET\n, 2": "select 1 -- https://h/p…\n, 2",
  "select 1 /* https://h/p?sig=SECRET */ + 1": "select 1 /* https://h/p…*/ + 1",
  "select 1 /* a /* b */ https://h/p?sig=SECRET */ + 1": "select 1 /* a /* b */ https://h/p…*/ + 1",
  "select 1 /* a /* https://h/p?sig=SECRET": "select 1 /* a /* https://h/p…*/",
  "select 'X-Amz-Signature=SECRET'": "select '…'",
  "select 'https://h/p?sig=SECRET": "select 'https://h/p…'",
};
const PLAIN_SQL = [
  "select a&b=c, d #>> '{a}', tags @> '{\"a\": 1}'::jsonb, 'ops@example.com' from t -- all; of=them",
  "select 'see https://h/p', '10:30', 'a = 1', $1$, $$ $$, \"a\"\"b\", 'it''s' from prices where x = 'y'",
  "select $$",
  "select /* open",
  "",
];

describe("a redacted job", () => {
  for (const [url, shown] of Object.entries(URLS))
    it(`shows no secret of ${JSON.stringify(url)}`, () => {
      assert.equal(redactUrl(url), shown);
      const task = { type: "update", target: "prices", source: { url }, format: "csv" };
      assert.deepEqual(redactedFields(task, {})?.task, { ...task, source: { url: shown } });
    });

  for (const [sql, shown] of Object.entries(SQL))
    it(`shows no secret of ${JSON.stringify(sql)}`, () => assert.equal(redactSql(sql), shown));

  it("shows SQL without a secret as it is", () => {
    for (const sql of PLAIN_SQL) assert.equal(redactSql(sql), sql);
  });

  it("shows no secret of labels and parameters, at any depth and in any name", () => {
    const url = "https://h/p?sig=SECRET";
    const task = { type: "read", query: "average_rates", params: { a: url, b: [1, url], c: { [url]: null } } };
    assert.deepEqual(redactedFields(task, { source: url, [url]: "x", plain: "a = 1" }), {
      task: { ...task, params: { a: "https://h/p…", b: [1, "https://h/p…"], c: { "https://h/p…": null } } },
      labels: { source: "https://h/p…", "https://h/p…": "x", plain: "a = 1" },
    });
  });

  it("has no redacted copy of fields without secrets", () => {
    const params = { date_from: "2021-01-01", orig_code: "A", list: ["a", 1, null, true] };
    assert.equal(redactedFields({ type: "read", query: "average_rates", params }, { nightly: "yes" }), null);
    assert.equal(redactedFields({ type: "read", sql: PLAIN_SQL[0] }, {}), null);
    assert.equal(redactedFields({ type: "update", target: "prices", source: { inline: 5 } }, {}), null);
    assert.equal(redactedFields({ type: "update", target: "prices", source: { s3: "s3://b/day=1/a" } }, {}), null);
  });

  it("cuts a message of Postgres before a URL or a credential", () => {
    assert.equal(
      redactMessage('invalid input syntax for type integer: "https://h/a b?x=SECRET"'),
      'invalid input syntax for type integer: "…',
    );
    assert.equal(redactMessage('no "X-Amz-Signature=SECRET"'), 'no "…');
    for (const plain of ['relation "x" does not exist', "a // b", "10:30", "value: a/b"])
      assert.equal(redactMessage(plain), plain);
  });

  it("shows invisible characters in a message of Postgres", () => {
    assert.equal(redactMessage('column "\u00a01" does not exist'), 'column "\\u00A01" does not exist');
    assert.equal(redactMessage("\u{e0020}\ufeffa\tb\r\nc"), "\\u{E0020}\\uFEFFa\tb\r\nc");
  });

  describe("in the database", () => {
    let fixture: Awaited<ReturnType<typeof jobDatabase>>;
    let dispatcher: pg.Client;
    before(async () => {
      fixture = await jobDatabase();
      dispatcher = await fixture.as("dispatcher");
    });
    after(() => fixture.close());

    /**
     * Accepts a request.
     *
     * @returns The document and the stored request of its job.
     */
    const acceptTask = async (task: object, labels: Record<string, string> = {}) => {
      await fixture.admin.query("delete from jobs.jobs");
      await accept(dispatcher, [newJob("a", { task, labels, redacted: redactedFields(task, labels) })]);
      const { rows } = await fixture.admin.query(
        "select document, jobs.stored_request(tenant, request_id) as stored from jobs.documents",
      );
      return rows[0];
    };

    for (const [url, shown] of Object.entries(URLS))
      it(`shows ${JSON.stringify(url)} redacted, and keeps the original for the run`, async () => {
        const { document, stored } = await acceptTask({ type: "update", target: "prices", source: { url } });
        assert.equal(document.task.source.url, shown);
        assert.equal(stored.task.source.url, url);
        assert.ok(!JSON.stringify(document).includes("SECRET"));
      });

    it("shows SQL and labels redacted, and keeps the originals for the run", async () => {
      const [[sql = "", shown] = []] = Object.entries(SQL);
      const label = "https://h/p?sig=SECRET";
      const { document, stored } = await acceptTask({ type: "read", sql }, { label });
      assert.deepEqual([document.task.sql, document.labels], [shown, { label: "https://h/p…" }]);
      assert.deepEqual([stored.task.sql, stored.labels], [sql, { label }]);
    });

    it("shows fields without secrets unchanged", async () => {
      const task = { type: "read", sql: "select 1" };
      const { document } = await acceptTask(task, { a: "b" });
      assert.deepEqual([document.task, document.labels], [task, { a: "b" }]);
    });
  });
});
