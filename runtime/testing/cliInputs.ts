/**
 * Inputs of people who are used to curl, gh, psql, aws and other Unix tools, with the expected output of `rates`. bash
 * runs each in a directory with the files of `FILES`, where `rates` is the command against a platform whose jobs succeed
 * at once, except that jobs with `hold` in their SQL keep running and jobs with a timeout of 99 s fail.
 */
export interface CliInput {
  /** Description, unique. */
  name: string;
  /** Script for bash. */
  script: string;
  code: number;
  out?: RegExp;
  err?: RegExp;
  /** Pipes (the default), or a terminal, whose content is matched with both `out` and `err`. */
  where?: "pipes" | "terminal";
  /** Input typed when the terminal shows a text. */
  steps?: readonly { expect: string; send: string }[];
  /** Width of the terminal. */
  columns?: number;
}

const ROWS = "orig_code,dest_code,day,price\nA,B,2021-02-01,1500\n";

/** Files of each directory, by name. */
export const FILES: Readonly<Record<string, string | Buffer>> = {
  "prices.csv": ROWS,
  "-x.csv": ROWS,
  "new\nline.csv": ROWS,
  "sp ace.csv": ROWS,
  "UPPER.CSV": ROWS,
  "prices.ndjson": '{"orig_code":"A","dest_code":"B","day":"2021-02-01","price":1500}\n',
  "prices.txt": ROWS,
  "empty.csv": "",
  "utf16.csv": Buffer.from(`\uFEFF${ROWS}`, "utf16le"),
  "sheet.csv": Buffer.from("PK\x03\x04\x14\0\x06\0\x08\0[Content_Types].xml", "latin1"),
  "page.csv": "<!DOCTYPE html><html><body>Sign in</body></html>",
  "array.ndjson": '[\n{"orig_code":"A"}\n]',
  "notgzip.csv.gz": ROWS,
  "request.json": '{"requestId":"from-file","task":{"type":"read","sql":"select 1"}}',
  "bom.json": '\uFEFF{"requestId":"from-bom","task":{"type":"read","sql":"select 1"}}',
  "utf16.json": Buffer.from('\uFEFF{"task":{}}', "utf16le"),
  "q.sql": "\uFEFFselect 1 as n -- café\n",
  "latin1.sql": Buffer.from("select 'caf\xe9'", "latin1"),
};

const SUCCEEDS = /SUCCEEDED/;
const CSV = /^n\n1\n$/;
const query = (rest: string) => `rates query --sql 'select 1 as n' ${rest}`;
/** Runs a query with the id `never`, and exits with 99 if it became a job. */
const unsentQuery = (rest: string) =>
  `${query(`--id never ${rest}`)}; code=$?; rates show never > /dev/null 2>&1 && exit 99; exit $code`;

