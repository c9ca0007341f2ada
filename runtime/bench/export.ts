import { loadSample } from "../../db/sample/load.ts";
import { type BenchPlatform, request, shellSeconds } from "./platform.ts";
import { median, type Row } from "./report.ts";

const ROUNDS = 3;
/** Rows of the export whose memory a large export is compared with. */
const SMALL_EXPORT_ROWS = 100_000;

/**
 * Measures a large read to S3 as gzip against psql's \copy through gzip -1, and its memory. Each job starts a new run.
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
    peer.push(
      shellSeconds(
        `psql '${platform.file.databaseUrl}' -c "\\copy (${query}) to stdout csv header" | gzip -1 > /dev/null`,
      ),
    );
    const [response] = await platform.run([request(task(query))]);
    ours.push((response?.stats.executionMs ?? Number.NaN) / 1000);
  }
  const [small] = await platform.run([request(task(`${query} limit ${SMALL_EXPORT_ROWS}`))]);
  const [big] = await platform.run([request(task(repeated))]);
  const memory = (response: typeof small) => response?.stats.peakMemoryBytes ?? Number.NaN;
  return [
    {
      name: `export of ${rows.toLocaleString("en")} rows, csv gzip to S3`,
      ours: rows / median(ours),
      peer: rows / median(peer),
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
