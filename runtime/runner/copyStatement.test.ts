import assert from "node:assert/strict";
import { copyStatement } from "./copyStatement.ts";

describe("the statement that streams a result as JSON", () => {
  for (const [sql, alias] of [
    ["select 1 as n", "row_0"],
    ['select 1 as row_0, 2 as "row_1", 3 as ROW_2, 4 as row_4', "row_3"],
  ] as const)
    it(`has a row alias that does not occur in the caller's SQL, and the same alias for the same SQL: ${sql}`, () => {
      for (const format of ["json", "ndjson"] as const) {
        const statement = copyStatement([], sql, format);
        assert.ok(statement.includes(`row_to_json(${alias})`), statement);
        assert.ok(statement.includes(`from (${sql}\n) ${alias})`), statement);
      }
    });
});
