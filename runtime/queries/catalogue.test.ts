import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JobError } from "../contract/errors.ts";
import {
  bindParams,
  checkParams,
  describeQuery,
  findQuery,
  findStatement,
  loadCatalogue,
  type NamedQuery,
} from "./catalogue.ts";
import { parseQueryFile } from "./file.ts";

const HEADER = "-- name: q\n-- description: A query.\n";
const COLUMN = '-- column: a integer "a column"\n';

/** Parses a file called q.sql and formats its problems as "line: problem". */
function parse(text: string, kind: "query" | "statement" = "query") {
  const problems: string[] = [];
  return { query: parseQueryFile(kind, "q", text, (line, problem) => problems.push(`${line}: ${problem}`)), problems };
}

function valid(text: string): NamedQuery {
  const { query, problems } = parse(text);
  assert.deepEqual(problems, []);
  return query;
}

describe("a query file", () => {
  it("describes its query", () => {
    const query = valid(
      `${HEADER}-- param: from date "first day"\n-- param: to date "last day"\n-- param: most integer = 10 "at most"\n-- range: from to\n${COLUMN}\nselect 1 as a where :from < :to limit :most;\n`,
    );
    assert.deepEqual(describeQuery(query), {
      kind: "query",
      name: "q",
      description: "A query.",
      params: [
        { name: "from", type: "date", description: "first day", required: true, default: null },
        { name: "to", type: "date", description: "last day", required: true, default: null },
        { name: "most", type: "integer", description: "at most", required: false, default: 10 },
      ],
      ranges: [{ from: "from", to: "to" }],
      columns: [{ name: "a", type: "integer", description: "a column" }],
    });
  });

  it("must name two declared parameters of one ordered type in a range", () => {
    const params = '-- param: a date "a"\n-- param: b text "b"\n-- param: c text "c"\n';
    for (const [range, problem] of [
      ["a", /two parameters declared before it/],
      ["a z", /two parameters declared before it/],
      ["a a", /two parameters declared before it/],
      ["a b", /two parameters of one type/],
      ["b c", /date, integer, number/],
    ] as const) {
      const { problems } = parse(`${HEADER}${params}-- range: ${range}\n${COLUMN}\nselect :a, :b, :c`);
      assert.match(problems.join(), problem);
    }
  });

  it("reports all problems at once, each with its line", () => {
    const { problems } = parse(
      `-- name: other\n-- descriptoin: A query.\n-- param: a date\n-- param: b datum "b"\n-- param: c integer = 1.5 "c"\n-- param: d text "d"\n-- param: d text "d"\n-- column: a\n\nselect 1; -- one\nselect\n :e`,
    );
    assert.deepEqual(
      problems.map((problem) => Number.parseInt(problem, 10)),
      [2, 3, 4, 5, 7, 8, 1, 1, 1, 10, 12, 1],
    );
    for (const part of [
      "'datum' is not a parameter type",
      "1.5 must be a whole number",
      "'-- name: q' is missing",
      "':e' is not a declared parameter",
      "does not use parameter 'd'",
    ]) {
      assert.ok(
        problems.some((problem) => problem.includes(part)),
        part,
      );
    }
  });

  it("must have SQL, and no columns if it is a statement", () => {
    assert.deepEqual(parse(`${HEADER}${COLUMN}`, "statement").problems, [
      "1: a statement has no columns",
      "4: there is no SQL",
    ]);
  });

  it("has no placeholders in strings, comments and casts", () => {
    const sql = `select ':x', E'\\':x', ":x", $$:x$$, $t$ $$:x $t$, 1::text -- :x\n, :x /* :x */ , :x;  -- the end`;
    const query = valid(`${HEADER}-- param: x integer "x"\n${COLUMN}${sql}`);
    assert.equal(
      bindParams(query, { x: 5 }),
      `select ':x', E'\\':x', ":x", $$:x$$, $t$ $$:x $t$, 1::text  \n, '5'::integer   , '5'::integer`,
    );
  });
});

