import { type BenchPlatform, request, shellSeconds } from "./platform.ts";
import { median, type Row } from "./report.ts";

const ROUNDS = 3;

/**
 * Measures a large read to S3 as gzip against psql's \copy through gzip -1, and its memory. Each job starts a new run.
 */
export async function benchExport(platform: BenchPlatform, rows: number, large: number): Promise<Row[]> {
  const sql = (count: number) =>
    `select 'CNGGZ' as orig_code, 'EETLL' as dest_code, date '2021-01-01' + n % 365 as day, 1000 + n % 997 as price from generate_series(1, ${count}) n`;
  await platform.admin.query(
    `create table bench_export as ${sql(rows)}; vacuum analyze bench_export`.split("; ")[0] ?? "",
  );
  await platform.admin.query("vacuum analyze bench_export");
  await platform.admin.query("grant select on bench_export to job_reader");
  const query = "select * from bench_export";
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
  const [small] = await platform.run([request(task(sql(100_000)))]);
  const [big] = await platform.run([request(task(sql(large)))]);
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
      peerName: "of 100,000 rows",
      higherIsBetter: false,
      target: 1.1,
      note: "150 MB at most",
    },
  ];
}
