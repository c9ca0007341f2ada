import assert from "node:assert/strict";
import { Splitter } from "./splitter.ts";

const split = (script: string) => {
  const splitter = new Splitter();
  const lines = script.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const statements = lines.flatMap((line, index) => splitter.push(line, index + 1));
  return {
    statements: statements.map(({ text, line }) => [line, text]),
    open: splitter.open,
    rest: splitter.remainder,
  };
};

describe("Splitter", () => {
  it("splits at semicolons and returns the line of each statement", () => {
    assert.deepEqual(split("select 1; select 2;\n\n  select\n  3;\n").statements, [
      [1, "select 1;"],
      [1, "select 2;"],
      [3, "select\n  3;"],
    ]);
  });

  it("does not split quoted text, even over several lines", () => {
    for (const quoted of [
      "'a;b'",
      "'it''s;'",
      "'back\\'",
      "E'quote\\';'",
      "e'\\\\'",
      '"a;""b"',
      "$$a;b'$$",
      "$tag$ $$ ; $other$ $tag$",
      "'line\n;line'",
      "$é$;$é$",
    ]) {
      assert.deepEqual(split(`select ${quoted};select 2;`).statements, [
        [1, `select ${quoted};`],
        [1 + (quoted.match(/\n/g)?.length ?? 0), "select 2;"],
      ]);
    }
  });

  it("does not treat a dollar in a name or a parameter as the beginning of dollar quotes", () => {
    assert.equal(split("select a$b$, $1;select 2;").statements.length, 2);
  });

  it("skips comments, including nested ones", () => {
    assert.deepEqual(split("-- a; 'b\n/* c; /* d; */ 'e */ select 1 -- f;\n;\n--\n").statements, [[2, "select 1 \n;"]]);
  });

  it("does not split inside parentheses", () => {
    const rule = "create rule r as on insert to t do (select 1; select 2);";
    assert.deepEqual(split(rule).statements, [[1, rule]]);
  });

  it("does not split inside the SQL body of a function or procedure", () => {
    const bodies = [
      "create function f() returns integer language sql begin atomic select 1; select 2; end;",
      "CREATE OR REPLACE PROCEDURE public.begin()\n LANGUAGE sql\n BEGIN ATOMIC\n DELETE FROM t;\nEND;",
      "create function f(a int) returns int\nbegin\natomic select (case when a > 1 then 2 end); select case a when 1 then case 2 when 3 then 4 end end; end;",
      `create function f() returns int begin atomic select "end", x.end, begin, 'end', the_end /* end */ from x; select 2; end;`,
    ];
    for (const body of bodies) {
      const line = 1 + (body.match(/\n/g)?.length ?? 0);
      assert.deepEqual(split(`${body} select 2;`).statements, [
        [1, body],
        [line, "select 2;"],
      ]);
    }
  });

  it("splits after BEGIN, CASE and END outside the body of a function", () => {
    for (const statement of ["begin;", "end;", "select case 1 when 1 then 2 end;", "create view begin as select 1;"])
      assert.deepEqual(split(`${statement}select 2;`).statements, [
        [1, statement],
        [1, "select 2;"],
      ]);
    const dollar = "create function f() returns int language plpgsql as $$begin; case; $$;";
    assert.deepEqual(split(`${dollar}select 2;`).statements.length, 2);
  });

  it("returns an unfinished statement", () => {
    assert.deepEqual(split("select 1;\nselect 'a;\n").rest, { text: "select 'a;", line: 2 });
    assert.equal(split("/* never closed").open, true);
    assert.equal(split("select 1;\n-- the end").open, false);
  });
});
