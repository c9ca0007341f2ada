import { loadSample } from "../../db/sample/load.ts";
import { type BenchPlatform, request, shellSeconds } from "./platform.ts";
import { comparePairs, type Row } from "./report.ts";

const ROUNDS = 5;
/** Number of rows of the small export; its memory is compared with that of the large export. */
const SMALL_EXPORT_ROWS = 100_000;

/**
 * Compares a read of many rows, stored in S3 as gzip, with psql's \copy through gzip -1, and measures the memory of an
 * even larger read. Each job starts a new run.
 */
export async function benchExport(platform: BenchPlatform, rows: number, large: number): Promise<Row[]> {
  await platform.admin.query("truncate prices; delete from ports; delete from regions");
  await loadSample(platform.admin, { prices: rows, seed: 7 });
  const query = "select orig_code, dest_code, day, price from prices";
  const copies = Array.from({ length: Math.ceil(large / rows) }, (_, copy) => `(${copy})`);
  const repeated = `select orig_code, dest_code, day, price from prices cross join (values ${copies}) copies (copy) limit ${large}`;
  const task = (text: string) => ({ type: "read", sql: text, format: "csv", compression: "gzip" });
  const ours: number[] = [];
  const peer: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const seconds = shellSeconds(
      `psql '${platform.file.databaseUrl}' -c "\\copy (${query}) to stdout csv header" | gzip -1 > /dev/null`,
    );
    peer.push(rows / seconds);
    const [response] = await platform.run([request(task(query))]);
    ours.push(rows / ((response?.stats.executionMs ?? Number.NaN) / 1000));
  }
  const [small] = await platform.run([request(task(`${query} limit ${SMALL_EXPORT_ROWS}`))]);
  const [big] = await platform.run([request(task(repeated))]);
  const memory = (response: typeof small) => response?.stats.peakMemoryBytes ?? Number.NaN;
  return [
    {
      name: `export of ${rows.toLocaleString("en")} rows, csv gzip to S3`,
      ...comparePairs(ours, peer),
      unit: "rows/s",
      peerName: "psql \\copy | gzip -1",
      higherIsBetter: true,
      target: 0.95,
      peakMemoryBytes: memory(big),
    },
    {
      name: `memory of an export of ${large.toLocaleString("en")} rows`,
      ours: memory(big) / 1e6,
      peer: memory(small) / 1e6,
      unit: "MB",
      peerName: `of ${SMALL_EXPORT_ROWS.toLocaleString("en")} rows`,
      higherIsBetter: false,
      max: 120,
    },
  ];
}
