import assert from "node:assert/strict";
import { counted } from "./counted.ts";

describe("counted", () => {
  it("uses the singular only for 1", () => {
    assert.deepEqual(
      [0, 1, 2, 1_200].map((count) => counted(count, "row")),
      ["0 rows", "1 row", "2 rows", "1,200 rows"],
    );
  });
});
