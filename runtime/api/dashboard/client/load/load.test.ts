import assert from "node:assert/strict";
import { fileProblem, firstLines, kindOf, MAX_FILE_BYTES } from "./files.js";

describe("a file to load", () => {
  it("has format and compression by its name", () => {
    assert.deepEqual(kindOf("a.csv"), { format: "csv", compression: "none" });
    assert.deepEqual(kindOf("A.CSV.GZ"), { format: "csv", compression: "gzip" });
    assert.deepEqual(kindOf("a.b.ndjson"), { format: "ndjson", compression: "none" });
    assert.deepEqual(kindOf("a.jsonl.gz"), { format: "ndjson", compression: "gzip" });
    assert.equal(kindOf("a.xlsx"), undefined);
  });
  it("is refused with a reason before it is uploaded", () => {
    assert.equal(fileProblem({ name: "a.csv", size: 1 }), "");
    assert.match(fileProblem({ name: "a.csv", size: 0 }), /empty/);
    assert.match(fileProblem({ name: "a.xlsx", size: 1 }), /must end in \.csv/);
    assert.equal(fileProblem({ name: "a.csv", size: MAX_FILE_BYTES }), "");
    assert.match(fileProblem({ name: "a.csv", size: MAX_FILE_BYTES + 1 }), /rates load/);
  });
  it("shows its first lines, unless it is compressed", async () => {
    const lines = (text: string, name = "a.csv") => firstLines(new File([text], name));
    assert.equal(await lines("a,b\r\n1,2\r\n"), "a,b\n1,2\n");
    assert.equal(await lines(Array.from({ length: 10 }, (_, n) => n).join("\n")), "0\n1\n2\n3\n4\n5\n…");
    assert.equal(await lines("x", "a.csv.gz"), "");
  });
});