export const CLI_INPUTS: readonly CliInput[] = [
  // endless sources
  ...["/dev/zero", "/dev/urandom", "- < /dev/zero", "/dev/fd/3 3< /dev/zero"].map(
    (source): CliInput => ({
      name: `load ${source}`,
      script: `rates load ${source}`,
      code: 2,
      err: /cannot be read: it is a device\. Name a file, or write its rows into a pipe/,
    }),
  ),
  {
    name: "load an endless pipe that is not CSV",
    script: "yes | rates load -",
    code: 2,
    err: /line 1 \(y\) names no column; .*Reading stopped; nothing was sent\./,
  },
  ...["submit /dev/zero", "query --file /dev/zero", "submit --target prices --items /dev/zero"].map(
    (command): CliInput => ({
      name: command,
      script: `rates ${command}`,
      code: 2,
      err: /\/dev\/zero has more than 8388608 bytes, the maximum of a request or SQL\./,
    }),
  ),
  // --output
  {
    name: "--output to a new file",
    script: `${query("--output x.csv")}; cat x.csv; ls -A | grep -c part`,
    code: 1,
    out: /^n\n1\n0\n$/,
  },
  {
    name: "--output - is stdout",
    script: query("--output -"),
    code: 0,
    out: CSV,
    where: "pipes",
  },
  {
    name: "--output /dev/stdout in a pipe",
    script: `${query("--output /dev/stdout")} | cat`,
    code: 0,
    out: CSV,
  },
  {
    name: "--output /dev/stdout with stdout in a file keeps its contents",
    script: `(echo first; ${query("--output /dev/stdout")}) > all.txt; cat all.txt`,
    code: 0,
    out: /^first\nn\n1\n$/,
  },
  {
    name: "--output /dev/stderr",
    script: `${query("--output /dev/stderr")} 2> all.txt; grep -cx n all.txt`,
    code: 0,
    out: /^1\n$/,
  },
  {
    name: "--output onto a FIFO",
    script: `mkfifo f; cat f > got & ${query("--output f")}; wait; cat got; test -p f`,
    code: 0,
    out: CSV,
  },
  {
    name: "--output >(command)",
    script: `${query("--output >(cat > got)")}; sleep 0.3; cat got`,
    code: 0,
    out: CSV,
  },
  {
    name: "--output through a symbolic link",
    script: `echo old > real.csv; ln -s real.csv link.csv; ${query("--output link.csv")}; test -L link.csv && cat real.csv`,
    code: 0,
    out: CSV,
  },
  {
    name: "--output through a dangling link",
    script: `ln -s fresh.csv link.csv; ${query("--output link.csv")}; test -L link.csv && cat fresh.csv`,
    code: 0,
    out: CSV,
  },
  {
    name: "--output leaves x.csv.part alone",
    script: `echo mine > x.csv.part; ${query("--output x.csv")}; cat x.csv.part`,
    code: 0,
    out: /^mine\n$/,
  },
  {
    name: "--output /dev/null stays a device",
    script: `${query("--output /dev/null")}; test -c /dev/null`,
    code: 0,
  },
  {
    name: "--output /dev/full",
    script: query("--output /dev/full"),
    code: 6,
    err: /no space is left on the device/,
  },
  {
    name: "--output to a directory, before a job is submitted",
    script: unsentQuery("--output /tmp"),
    code: 6,
    err: /^--output \/tmp cannot be written: it is a directory/,
  },
  {
    name: "--output into a missing directory, before a job is submitted",
    script: unsentQuery("--output no/x.csv"),
    code: 6,
    err: /there is no directory no\.\n$/,
  },
  {
    name: "--output to a name that ends in .gz",
    script: `${query("--output x.csv.gz")}; gzip -dc x.csv.gz`,
    code: 0,
    out: CSV,
  },
  {
    name: "--output with a name that determines the format",
    script: `${query("--output x.ndjson --id nd --json")} | grep -o '"format": "ndjson"' | head -1`,
    code: 0,
    out: /ndjson/,
  },
  {
    name: "--output and --format that disagree",
    script: query("--format json --output x.csv"),
    code: 2,
    err: /--format json and --output x\.csv cannot be combined/,
  },
  {
    name: "result --output compresses an uncompressed result",
    script: "rates result done --output r.csv.gz; gzip -dc r.csv.gz",
    code: 0,
    out: CSV,
  },
  {
    name: "result --output decompresses a compressed result",
    script: "rates result packed --output r.csv; cat r.csv",
    code: 0,
    out: CSV,
  },
  {
    name: "result --output with another format's name",
    script: "rates result done --output r.json; ls r.json",
    code: 2,
    err: /the result is csv\. Use a matching name, for example r\.csv/,
  },
  {
    name: "result --output as a spreadsheet",
    script: "rates result done --output r.xlsx",
    code: 2,
    err: /results are CSV, NDJSON or JSON/,
  },
  {
    name: "--output keeps the permissions of the file",
    script: `echo secret > x.csv; chmod 640 x.csv; ${query("--output x.csv")}; stat -c %a x.csv`,
    code: 0,
    out: /^640\n$/,
  },
  {
    name: "--output in a loop of links",
    script: `ln -s b a; ln -s a b; ${query("--id never --output a")}`,
    code: 6,
    err: /too many levels of symbolic links/,
  },
  {
    name: "--output with too long a name",
    script: query(`--id never --output "$(printf 'x%.0s' {1..300})"`),
    code: 6,
    err: /the name is too long/,
  },
  {
    name: "--output with a name of the maximum length",
    script: `x=$(printf 'x%.0s' {1..251}).csv; ${query('--output "$x"')}; cat "$x"`,
    code: 0,
    out: CSV,
  },
  {
    name: "--output '' (an unset variable)",
    script: query(`--id never --output ""`),
    code: 2,
    err: /--output is empty/,
  },
  {
    name: "--output below a file",
    script: query("--id never --output prices.csv/x.csv"),
    code: 6,
    err: /not a directory/,
  },
  {
    name: "--output to a descriptor that is not open",
    script: query("--id never --output /dev/fd/99"),
    code: 6,
    err: /descriptor 99 is not open/,
  },
  {
    name: "--output to a descriptor that the shell opened",
    script: `exec 7> seven.txt; ${query("--output /dev/fd/7")}; cat seven.txt`,
    code: 0,
    out: CSV,
  },
  {
    name: "--output >(head -1), which stops early",
    script: query("--output >(head -1 > got)"),
    code: 0,
  },
  {
    name: "a compressed result is decompressed on a terminal",
    script: "rates result packed",
    code: 0,
    where: "terminal",
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the heading is dim
    out: /n(\x1b\[22m)?\r\n1\r\n/,
  },
  {
    name: "a compressed result stays compressed in a pipe",
    script: "rates result packed | gzip -dc",
    code: 0,
    out: CSV,
  },
  // stdout and pipes
  {
    name: "> /dev/full prints one line and exits with 6",
    script: "rates list > /dev/full",
    code: 6,
    err: /^rates: stdout cannot be written: no space is left on the device\.\n$/,
  },
  {
    name: "| head -1 ends quietly",
    script: "set -o pipefail; rates list --json --limit 1000 | head -1",
    code: 0,
    out: /^\{\n$/,
    err: /^$/,
  },
  {
    name: "2> /dev/full loses messages only",
    script: `${query("2> /dev/full")}`,
    code: 0,
    out: CSV,
  },
  {
    name: "2>&- loses messages only",
    script: `${query("2>&-")}`,
    code: 0,
    out: CSV,
  },
  {
    name: "result | head -c 1",
    script: "set -o pipefail; rates result done | head -c 1",
    code: 0,
    out: /^n$/,
    err: /^$/,
  },
  {
    name: "no colours with TERM=dumb",
    script: "TERM=dumb rates list",
    code: 0,
    where: "terminal",
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
    out: /^STATUS[^\x1b]* done [^\x1b]*$/,
  },
  // load
  {
    name: "load of an address says how to load it",
    script: "rates load https://example.com/x.csv; rates load s3://bucket/x.csv",
    code: 2,
    err: /use `rates submit` with an update whose source is \{"url":"https:\/\/…"\}[\s\S]*source is \{"s3":"s3:\/\/…"\}/,
  },
  {
    name: "load of a file:// address says to name the path",
    script: "rates load file:///tmp/x.csv",
    code: 2,
    err: /takes a path, not a file:\/\/ address/,
  },
  {
    name: "load of an empty name",
    script: 'rates load ""',
    code: 2,
    err: /^The name of the file is empty\./,
  },
  {
    name: "load - from a pipe",
    script: "cat prices.csv | rates load -",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load - from a file",
    script: "rates load - < prices.csv",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load /dev/stdin",
    script: "cat prices.csv | rates load /dev/stdin",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load <(command)",
    script: "rates load <(cat prices.csv)",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load a FIFO",
    script: "mkfifo f; cat prices.csv > f & rates load f",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load a FIFO named .csv",
    script: "mkfifo f.csv; cat prices.csv > f.csv & rates load f.csv",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load - recognizes gzip",
    script: 'gzip -c prices.csv | rates load - && rates show @last --json | grep -o \'"compression": "gzip"\'',
    code: 0,
    out: /gzip/,
  },
  {
    name: "load - recognizes NDJSON",
    script: 'rates load - < prices.ndjson && rates show @last --json | grep -o \'"format": "ndjson"\'',
    code: 0,
    out: /ndjson/,
  },
  {
    name: "load - recognizes NDJSON in gzip",
    script: 'gzip -c prices.ndjson | rates load - && rates show @last --json | grep -o \'"format": "ndjson"\'',
    code: 0,
    out: /ndjson/,
  },
  {
    name: "load --format for a name without a known extension",
    script: "rates load prices.txt --format csv",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load without any hint of the format",
    script: "rates load prices.txt",
    code: 2,
    err: /Add --format csv or --format ndjson/,
  },
  {
    name: "load twice is one job",
    script:
      "rates load prices.csv 2> /dev/null; rates load prices.csv; rates list --type update --json | grep -c requestId",
    code: 0,
    err: /The same content was loaded by load-prices-[0-9a-f]{32} at .* UTC; it was not loaded again\. --again/,
    out: /^1\n$/,
  },
  {
    name: "load --id twice is one job",
    script: "rates load prices.csv --id twice; rates load prices.csv --id twice",
    code: 0,
    err: /loaded by twice at/,
  },
  {
    name: "load --id with other content",
    script: "rates load prices.csv --id other; rates load prices.ndjson --id other",
    code: 2,
    err: /The job other has another task.*Nothing was sent/,
  },
  {
    name: "load of a copy under another name is the same job",
    script: "rates load prices.csv; cp prices.csv copy.csv; rates load copy.csv",
    code: 0,
    err: /it was not loaded again/,
  },
  {
    name: "load --again is another job",
    script: "rates load prices.csv; rates load prices.csv --again; rates list --type update --json | grep -c requestId",
    code: 0,
    out: /^2\n$/,
  },
  {
    name: "load of a failed batch is a new job (.retry-1)",
    script: "rates load prices.csv --timeout 99; rates load prices.csv",
    code: 0,
    err: /SUCCEEDED load-prices-[0-9a-f]{32}\.retry-1/,
  },
  {
    name: "load under a new --id warns of the same content",
    script: "rates load prices.csv; rates load prices.csv --id second",
    code: 0,
    err: /Warning: the same content was loaded by load-prices-/,
  },
  {
    name: "load through a symbolic link",
    script: "ln -s prices.csv today.csv; rates load today.csv",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load a directory",
    script: "mkdir d.csv; rates load d.csv",
    code: 2,
    err: /d\.csv cannot be read: it is a directory/,
  },
  {
    name: "load a missing file",
    script: "rates load nothing.csv",
    code: 2,
    err: /^nothing\.csv cannot be read: there is no such file or directory\.\n$/,
  },
  {
    name: "load an empty file",
    script: "rates load empty.csv",
    code: 2,
    err: /empty\.csv is empty/,
  },
  {
    name: "load /dev/null",
    script: "rates load /dev/null",
    code: 2,
    err: /\/dev\/null is empty/,
  },
  {
    name: "load - with an empty stdin",
    script: "rates load - < /dev/null",
    code: 2,
    err: /stdin is empty/,
  },
  {
    name: "load a name that begins with a dash",
    script: "rates load -- -x.csv",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load a name with a line feed",
    script: "rates load $'new\\nline.csv' && rates load $'no\\nsuch.csv'",
    code: 2,
    err: /no\\nsuch\.csv cannot be read/,
  },
  {
    name: "load a name that is not UTF-8",
    script: "cp prices.csv $'caf\\xe9.csv'; rates load $'caf\\xe9.csv'",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load in a directory that is not UTF-8",
    script: "mkdir $'d\\xe9'; cp prices.csv $'d\\xe9/p.csv'; rates load $'d\\xe9/p.csv'",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load a name that is not UTF-8 and matches two files",
    script: "cp prices.csv $'caf\\xe9.csv'; cp prices.csv $'caf\\xe8.csv'; rates load $'caf\\xe9.csv'",
    code: 2,
    err: /names 2 files/,
  },
  {
    name: "load a name with a space, and one in capitals",
    script: "rates load 'sp ace.csv' && rates load UPPER.CSV --again",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load UTF-16",
    script: "rates load utf16.csv",
    code: 2,
    err: /looks like a text in UTF-16\. Save it as UTF-8/,
  },
  {
    name: "load a spreadsheet called .csv",
    script: "rates load sheet.csv",
    code: 2,
    err: /looks like a spreadsheet .*Export the sheet as CSV/,
  },
  {
    name: "load a spreadsheet under its own name",
    script: "cp sheet.csv sheet.xlsx; rates load sheet.xlsx",
    code: 2,
    err: /sheet\.xlsx looks like a spreadsheet .*Export the sheet as CSV/,
  },
  {
    name: "load CSV called .ndjson",
    script: "cp prices.csv p.ndjson; rates load p.ndjson",
    code: 2,
    err: /p\.ndjson looks like CSV\. Add --format csv/,
  },
  {
    name: "load gzip called .csv",
    script: "gzip -c prices.csv > z.csv; rates load z.csv",
    code: 2,
    err: /z\.csv looks like a gzip file\. Add --compression gzip/,
  },
  {
    name: "load gzip called .csv with --compression",
    script: "gzip -c prices.csv > z.csv; rates load z.csv --compression gzip",
    code: 0,
    err: SUCCEEDS,
  },
  {
    name: "load text called .csv.gz",
    script: "rates load notgzip.csv.gz",
    code: 2,
    err: /is not compressed by gzip\. Add --compression none/,
  },
  {
    name: "load an HTML page called .csv",
    script: "rates load page.csv",
    code: 2,
    err: /looks like an HTML page/,
  },
  {
    name: "load a JSON array called .ndjson",
    script: "rates load array.ndjson",
    code: 2,
    err: /looks like one JSON array\. Write one object per line/,
  },
  {
    name: "load NDJSON as CSV",
    script: "rates load prices.ndjson --format csv",
    code: 2,
    err: /looks like JSON\. Add --format ndjson/,
  },
  {
    name: "load --label given twice",
    script: "rates load prices.csv --label a=1 --label a=2",
    code: 2,
    err: /--label a is given twice/,
  },
  {
    name: "load --target price",
    script: "rates load prices.csv --target price",
    code: 2,
    err: /Allowed choices are prices, ports, regions\. Did you mean 'prices'/,
  },
  {
    name: "load --mode REPLACE",
    script: "rates load prices.csv --mode REPLACE",
    code: 0,
    err: /1 added, 0 removed/,
  },
  {
    name: "load --dry-run says that nothing changed",
    script: "rates load prices.csv --dry-run",
    code: 0,
    err: /Dry run: 1 row valid, nothing changed/,
  },
  {
    name: "load two files",
    script: "rates load prices.csv prices.ndjson",
    code: 2,
    err: /too many arguments/,
  },
  {
    name: "load with a TMPDIR that cannot be written",
    script: "TMPDIR=/dev/full/none rates load - < prices.csv",
    code: 6,
    err: /stdin cannot be copied to .*TMPDIR/,
  },
  {
    name: "load typed text, up to Ctrl-D",
    script: "rates load -",
    code: 0,
    where: "terminal",
    out: SUCCEEDS,
    steps: [{ expect: "Ctrl-D", send: `${ROWS}\x04` }],
  },
  {
    name: "Ctrl-C while load waits for a FIFO's writer",
    script: "mkfifo f.csv; rates load f.csv",
    code: 130,
    where: "terminal",
    out: /f\.csv was not read to its end/,
    steps: [{ expect: "Reading", send: "\x03" }],
  },
  // submit and query
  {
    name: "submit JSON with a byte order mark",
    script: "rates submit bom.json",
    code: 0,
    err: /from-bom/,
  },
  {
    name: "submit JSON in UTF-16",
    script: "rates submit utf16.json",
    code: 2,
    err: /utf16\.json is a text in UTF-16\. Save it as UTF-8/,
  },
  {
    name: "submit <(command)",
    script: "rates submit <(cat request.json)",
    code: 0,
    err: /from-file/,
  },
  {
    name: "submit - with a here-string",
    script: 'rates submit - <<< \'{"requestId":"here","task":{"type":"read","sql":"select 1"}}\'',
    code: 0,
    err: /here/,
  },
  {
    name: "submit a directory",
    script: "mkdir d; rates submit d",
    code: 2,
    err: /d cannot be read: it is a directory/,
  },
  {
    name: "query --file with a byte order mark and a comment at its end",
    script: "rates query --file q.sql",
    code: 0,
    out: CSV,
  },
  {
    name: "query --file -",
    script: "echo 'select 1 as n;' | rates query --file -",
    code: 0,
    out: CSV,
  },
  {
    name: "query --file in Latin-1",
    script: "rates query --file latin1.sql",
    code: 2,
    err: /latin1\.sql is not UTF-8: it may be Latin-1/,
  },
  {
    name: "query --file and --sql",
    script: "rates query --file q.sql --sql 'select 1'",
    code: 2,
    err: /either --sql or --file/,
  },
  { name: "query --format CSV", script: query("--format CSV"), code: 0, out: CSV },
  {
    name: "query --wait in words",
    script: query("--wait soon"),
    code: 2,
    err: /number of seconds/,
  },
  // ids
  {
    name: "a unique prefix of an id",
    script: 'rates show 5493b3e1-a0 --json | grep -o \'"requestId": "5493b3e1-a0c"\'',
    code: 0,
    out: /5493b3e1-a0c/,
  },
  {
    name: "a prefix of several ids",
    script: "rates show 5493b3e1",
    code: 2,
    err: /'5493b3e1' is the beginning of 2 ids\. Give a longer prefix:\n {2}5493b3e1-a0c {2}SUCCEEDED\n {2}5493b3e1-b7d/,
  },
  {
    name: "@last",
    script: "rates submit --sql 'select 2' --id newest; rates show @last",
    code: 0,
    out: / newest /,
  },
  {
    name: "an id that is a prefix of another",
    script: "rates show done",
    code: 0,
    out: / done /,
  },
  {
    name: "result of a prefix",
    script: "rates result 5493b3e1-a",
    code: 0,
    out: CSV,
  },
  {
    name: "watch, cancel and tail of a prefix",
    script: "rates watch 5493b3e1-a; rates cancel 5493b3e1-b; rates tail --no-follow 5493b3e1-a",
    code: 0,
    err: /SUCCEEDED 5493b3e1-a0c/,
  },
  {
    name: "an id with a wildcard",
    script: "rates show '5493%'",
    code: 2,
    err: /cannot be the id of a job/,
  },
  {
    name: "an id that is a path",
    script: "rates cancel ../tokens",
    code: 2,
    err: /cannot be the id of a job/,
  },
  {
    name: "an empty id (an unset variable)",
    script: 'rates cancel ""',
    code: 2,
    err: /The id is empty/,
  },
  {
    name: "an id with spaces around it, as copied",
    script: "rates show ' done '",
    code: 0,
    out: / done /,
  },
  {
    name: "retry twice is one job",
    script: "rates retry failed; rates retry failed --timeout 60",
    code: 0,
    err: /failed\.retry-1[\s\S]*failed\.retry-1/,
  },
  {
    name: "retry --timeout",
    script: "rates retry failed --timeout 77; rates show failed.retry-1 --json | grep -o '\"timeoutSeconds\": 77'",
    code: 0,
    out: /77/,
  },
  // list
  {
    name: "list --status in small letters",
    script: "rates list --status succeeded",
    code: 0,
    out: /SUCCEEDED/,
  },
  {
    name: "list --since 2h",
    script: "rates list --since 2h",
    code: 0,
    out: / done /,
  },
  {
    name: "list --from with a day that does not exist",
    script: "rates list --from 2026-02-30",
    code: 2,
    err: /2026-02-30 is not a day of the calendar/,
  },
  {
    name: "list --from with text after the day",
    script: "rates list --from 2026-02-03junk",
    code: 2,
    err: /It must be an age/,
  },
  {
    name: "list --to without a zone is UTC in every zone",
    script: 'TZ=Asia/Tokyo rates list --to "$(date -u +%Y-%m-%dT%H:%M:%S -d "1 minute")"',
    code: 0,
    out: / done /,
  },
  {
    name: "list --since yesterday",
    script: "rates list --since yesterday",
    code: 2,
    err: /It must be an age/,
  },
  {
    name: "list --since later than --to",
    script: "rates list --since 1h --to 2h",
    code: 2,
    err: /--to .* must be later than --since/,
  },
  {
    name: "list --type READ --order ASC --sort createdat",
    script: "rates list --type READ --order ASC --sort createdat",
    code: 0,
    out: /STATUS/,
  },
  {
    name: "list --text % finds nothing",
    script: "rates list --text %",
    code: 0,
    err: /No jobs/,
  },
  { name: "list --limit 0", script: "rates list --limit 0", code: 2, err: /limit/ },
  {
    name: "list --limit -1",
    script: "rates list --limit -1",
    code: 2,
    err: /whole number/,
  },
  // the command itself
  {
    name: "--version",
    script: "rates --version && rates -V",
    code: 0,
    out: /^rates \d+\.\d+\.\d+\nrates \d/,
  },
  { name: "no command at all", script: "rates", code: 2, err: /Usage: rates/ },
  {
    name: "an unknown command",
    script: "rates lsit",
    code: 2,
    err: /Did you mean list\?/,
  },
  {
    name: "options before the command",
    script: "rates --json list | head -c 1",
    code: 0,
    out: /^\{$/,
  },
  {
    name: "--option=value",
    script: "rates list --limit=1 --status=succeeded",
    code: 0,
    out: /STATUS/,
  },
  {
    name: "Ctrl-C while a job is watched",
    script: "rates submit --sql 'select 1 as hold' --id held; rates watch held",
    code: 130,
    where: "terminal",
    out: /rates watch held/,
    steps: [{ expect: "IN_PROGRESS", send: "\x03" }],
  },
  {
    name: "a narrow terminal",
    script: "rates list --limit 2",
    code: 0,
    where: "terminal",
    columns: 30,
    out: /STATUS/,
  },
];
