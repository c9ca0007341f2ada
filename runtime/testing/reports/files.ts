import { gzipSync } from "node:zlib";
import type { Report } from "./report.ts";

const REGIONS = "slug,name,parent_slug";
const PRICES = "orig_code,dest_code,day,price";
const price = (value: string | number) => `AAAAA,BBBBB,2021-01-01,${value}`;
const PRICE_5 = ["AAAAA", "BBBBB", "2021-01-01", 5];
const bytes = (...texts: (string | Buffer)[]) => texts.map((text) => Buffer.from(text));

/** Reports about files: CSV readers, loaders and gzip. */
export const FILES: readonly Report[] = [
  {
    url: "https://github.com/citusdata/citus/issues/8401",
    reported: "COPY treats a line \\. in a CSV as the end of the data and loses the rest.",
    behaviour:
      "Within quotes, or as one of several fields of a line, \\. is data. Alone on a line and without quotes, it is reported as a malformed row.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\nr1,"a\n\\.\nb",\nr2,\\.,\n`,
      rows: [
        ["r1", "a\n\\.\nb", null],
        ["r2", "\\.", null],
      ],
    },
  },
  {
    url: "https://github.com/brianc/node-pg-copy-streams/issues/153",
    reported: "A stray quote merges all rows up to the next quote into one field, without an error.",
    behaviour: "A quote inside an unquoted field, or one that is not closed, is reported as an error of its line.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\nr1,6" pipe,\nr2,b,\nr3,"open,\nr4,d,\n`,
      faults: [
        '2 null r1,6" pipe, has a quote inside an unquoted field: put the whole field in quotes, and write a quote in it twice',
        '4 null r3,"open,\\u000Ar4,d,\\u000A leaves a quote open',
      ],
    },
  },
  {
    url: "https://github.com/brianc/node-postgres/issues/463",
    reported:
      'At a record that begins with "", COPY fails with "unterminated CSV quoted field" and gives only a line number.',
    behaviour: "Each such line is listed with its beginning and the correction.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\n""24.157.32.0","24.157.63.255","412950"\nr2,b,\n`,
      faults: [
        '2 null ""24.157.32.0","24.157.63.255","412950" has a quote inside an unquoted field: put the whole field in quotes, and write a quote in it twice',
      ],
    },
  },
  {
    url: "https://github.com/duckdb/duckdb/issues/14177",
    reported: "Valid records next to erroneous line breaks are deleted.",
    behaviour: "The batch is refused, and exactly the broken lines are listed; nothing is loaded.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\nr1,a,\nr2,\nb,\nr3,c,\n`,
      faults: ["3 null r2, has 2 fields instead of 3", "4 null b, has 2 fields instead of 3"],
    },
  },
  {
    url: "https://github.com/duckdb/duckdb/issues/16760",
    reported: "A header with a line break cannot be read.",
    behaviour: "The header is refused, and the message names the column and the character.",
    verdict: "right",
    trial: {
      target: "regions",
      content: 'slug,name,"parent\nslug"\nr1,a,\n',
      refused: "InvalidHeader",
      message: /'parent\\u000Aslug' is not a column: it has a character that cannot be seen/,
    },
  },
  {
    url: "https://github.com/mholt/PapaParse/issues/252",
    reported: "A CR in a quoted header is treated as a line end.",
    behaviour: "The header is refused, and the message names the column and the character.",
    verdict: "right",
    trial: {
      target: "regions",
      content: 'slug,"na\rme",parent_slug\nr1,a,\n',
      refused: "InvalidHeader",
      message: /'na\\u000Dme' is not a column/,
    },
  },
  {
    url: "https://github.com/duckdb/duckdb/issues/7706",
    reported: "A quoted field that ends with a line break cannot be read.",
    behaviour: "It is read unchanged.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\nr1,"value of forex = 1\n",\n`,
      rows: [["r1", "value of forex = 1\n", null]],
    },
  },
  {
    url: "https://github.com/duckdb/duckdb/issues/1501",
    reported: 'A row ""A"" makes others disappear.',
    behaviour: "It is reported as an error of its line.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\nr1,a,\nr2,""A"",\n`,
      faults: [
        '3 null r2,""A"", has a quote inside an unquoted field: put the whole field in quotes, and write a quote in it twice',
      ],
    },
  },
  {
    url: "https://github.com/duckdb/duckdb/issues/11838",
    reported: "Quotes are not recognized if the sample at the beginning has none.",
    behaviour: "The format is fixed; nothing is guessed from a sample.",
    verdict: "right",
    trial: {
      target: "prices",
      content: `${PRICES}\n${`${price(5)}\n`.repeat(20_479)}"AAAAA","BBBBB","2021-01-01","5"\n`,
      rows: Array.from({ length: 20_480 }, () => PRICE_5),
    },
  },
  {
    url: "https://github.com/duckdb/duckdb/issues/780",
    reported: "Rows of a gzip file are lost without an error.",
    behaviour: "All gzip members are read to the end, and the rows that COPY loaded are counted.",
    verdict: "right",
    trial: {
      target: "prices",
      content: bytes(gzipSync(`${PRICES}\n${`${price(5)}\n`.repeat(30_000)}`), gzipSync(`${price(5)}\n`.repeat(1_000))),
      gzip: true,
      rows: Array.from({ length: 31_000 }, () => PRICE_5),
    },
  },
  {
    url: "https://github.com/duckdb/duckdb/issues/11152",
    reported: "A JSON row with a repeated key stops a load that should ignore errors.",
    behaviour: "It is listed with its line and key, like all other bad rows.",
    verdict: "right",
    trial: {
      target: "regions",
      format: "ndjson",
      content: '{"slug":"r1","name":"a","name":"b"}\n{"errorsToo","notparsing"}\n',
      faults: [
        '1 name "b" is given more than once',
        '2 null {"errorsToo","notparsing"} is not JSON: one object per line',
      ],
    },
  },
  {
    url: "https://github.com/duckdb/duckdb/issues/5013",
    reported: "A NUL byte is reported as invalid UTF-8, between lines 0 and 15.",
    behaviour: "It is reported as a NUL byte, with its line.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\nr1,a,\nr2,ye\0ar,\n`,
      faults: ["3 null r2,ye\\u0000ar, contains a NUL byte"],
    },
  },
  {
    url: "https://github.com/simonw/sqlite-utils/issues/582",
    reported: "A NUL byte ends the import with an exception of the CSV module.",
    behaviour: "It is reported as an error of its line, with the other errors.",
    verdict: "right",
    trial: {
      target: "prices",
      content: `${PRICES}\n${price("5\0")}\n`,
      faults: ["2 null AAAAA,BBBBB,2021-01-01,5\\u0000 contains a NUL byte"],
    },
  },
  {
    url: "https://github.com/dimitri/pgloader/issues/219",
    reported: "Bytes that are not UTF-8 end the load, or are dropped with their row.",
    behaviour: "Their line is reported; the bytes are shown as U+FFFD.",
    verdict: "right",
    trial: {
      target: "regions",
      content: bytes(`${REGIONS}\nr1,caf`, Buffer.from([0xe9]), ",\n"),
      faults: ["2 null r1,caf\uFFFD, is not valid UTF-8; it may be Latin-1 or Windows-1252. Save the file as UTF-8"],
    },
  },
  {
    url: "https://github.com/mholt/PapaParse/issues/99",
    reported: 'A space before a quote ("a", "b") merges fields without an error.',
    behaviour: "It is reported as an error of its line.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\n"r1", "b", "c"\n`,
      faults: [
        '2 null "r1", "b", "c" has a quote inside an unquoted field: put the whole field in quotes, and write a quote in it twice',
      ],
    },
  },
  {
    url: "https://github.com/mholt/PapaParse/issues/457",
    reported: "With CRLF between rows and LF within fields, the whole file is one row.",
    behaviour: "Both end a line, in any mix; a BOM is removed.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `\uFEFF${REGIONS}\r\nr1,"Line ""with quoted"" text\n\nFoo",\r\nr2,b,`,
      rows: [
        ["r1", 'Line "with quoted" text\n\nFoo', null],
        ["r2", "b", null],
      ],
    },
  },
  {
    url: "https://github.com/mholt/PapaParse/issues/344",
    reported: "With LF between rows and CRLF within fields, rows are split.",
    behaviour: "A line break in quotes is part of the value, unchanged.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\nr1,"multi line\r\ntext",\nr2,b,\n`,
      rows: [
        ["r1", "multi line\r\ntext", null],
        ["r2", "b", null],
      ],
    },
  },
  {
    url: "https://github.com/mholt/PapaParse/issues/1103",
    reported: "A chunk that ends between CR and LF, after a quote, is an error.",
    behaviour: "The result does not depend on where chunks end.",
    verdict: "right",
    trial: {
      target: "regions",
      content: bytes(`${REGIONS}\r\nr1,"FOO",""\r`, "\n", 'r2,"x"', '"y",\r\n'),
      rows: [
        ["r1", "FOO", null],
        ["r2", 'x"y', null],
      ],
    },
  },
  {
    url: "https://github.com/adaltas/node-csv-parse/issues/236",
    reported: "A BOM before a quoted header is 'Invalid opening quote'.",
    behaviour: "It is removed.",
    verdict: "right",
    trial: {
      target: "regions",
      content: '\uFEFF"slug","name","parent_slug"\n"r1","Kistner",""\n',
      rows: [["r1", "Kistner", null]],
    },
  },
  {
    url: "https://github.com/adaltas/node-csv-parse/issues/246",
    reported: "A BOM that arrives in three chunks crashes the reader.",
    behaviour: "A BOM is recognized once enough of the file has arrived.",
    verdict: "right",
    trial: {
      target: "regions",
      content: bytes(Buffer.from([0xef]), Buffer.from([0xbb]), Buffer.from([0xbf]), `${REGIONS}\nr1,a,\n`),
      rows: [["r1", "a", null]],
    },
  },
  {
    url: "https://github.com/adaltas/node-csv/pull/350",
    reported: "A UTF-16 file is read as wrong characters.",
    behaviour: "It is refused as UTF-16.",
    verdict: "right",
    trial: {
      target: "regions",
      content: [Buffer.from(`\uFEFF${REGIONS}\nr1,a,\n`, "utf16le")],
      refused: "InvalidHeader",
      message: /UTF-16[.] Save it as UTF-8/,
    },
  },
  {
    url: "https://github.com/adaltas/node-csv-parse/issues/36",
    reported: "A space after a closing quote is an error without a cause, or the quotes stay in the value.",
    behaviour: "The space is part of the value, as in other readers; in a code it is reported.",
    verdict: "right",
    trial: {
      target: "prices",
      content: `${PRICES}\nAAAAA,"BBBBB" ,2021-01-01,5\n`,
      faults: ["2 dest_code BBBBB  is not the code of a known port: it has a space or an invisible character"],
    },
  },
  {
    url: "https://github.com/adaltas/node-csv-parse/issues/308",
    reported: "A line with only a tab is sometimes a row and sometimes ignored.",
    behaviour: "Only empty lines are ignored.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\n\t\nr1,a,\n\n`,
      faults: ["2 null \\u0009 has 1 field instead of 3"],
    },
  },
  {
    url: "https://github.com/adaltas/node-csv-parse/issues/122",
    reported: "Empty lines at the end create an empty record.",
    behaviour: "They are ignored.",
    verdict: "right",
    trial: { target: "prices", content: `${PRICES}\n${price(5)}\n\n\n`, rows: [PRICE_5] },
  },
  {
    url: "https://github.com/adaltas/node-csv/issues/275",
    reported: "Rows with only separators are accepted, and disappear.",
    behaviour: "Each is reported as an error of its line.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\n,,,,,\n,,\n`,
      faults: ["2 null ,,,,, has 6 fields instead of 3", "3 name null is missing", "3 slug null is missing"],
    },
  },
  {
    url: "https://github.com/dimitri/pgloader/issues/26",
    reported: "A value that ends with a backslash escapes the quote after it.",
    behaviour: "A backslash is an ordinary character.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\nr1,"C:\\some\\path\\",\n`,
      rows: [["r1", "C:\\some\\path\\", null]],
    },
  },
  {
    url: "https://github.com/dimitri/pgloader/issues/217",
    reported: "Markers of NULL (\\N, NULL) are read as text, or texts as NULL.",
    behaviour: "Only an empty field is NULL; a marker is text, and refused if the text is not valid.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\nr1,NULL,\\N\n`,
      faults: ["2 parent_slug \\N is not the slug of a known region, nor of one in this batch"],
    },
  },
  {
    url: "https://github.com/python/cpython/issues/142188",
    reported: "With CR as the line end, the whole file is one line.",
    behaviour: "CR alone ends a line.",
    verdict: "right",
    trial: {
      target: "regions",
      content: `${REGIONS}\rr1,a,\rr2,b,\n`,
      rows: [
        ["r1", "a", null],
        ["r2", "b", null],
      ],
    },
  },
  {
    url: "https://github.com/teableio/teable/issues/1828",
    reported: "Leading zeros of a code are lost.",
    behaviour: "A code is text.",
    verdict: "right",
    trial: { target: "ports", content: "code,name,parent_slug\n00123,A,north\n", rows: [["00123", "A"]] },
  },
  {
    url: "https://github.com/sqlitebrowser/sqlitebrowser/issues/160",
    reported: "A code of digits and an E becomes a number with an exponent.",
    behaviour: "A code is text.",
    verdict: "right",
    trial: { target: "ports", content: "code,name,parent_slug\n314E59,A,north\n", rows: [["314E59", "A"]] },
  },
  {
    url: "https://github.com/proompteng/bilig/issues/28",
    reported: "A number with leading zeros is converted silently.",
    behaviour: "A price is checked as text: 007 is refused, 1.5e3 is 1500.",
    verdict: "right",
    trial: {
      target: "prices",
      content: `${PRICES}\n${price("007")}\n${price("1.5e3")}\n`,
      faults: ["2 price 007 must be a whole number above 0, written in digits"],
    },
  },
  {
    url: "https://github.com/PostgREST/postgrest/issues/287",
    reported: "Spaces after the commas are a syntax error of the database.",
    behaviour: "In the header they are ignored; in a value they are reported with the column and the reason.",
    verdict: "right",
    trial: {
      target: "prices",
      content: "orig_code, dest_code, day, price\nAAAAA, BBBBB,2021-01-01,5\n",
      faults: ["2 dest_code  BBBBB is not the code of a known port: it has a space or an invisible character"],
    },
  },
  {
    url: "https://github.com/googleapis/nodejs-bigquery/issues/329",
    reported: "A load reports an error, but has loaded the other rows.",
    behaviour: "A batch is loaded completely or not at all.",
    verdict: "right",
    trial: {
      target: "prices",
      content: `${PRICES}\n${price(5)}\n${price("x")}\n`,
      faults: ["3 price x must be a whole number above 0, written in digits"],
    },
  },
  {
    url: "https://github.com/nodejs/node/issues/4306",
    reported: "Only the first of several concatenated gzip members is read.",
    behaviour: "All members are read.",
    verdict: "right",
    trial: {
      target: "regions",
      content: bytes(gzipSync(`${REGIONS}\nr1,a,\n`), gzipSync("r2,b,\n")),
      gzip: true,
      rows: [
        ["r1", "a", null],
        ["r2", "b", null],
      ],
    },
  },
  {
    url: "https://github.com/nodejs/node/issues/2043",
    reported: "A truncated gzip file is read without an error.",
    behaviour: "It is refused, and nothing is loaded.",
    verdict: "right",
    trial: {
      target: "regions",
      content: [gzipSync(`${REGIONS}\nr1,a,\n`).subarray(0, -9)],
      gzip: true,
      refused: "InvalidCompression",
      message: /unexpected end of file/,
    },
  },
  {
    url: "https://github.com/nodejs/node/issues/7502",
    reported: "Data after a gzip member is an error, or ignored.",
    behaviour: "Zeros are ignored, as in gzip; other data is refused.",
    verdict: "right",
    trial: {
      target: "regions",
      content: bytes(gzipSync(`${REGIONS}\nr1,a,\n`), "\n \n\n"),
      gzip: true,
      refused: "InvalidCompression",
      message: /gzip/,
    },
  },
  {
    url: "https://github.com/PowerShell/PowerShell/issues/7776",
    reported: "A first line `sep=,`, written for spreadsheet programs, is treated as the header.",
    behaviour:
      "It is refused as a line for spreadsheet programs. Before the fix, its columns were listed as unknown and missing.",
    verdict: "fixed",
    trial: {
      target: "prices",
      content: `sep=,\n${PRICES}\n${price(1)}\n`,
      refused: "InvalidHeader",
      message: /line 1 \(sep=,\) is meant for a spreadsheet program\. Remove it/,
    },
  },
  {
    url: "https://github.com/chilli-axe/mpc-autofill/issues/7",
    reported: "The error for a file without a header does not name the cause.",
    behaviour:
      "The message says that line 1 names no column. Before the fix, each value was listed as an unknown column.",
    verdict: "fixed",
    trial: {
      target: "prices",
      content: `${price(1)}\n${price(2)}\n`,
      refused: "InvalidHeader",
      message: /line 1 \(AAAAA,BBBBB,2021-01-01,1\) names no column; the header may be missing/,
    },
  },
  {
    url: "https://github.com/reflex-dev/reflex/pull/7238",
    reported: "An empty file is refused because of wrong columns.",
    behaviour: "It is refused as empty.",
    verdict: "fixed",
    trial: { target: "prices", content: "", refused: "InvalidHeader", message: /the file is empty/ },
  },
  {
    url: "https://github.com/digitalfabrik/lunes-cms/pull/954",
    reported: "A file in another encoding is refused with the decoder's own message.",
    behaviour: "The message names the encoding, also for the header. Before the fix, it reported an unknown column.",
    verdict: "fixed",
    trial: {
      target: "regions",
      content: bytes(Buffer.from("slug,name,parent_slug\xe9\n", "latin1")),
      refused: "InvalidHeader",
      message: /line 1 .* is not valid UTF-8; it may be Latin-1/,
    },
  },
  {
    url: "https://github.com/parsecsv/parsecsv-for-php/issues/70",
    reported: "A spreadsheet puts each whole line in quotes, and the line is read as one column.",
    behaviour: "The line is listed with this cause.",
    verdict: "fixed",
    trial: {
      target: "regions",
      content: `${REGIONS}\n"r1,a,"\n`,
      faults: ['2 null "r1,a," has 1 field instead of 3: the whole line is in quotes'],
    },
  },
  {
    url: "https://github.com/fsprojects/FSharp.Data/issues/688",
    reported: "A separator at the end of the header creates a column without a name.",
    behaviour: "The message names the cause: a comma begins or ends the line.",
    verdict: "fixed",
    trial: {
      target: "regions",
      content: `${REGIONS},\nr1,a,\n`,
      refused: "InvalidHeader",
      message: /'' is not a name: a comma begins or ends the line/,
    },
  },
  {
    url: "https://github.com/dataculturegroup/DataBasic/issues/176",
    reported: "A spreadsheet ends each line with a comma, and the file cannot be read.",
    behaviour: "Each line is listed with this cause.",
    verdict: "fixed",
    trial: {
      target: "regions",
      content: `${REGIONS}\nr1,a,,\n`,
      faults: ["2 null r1,a,, has 4 fields instead of 3: it ends with a comma"],
    },
  },
  {
    url: "https://github.com/ndjson/ndjson-spec/issues/1",
    reported: "JSON on several lines is sent as NDJSON, and each line is an error.",
    behaviour: "The file is refused once, with the remedy.",
    verdict: "fixed",
    trial: {
      target: "regions",
      content: '{\n  "slug": "r1",\n  "name": "a"\n}\n',
      format: "ndjson",
      refused: "InvalidFormat",
      message: /JSON on several lines\. Write each object on one line/,
    },
  },
  {
    url: "https://github.com/git-lfs/git-lfs/issues/4278",
    reported: "A Git LFS pointer is read as if it were the CSV file.",
    behaviour: "It is refused as a Git LFS pointer.",
    verdict: "fixed",
    trial: {
      target: "prices",
      content: "version https://git-lfs.github.com/spec/v1\noid sha256:df21\nsize 175385569\n",
      refused: "InvalidHeader",
      message: /a pointer of Git LFS/,
    },
  },
];
