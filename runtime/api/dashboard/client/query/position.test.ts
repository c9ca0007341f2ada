import assert from "node:assert/strict";
import { checkSql } from "../../../../queries/sql/parser.ts";
import { offsetOf, positionOf } from "./position.js";

describe("the position of a problem in SQL", () => {
  it("is found in a message", () => {
    assert.deepEqual(positionOf("at line 3, column 15 does not allow x"), { line: 3, column: 15 });
    assert.equal(positionOf("is too long"), undefined);
  });

  it("is converted to an offset after characters of two UTF-16 code units, on its line and on earlier lines", async () => {
    for (const sql of [
      "select * from nothing",
      "select '😀' as a, '🚢🚢' as b from nothing",
      "select '😀' as a,\n '🚢' as b, 'é'\n\n from nothing",
    ]) {
      const message = await checkSql(sql).then(String, ({ message }: Error) => message);
      const at = positionOf(message);
      assert.ok(at, message);
      assert.equal(offsetOf(sql, at), sql.indexOf("nothing"));
    }
  });
});
