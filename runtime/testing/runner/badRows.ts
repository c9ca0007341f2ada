import type { Target } from "../../contract/request.ts";

/** First line of a CSV file per target. */
export const HEADER: Record<Target, string> = {
  prices: "orig_code,dest_code,day,price\n",
  ports: "code,name,parent_slug\n",
  regions: "slug,name,parent_slug\n",
};

/** Kinds of bad rows; a small gzip file can contain millions of them. */
export const BAD_ROWS: readonly [
  name: string,
  target: Target,
  format: "csv" | "ndjson",
  row: (index: number) => string,
][] = [
  ["malformed rows", "prices", "csv", () => "x\n"],
  ["rows of unknown ports", "prices", "csv", (index) => `P${index},Q,2021-01-01,5\n`],
  ["rows without values", "prices", "csv", () => ",,,\n"],
  [
    "every second row of an unknown port",
    "prices",
    "csv",
    (index) => `${index % 2 ? "AAAAA" : "X"},BBBBB,2021-01-01,5\n`,
  ],
  ["lines that are not NDJSON", "prices", "ndjson", () => "x\n"],
  ["NDJSON of unknown ports", "prices", "ndjson", () => '{"orig_code":"X","dest_code":"Y","day":"z","price":5}\n'],
  ["ports of unknown regions", "ports", "csv", (index) => `P${index},Port,nowhere\n`],
  ["the same port in every row", "ports", "csv", () => "P,Port,north\n"],
  ["regions of unknown parents", "regions", "csv", (index) => `r${index},Region,nowhere\n`],
];
