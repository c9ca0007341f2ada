import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SQL_LIMITS } from "./limits.ts";
import { checkSql, SqlParser } from "./parser.ts";

const FAKE_WORKER = new URL("../../testing/sql/worker.ts", import.meta.url);

/** Texts of the maximum length that stress the grammar or the check, each in a different way. */
const LARGEST = [
  ["select 1", "+1", ""],
  ["select a", "::int", ""],
  ["select ", "not ", "true"],
  ["select ", "- ", "1"],
  ["select ", "(", ""],
  ["select ", "f(", ""],
  ["select 1", ",1", ""],
  ["select * from a", ",a", ""],
  ["select * from a", " join a on 1=1", ""],
  ["select 1", " union select 1", ""],
  ["select case", " when a then a", " end"],
  ["select array", "[", ""],
  ["select 1 where a", "\nand a", ""],
  ["select a", "[1]", ""],
  ["with a as (select 1)", ",a as(select 1)", "select 1"],
  ["select '", "é", "'"],
].map(([start = "", unit = "", end = ""]) => {
  const bytesForUnits = SQL_LIMITS.bytes - Buffer.byteLength(start + end);
  return start + unit.repeat(Math.floor(bytesForUnits / Buffer.byteLength(unit))) + end;
});

describe("the SQL parser's worker", () => {
  let parser: SqlParser;
  afterEach(() => parser?.close());

  it("refuses a statement that ends the worker, and checks the next one with a new worker", async () => {
    parser = new SqlParser({ entry: FAKE_WORKER, deadlineMs: 200 });
    for (const killer of ["throw", "hang", "exit"]) {
      const verdict = await parser.check(killer);
      assert.match(
        "problems" in verdict ? (verdict.problems[0]?.message ?? "") : "",
        /too complex to be checked/,
        killer,
      );
      assert.deepEqual(await parser.check("select 1"), { sql: "select 1" });
    }
    assert.equal(parser.startedWorkers, 4);
  });

  it("responds to pending statements when it is closed", async () => {
    parser = new SqlParser({ entry: FAKE_WORKER, deadlineMs: 200 });
    const verdicts = ["hang", "select 1", "select 2"].map((text) => parser.check(text));
    await parser.close();
    const [hanging, ...others] = await Promise.all(verdicts);
    assert.ok("refused" in (hanging ?? {}));
    assert.deepEqual(others, [{ sql: "select 1" }, { sql: "select 2" }]);
  });

  it("leaves the main thread free while a statement hangs", async () => {
    parser = new SqlParser({ entry: FAKE_WORKER, deadlineMs: 200 });
    let turns = 0;
    let isDone = false;
    const turn = () => {
      turns += 1;
      if (!isDone) setImmediate(turn);
    };
    turn();
    await parser.check("hang");
    isDone = true;
    assert.ok(turns > 100, `${turns} turns of the event loop`);
  });

  it("responds to statements that wait behind one that ends the worker", async () => {
    parser = new SqlParser({ entry: FAKE_WORKER, deadlineMs: 200 });
    const verdicts = await Promise.all(["a", "throw", "b", "hang", "c"].map((text) => parser.check(text)));
    assert.deepEqual(
      verdicts.map((verdict) => ("sql" in verdict ? verdict.sql : "refused")),
      ["a", "refused", "b", "refused", "c"],
    );
  });

  it("sends short statements together, and long ones alone", async () => {
    parser = new SqlParser({ entry: FAKE_WORKER });
    const texts = ["first", ...new Array(11).fill("count"), "count".padEnd(4_000), "count".padEnd(4_000)];
    const verdicts = await Promise.all(texts.map((text) => parser.check(text)));
    assert.deepEqual(
      verdicts.map((verdict) => "sql" in verdict && verdict.sql),
      ["first", ...new Array(10).fill("10"), "2", "2", "1"],
    );
  });

  it("replaces a worker after its maximum number of statements", async () => {
    parser = new SqlParser({ entry: FAKE_WORKER, statementsPerWorker: 2 });
    for (const text of ["a", "b", "c", "d", "e"]) assert.deepEqual(await parser.check(text), { sql: text });
    assert.equal(parser.startedWorkers, 3);
  });

  it("rejects more waiting statements than its maximum as Busy, and keeps running", async () => {
    parser = new SqlParser({ entry: FAKE_WORKER, maxWaiting: 2 });
    const results = await Promise.allSettled(["a", "b", "c", "d"].map((text) => parser.check(text)));
    assert.deepEqual(
      results.map((result) => (result.status === "rejected" ? result.reason.code : "checked")),
      ["checked", "checked", "checked", "Busy"],
    );
    assert.deepEqual(await parser.check("e"), { sql: "e" });
  });

  it("checks one statement of each tenant in turn, and limits the waiting statements of each", async () => {
    parser = new SqlParser({ entry: FAKE_WORKER, maxWaitingOfTenant: 3 });
    const order: string[] = [];
    const check = (text: string, tenant: string) =>
      parser.check(text, tenant).then(
        () => order.push(text),
        (error: { code: string }) => error.code,
      );
    const flood = ["a1", "a2", "a3", "a4", "a5"].map((text) => check(text, "a"));
    const others = [check("b1", "b"), check("b2", "b"), check("c1", "c")];
    assert.equal(await flood[4], "Busy");
    await Promise.all([...flood, ...others]);
    assert.deepEqual(order, ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
  });

  it("checks another tenant's statement between those that are checked again after their worker ended", async () => {
    parser = new SqlParser({ entry: FAKE_WORKER });
    const order: string[] = [];
    const check = async (text: string, tenant: string) => {
      const verdict = await parser.check(text, tenant);
      order.push("sql" in verdict ? verdict.sql : tenant);
    };
    const flood = Array.from({ length: 5 }, () => check("throw", "a"));
    // Once the first statement is refused, the worker has all others of the flood together.
    await flood[0];
    const other = check("b1", "b");
    await Promise.all([...flood, other]);
    assert.deepEqual(order, ["a", "b1", "a", "a", "a", "a"]);
  });

  it("fails with Internal if no worker starts", async () => {
    parser = new SqlParser({ entry: new URL("./testing/none.ts", import.meta.url) });
    await assert.rejects(parser.check("select 1"), { code: "Internal" });
  });

  it("refuses long runs of operator characters before the lexer reads them", async () => {
    parser = new SqlParser({ entry: FAKE_WORKER });
    const { operatorRun, bytes } = SQL_LIMITS;
    const fill = (unit: string) => unit.repeat(Math.floor((bytes - 20) / unit.length));
    for (const unit of ["/*", "/**/", "/*/", "*", "/", "+", "+-", "--", "=~", "<->", "@", "|", "`"]) {
      const verdict = await parser.check(`select 1 ${fill(unit)}`);
      assert.match("problems" in verdict ? (verdict.problems[0]?.message ?? "") : "", /operator characters/, unit);
    }
    assert.equal(parser.startedWorkers, 0);
    for (const banner of [`-- ${"=".repeat(operatorRun)}\nselect 1`, `/${"*".repeat(operatorRun - 2)}/ select 1`])
      assert.deepEqual(await parser.check(banner), { sql: banner });
  });

  it("keeps its worker when the grammar refuses a text as too nested", async () => {
    parser = new SqlParser();
    for (const unit of ["(", "- ", "(select ", "array[", "abs(", "row(", "cube("]) {
      const verdict = await parser.check(`select ${unit.repeat(Math.floor((SQL_LIMITS.bytes - 20) / unit.length))}`);
      assert.ok("problems" in verdict, unit);
    }
    assert.equal(parser.startedWorkers, 1);
    assert.deepEqual(await parser.check("select 1"), { sql: "select 1" });
  });

  it("survives 200 texts of the maximum length with bounded memory", async function () {
    this.timeout(120_000);
    parser = new SqlParser();
    await parser.check("select 1");
    const rss: number[] = [];
    for (let round = 0; round < 13; round += 1) {
      for (const text of LARGEST) {
        const verdict = await parser.check(text);
        assert.ok("problems" in verdict, text.slice(0, 40));
      }
      assert.deepEqual(await parser.check("select 1 as a; -- done"), { sql: "select 1 as a" });
      rss.push(process.memoryUsage.rss());
    }
    // A worker that has ended keeps its memory for a while: a leak shows in the lowest values.
    const growth = Math.min(...rss.slice(7)) - Math.min(...rss.slice(1, 7));
    assert.ok(growth < 64 * 1024 * 1024, `grew by ${growth} bytes: ${rss}`);
  });

  it("keeps its memory flat over 5,000 statements in one worker", async function () {
    this.timeout(120_000);
    parser = new SqlParser();
    const list = Array.from({ length: 500 }, (_, n) => n).join(", ");
    const rss: number[] = [];
    for (let index = 0; index < 5_000; index += 1) {
      await parser.check(index % 2 === 0 ? `select ${list}, ${index}` : `select from from ${index}`);
      if (index % 1_000 === 999) rss.push(process.memoryUsage.rss());
    }
    assert.equal(parser.startedWorkers, 1);
    const growth = (rss.at(-1) ?? 0) - (rss[0] ?? 0);
    assert.ok(growth < 48 * 1024 * 1024, `grew by ${growth} bytes: ${rss}`);
  });

  it("compiles the grammar within half the memory of the dispatcher's Lambda function", function () {
    this.timeout(120_000);
    const module = fileURLToPath(new URL("./parser.ts", import.meta.url));
    const program = `import { SqlParser } from ${JSON.stringify(module)};
      const parser = new SqlParser({ statementsPerWorker: 100_000 });
      for (let count = 0; count < 2_500; count += 1)
        await Promise.all(Array.from({ length: 10 }, () => parser.check("select 1")));
      await parser.close();
      console.log(process.resourceUsage().maxRSS);`;
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program]);
    const megabytes = Number(output.toString()) / 1024;
    assert.ok(megabytes < 256, `${megabytes} MB`);
  });

  it("does not keep its process alive", () => {
    const module = fileURLToPath(new URL("./parser.ts", import.meta.url));
    const program = `import { checkSql } from ${JSON.stringify(module)}; console.log(await checkSql("select 1;"));`;
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], { timeout: 60_000 });
    assert.equal(output.toString(), "select 1\n");
  });

  for (const [sql, name] of [
    ["show timezone", "SHOW"],
    ["explain select 1", "EXPLAIN. POST /explain"],
    ["delete from ports", "DELETE"],
    ["drop table ports", "DROP"],
    ["begin", "a transaction of its own"],
    ["alter system set work_mem = 1", "ALTER SYSTEM"],
  ] as const)
    it(`asks for one SELECT instead of ${sql}`, async () => {
      await assert.rejects(checkSql(sql), ({ message }: Error) => {
        assert.ok(message.includes(`does not allow ${name}`), message);
        assert.match(message, /Send one SELECT/);
        return true;
      });
    });

  it("reports each refused part as a problem of task.sql", async () => {
    await assert.rejects(
      checkSql("select pg_sleep(1),\n  version()"),
      (error: { code: string; details: unknown[] }) => {
        assert.equal(error.code, "InvalidSql");
        assert.deepEqual(error.details, [
          {
            field: "task.sql",
            value: "pg_sleep(1),\n  version()",
            message: 'at line 1, column 8 does not allow the function "pg_sleep".',
          },
          {
            field: "task.sql",
            value: "version()",
            message: 'at line 2, column 3 does not allow the function "version".',
          },
        ]);
        return true;
      },
    );
    await assert.rejects(checkSql("select 1; select 2"), { code: "NotOneStatement" });
  });
});