describe("the catalog", () => {
  it("contains the shipped queries", () => {
    for (const name of ["average_rates", "price_history", "lane_coverage", "price_export"])
      assert.equal(findQuery(name)?.kind, "query", name);
    assert.equal(findStatement("purge_prices")?.kind, "statement");
    assert.equal(findQuery("purge_prices"), undefined);
    assert.equal(findQuery("constructor"), undefined);
  });

  it("is refused with all problems of all files", async () => {
    const directory = await mkdtemp(join(tmpdir(), "rates-queries-"));
    try {
      await Promise.all(["queries", "statements"].map((folder) => mkdir(join(directory, folder))));
      await writeFile(join(directory, "queries", "q.sql"), `${HEADER}${COLUMN}select :nothing`);
      await writeFile(join(directory, "statements", "s.sql"), "-- name: s\ndelete from t");
      assert.throws(
        () => loadCatalogue(directory),
        (error: Error) => {
          assert.match(error.message, /queries\/q\.sql, line 4: ':nothing' is not a declared parameter/);
          assert.match(error.message, /statements\/s\.sql, line 1: '-- description: …' is missing/);
          return true;
        },
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("the params of a query", () => {
  const types = ["text", "date", "integer", "number", "boolean", "text[]"];
  const queryOfAllTypes = valid(
    `${HEADER}${types.map((type, index) => `-- param: p${index} ${type} = null "p"\n`).join("")}-- param: needed text "what is needed"\n${COLUMN}select ${types.map((_, index) => `:p${index}`).join()}, :needed`,
  );
  const problemsOf = (params: Record<string, unknown>) => [...checkParams(queryOfAllTypes, { needed: "x", ...params })];

  const validValues: Record<string, unknown[]> = {
    text: ["", "it's", "\\", "Ålesund", "💶", null],
    date: ["2021-01-31", "2020-02-29", "0001-01-01", "9999-12-31"],
    integer: [0, -2147483648, 2147483647],
    number: [0, -1.5, 1e300],
    boolean: [true, false],
    "text[]": [[], ["a", "b'"]],
  };
  const invalidValues: Record<string, unknown[]> = {
    text: [1, true, ["a"], {}, "a\0b", "\ud800"],
    date: [
      "2021-02-29",
      "2021-2-1",
      "2021-13-01",
      "2021-04-31",
      "0000-01-01",
      "20210101",
      "infinity",
      "2021-01-01T00:00:00Z",
      "2021-01-01 ",
      20210101,
      "'; drop table",
    ],
    integer: [1.5, 2147483648, -2147483649, "1", Number.NaN, true],
    number: ["1", Number.POSITIVE_INFINITY, Number.NaN],
    boolean: ["true", 0],
    "text[]": ["a", [1], ["a\0"], [null]],
  };
  for (const [index, type] of types.entries()) {
    it(`of type ${type} accept only values of that type`, () => {
      for (const value of validValues[type] ?? [])
        assert.deepEqual(problemsOf({ [`p${index}`]: value }), [], String(value));
      for (const value of invalidValues[type] ?? []) {
        const [problem, ...others] = problemsOf({ [`p${index}`]: value });
        assert.equal(problem?.field, `task.params.p${index}`, String(value));
        assert.match(problem.message, /^must be /);
        assert.deepEqual(others, []);
      }
    });
  }

  it("report all problems at once, with the value and the nearest name", () => {
    const problems = [...checkParams(queryOfAllTypes, { p1: "2021-02-30", p2: "7", neded: "x" })];
    assert.deepEqual(problems, [
      { field: "task.params.p1", value: "2021-02-30", message: "must be a valid date (YYYY-MM-DD)." },
      { field: "task.params.p2", value: "7", message: "must be a whole number from -2147483648 to 2147483647." },
      { field: "task.params.needed", message: "is missing: what is needed." },
      { field: "task.params.neded", value: "x", message: "is not a parameter of q. Did you mean 'needed'?" },
    ]);
  });

  it("leave values that Postgres cannot store out of problems", () => {
    assert.ok(!("value" in (problemsOf({ p1: "a\0" })[0] ?? {})));
  });

  it("are null only if their default is null", () => {
    const query = valid(`${HEADER}-- param: most integer = 10 "most"\n${COLUMN}select :most`);
    assert.equal(checkParams(query, { most: null }).length, 1);
    assert.equal(bindParams(query, {}), "select '10'::integer");
  });

  it("become typed literals that cannot leave their quotes", () => {
    const sql = bindParams(queryOfAllTypes, {
      p0: "'; drop table t; --",
      p1: "2021-01-01",
      p2: -3,
      p3: 1.5,
      p4: true,
      p5: ["a'", "b"],
      needed: "\\'",
    });
    assert.equal(
      sql,
      "select '''; drop table t; --'::text,'2021-01-01'::date,'-3'::integer,'1.5'::double precision,'true'::boolean,array['a''', 'b']::text[],  E'\\\\'''::text",
    );
    assert.match(bindParams(queryOfAllTypes, { needed: "x" }), /^select null::text,null::date/);
  });

  it("are checked again when they are bound", () => {
    const refused = (error: unknown) =>
      error instanceof JobError && error.code === "InvalidRequest" && error.details.length === 1;
    assert.throws(() => bindParams(queryOfAllTypes, { needed: 1 }), refused);
  });
});
