/** A kind of file that is not CSV or NDJSON in UTF-8, and how to convert it. */
export interface FileKind {
  name: string;
  remedy: string;
}

/** First bytes of each kind (from the formats' specifications), as Latin-1 text. The first match counts. */
const SIGNATURES: readonly (readonly [start: string, kind: FileKind])[] = [
  [
    "\x1f\x8b",
    { name: "a gzip file", remedy: "Send it with compression 'gzip'; if that is set, it was compressed twice." },
  ],
  [
    "\xd0\xcf\x11\xe0",
    { name: "an old spreadsheet or Office file (.xls)", remedy: "Export the sheet as CSV (UTF-8)." },
  ],
  ["\xff\xfe\0\0", { name: "a text in UTF-32", remedy: "Save it as UTF-8." }],
  ["\0\0\xfe\xff", { name: "a text in UTF-32", remedy: "Save it as UTF-8." }],
  ["\xff\xfe", { name: "a text in UTF-16", remedy: "Save it as UTF-8." }],
  ["\xfe\xff", { name: "a text in UTF-16", remedy: "Save it as UTF-8." }],
  ["%PDF-", { name: "a PDF document", remedy: "Export its rows as CSV (UTF-8)." }],
  ["PAR1", { name: "a Parquet file", remedy: "Convert it to CSV or NDJSON." }],
  ["ORC", { name: "an ORC file", remedy: "Convert it to CSV or NDJSON." }],
  ["Obj\x01", { name: "an Avro file", remedy: "Convert it to CSV or NDJSON." }],
  ["ARROW1", { name: "an Arrow file", remedy: "Convert it to CSV or NDJSON." }],
  ["SQLite format 3\0", { name: "a SQLite database", remedy: "Export the table as CSV." }],
  ["PGCOPY\n", { name: "a binary COPY file", remedy: "Export the table with COPY … TO … (FORMAT csv, HEADER)." }],
  [
    "--\n-- PostgreSQL database dump",
    { name: "a pg_dump file", remedy: "Export the table with COPY … TO … (FORMAT csv, HEADER)." },
  ],
  [
    "version https://git-lfs.github.com/",
    { name: "a pointer of Git LFS", remedy: "Fetch the file itself with `git lfs pull`." },
  ],
  ["{\\rtf", { name: "a rich text document", remedy: "Save it as plain text in UTF-8." }],
  ["Salted__", { name: "an encrypted file", remedy: "Decrypt it first." }],
  ["-----BEGIN PGP MESSAGE", { name: "an encrypted file", remedy: "Decrypt it first." }],
  ["\x1f\x9d", { name: "a file of compress (.Z)", remedy: "Unpack it, or compress it with gzip." }],
  ["\xff\x06\0\0sNaPpY", { name: "a Snappy file", remedy: "Unpack it, or compress it with gzip." }],
  ["PGDMP", { name: "a pg_dump file", remedy: "Export the table with COPY … TO … (FORMAT csv, HEADER)." }],
  ["BZh", { name: "a bzip2 file", remedy: "Unpack it, or compress it with gzip." }],
  ["\xfd7zXZ\0", { name: "an xz file", remedy: "Unpack it, or compress it with gzip." }],
  ["(\xb5/\xfd", { name: "a Zstandard file", remedy: "Unpack it, or compress it with gzip." }],
  ["\x04\x22M\x18", { name: "an LZ4 file", remedy: "Unpack it, or compress it with gzip." }],
  ["7z\xbc\xaf\x27\x1c", { name: "a 7z archive", remedy: "Unpack it and send the file in it." }],
  ["Rar!\x1a\x07", { name: "a RAR archive", remedy: "Unpack it and send the file in it." }],
];
const SPREADSHEET: FileKind = { name: "a spreadsheet (.xlsx or .ods)", remedy: "Export the sheet as CSV (UTF-8)." };
const ZIP: FileKind = { name: "a zip archive", remedy: "Unpack it and send the file in it." };
const TAR: FileKind = { name: "a tar archive", remedy: "Unpack it and send the file in it." };
const UTF16: FileKind = { name: "a text in UTF-16", remedy: "Save it as UTF-8." };
const HTML: FileKind = {
  name: "an HTML page",
  remedy: "It may be an error page or a login page: check the address.",
};
const XML: FileKind = {
  name: "an XML document",
  remedy: "It may be a server's error: check the address, or convert it.",
};

/** Byte order mark of UTF-8. */
export const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Bytes at the beginning of a file by which its kind is recognized. */
export const KIND_BYTES = 4_096;

/** Returns the kind of a file by its first bytes; undefined if it may be CSV or NDJSON. */
export function kindOf(start: Buffer): FileKind | undefined {
  const head = start.toString("latin1", 0, KIND_BYTES);
  const signature = SIGNATURES.find(([bytes]) => head.startsWith(bytes));
  if (signature) return signature[1];
  if (head.startsWith("PK\x03\x04") || head.startsWith("PK\x05\x06"))
    return /\[Content_Types\]\.xml|xl\/|opendocument\.spreadsheet/.test(head) ? SPREADSHEET : ZIP;
  if (head.startsWith("ustar", 257)) return TAR;
  if (isUtf16(start)) return UTF16;
  const text = head
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart()
    .slice(0, 20)
    .toLowerCase();
  if (/^<(!doctype html|html|head|body|table|meta|script)\b/.test(text)) return HTML;
  if (text.startsWith("<?xml") || text.startsWith("<error")) return XML;
  return undefined;
}

/** Recognizes UTF-16 without a byte order mark: in ASCII text, every other byte is zero. */
function isUtf16(start: Buffer): boolean {
  const pairs = Math.min(8, Math.floor(start.length / 2));
  if (pairs < 2) return false;
  for (const zero of [0, 1]) {
    let matching = 0;
    while (matching < pairs && start[2 * matching + zero] === 0 && start[2 * matching + 1 - zero] !== 0) matching++;
    if (matching === pairs) return true;
  }
  return false;
}
