import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import type pg from "pg";
import { migratedDatabase, type Scratch } from "../../../db/testing/database.ts";
import { loadFile, splitInto, type TestContent } from "../../testing/runner/loadFile.ts";
import { property, propertyTimeout } from "../../testing/runner/property.ts";
import { type PythonReader, pythonReader } from "../../testing/runner/pythonReader.ts";

/** Pieces of a CSV record as people, spreadsheets and faulty programs write them. */
const csvPiece = fc.constantFrom(
  "a",
  "é",
  "\u{1F6A2}",
  " ",
  '"',
  '""',
  ",",
  "\n",
  "\r\n",
  "\r",
  '"x"',
  '"a,b"',
  '"\n"',
  '"\n\\.\n"',
  '"\r\n"',
  "'",
  "\\",
  "\\.",
  "\t",
  ";",
  "\0",
  "\x01",
  "\x1a",
  "\x85",
  "\u2028",
  "\u00A0",
  "\uFEFF",
  "#",
  "NULL",
  "\\N",
);
const csvRow = fc.array(csvPiece, { maxLength: 6 }).map((pieces) => pieces.join(""));
const validText = fc.constantFrom(
  '"a"',
  '"\\u0061"',
  '"é\\n"',
  '"\\ud83d\\udea2"',
  '"}\\",{"',
  '"\\\\\\""',
  '" "',
  '"\u2028"',
);
const oddText = fc.constantFrom(
  '"a"',
  '"\\u0061"',
  '"é\\n"',
  '"\\ud83d\\udea2"',
  '"\\ud83d"',
  '"\\u0000"',
  '"\\\\"',
  '"\\\\\\""',
  '"\\/"',
  '"\x7f"',
  '"\t"',
  "'a'",
  "null",
  "NaN",
  "true",
  '""',
  "1",
  "1e400",
  "{}",
  "[",
  '"\u2028"',
  '" "',
  '"}\\",{"',
  '"\\udc00\\ud800"',
);
const jsonText = fc.oneof({ weight: 4, arbitrary: validText }, { weight: 1, arbitrary: oddText });
const lineEnd = fc.constantFrom("\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\n\r");
/** Arrival of a file: the size of its chunks and the number of its gzip members (0: not compressed). */
const arrival = fc.record({
  size: fc.constantFrom(1, 2, 3, 7, 4_096),
  members: fc.constantFrom(0, 0, 1, 2, 5),
});
type Arrival = { size: number; members: number };

describe("a file, compared with Python's readers", () => {
  let database: Scratch;
  let writer: pg.Client;
  let reader: PythonReader | undefined;
  const askPython = (request: object) => reader?.ask(request) ?? Promise.reject(new Error("Python was not started"));
  before(async function () {
    database = await migratedDatabase();
    writer = await database.connect("job_writer");
    reader = pythonReader(this, database.url);
  });
  after(async () => {
    reader?.close();
    await database?.drop();
  });

  const contentOf = (format: "csv" | "ndjson", text: string, { size, members }: Arrival): TestContent => {
    const bytes = Buffer.from(text);
    if (members === 0) return { format, chunks: splitInto(bytes, size) };
    const parts = splitInto(bytes, Math.max(1, Math.ceil(bytes.length / members)));
    return { format, chunks: splitInto(Buffer.concat(parts.map((part) => gzipSync(part))), size), gzip: true };
  };
  /** Loads regions; returns the rows of the table, or the lines of bad rows; undefined for a refused file. */
  const load = async (content: TestContent) => {
    const loaded = await loadFile(
      writer,
      "regions",
      content,
      "select slug, name, parent_slug from regions order by slug",
    );
    if ("refused" in loaded) {
      assert.match(loaded.refused.code, /^Invalid(Header|Format)$/);
      return undefined;
    }
    if ("rows" in loaded) return loaded;
    for (const { line, reason } of loaded.bad) assert(line >= 1 && reason !== "", JSON.stringify(loaded.bad));
    assert(loaded.bad.length > 0);
    return { lines: loaded.bad.map(({ line }) => line) };
  };
  /** Python's rows in the form and order of the table. */
  const tableRows = (rows: readonly (readonly [string, string, string | null | undefined])[]) =>
    rows
      .map(([slug, name, parent]) => [slug, name, parent || null])
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a ?? ""), Buffer.from(b ?? "")));

  it("of CSV is loaded as Python's csv reads it, or refused with line and reason", async function () {
    this.timeout(propertyTimeout(120_000));
    let loadedFiles = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(csvRow, lineEnd), { minLength: 1, maxLength: 4 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.constantFrom("", "\uFEFF"),
        arrival,
        async (rows, end, mark, fileArrival) => {
          const text = `slug,name,parent_slug${end}${rows.map(([name, own], at) => `r${at},${name},${own}`).join("")}`;
          const loaded = await load(contentOf("csv", mark + text, fileArrival));
          if (loaded === undefined) return;
          const [, ...read] = (await askPython({ csv: text })) as [number, [string, string, string]][];
          if ("rows" in loaded) {
            loadedFiles++;
            assert.deepEqual(loaded.rows, tableRows(read.map(([, row]) => row)));
          } else {
            const firstLines = read.map(([line]) => line);
            for (const line of loaded.lines)
              assert(
                firstLines.includes(line),
                `line ${line} of rows that begin on ${firstLines}: ${JSON.stringify(text)}`,
              );
          }
        },
      ),
      property(100),
    );
    assert(loadedFiles > 0, "no generated file was valid");
  });

  it("of NDJSON is loaded as Python's json reads it, or refused with line and reason", async function () {
    this.timeout(propertyTimeout(120_000));
    let loadedFiles = 0;
    const field = fc.tuple(fc.constantFrom('"name"', '"n\\u0061me"', '"parent_slug"', '"other"', '"Name"'), jsonText);
    const row = fc.tuple(
      fc.array(field, { maxLength: 2 }),
      jsonText,
      fc.constantFrom("", "", "", "", " ", " ", "\t", "\uFEFF", "\u00A0", "\x0b"),
      fc.constantFrom("\n", "\n", "\n", "\r\n", "\r\n", "\n\n", "\n \t\r\n", "\r", "", "\u2028"),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 3 }), arrival, async (rows, fileArrival) => {
        const lines = rows.map(([fields, name, space, end], at) => {
          const all = [
            ['"slug"', `"r${at}"`],
            ['"name"', name],
            ...fields.filter(([key]) => key !== '"name"' || at > 0),
          ];
          return `${space}{${all.map(([key, value]) => `${key}${space === " " ? " : " : ":"}${value}`).join(",")}}${end}`;
        });
        const text = lines.join("");
        const loaded = await load(contentOf("ndjson", text, fileArrival));
        if (loaded === undefined || "lines" in loaded) return;
        loadedFiles++;
        const read = (await askPython({ ndjson: text.replace(/^\uFEFF/, "") })) as [number, Record<string, string>][];
        assert.deepEqual(
          loaded.rows,
          tableRows(read.map(([, { slug = "", name = "", parent_slug }]) => [slug, name, parent_slug])),
        );
      }),
      property(100),
    );
    assert(loadedFiles > 0, "no generated file was valid");
  });
});
