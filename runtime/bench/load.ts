import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Upload } from "@aws-sdk/lib-storage";
import { loadSample } from "../../db/sample/load.ts";
import { type BenchPlatform, request, shellSeconds } from "./platform.ts";
import { ratesDuringLoad } from "./ratesDuringLoad.ts";
import { comparePairs, type Row } from "./report.ts";

const ROUNDS = 3;

/**
 * Measures an atomic load of a batch from S3, with foreign keys and an index, against COPY into tables with neither, with
 * the index, and with both.
 */
export async function benchLoad(platform: BenchPlatform, prices: number): Promise<Row[]> {
  const { admin, directory, file, s3 } = platform;
  await admin.query("truncate prices; delete from ports; delete from regions");
  await loadSample(admin, { prices, seed: 11 });
  const csv = join(directory, "prices.csv");
  shellSeconds(
    `psql '${file.databaseUrl}' -c "\\copy (select * from prices order by md5(prices::text)) to '${csv}' csv header"`,
  );
  const rows = (await admin.query("select count(*)::int as count from prices")).rows[0].count;
  await new Upload({
    client: s3,
    params: { Bucket: file.uploadsBucket, Key: "bench/prices.csv", Body: createReadStream(csv) },
  }).done();
  await admin.query(`
    create table bench_bare (like prices);
    create table bench_index (like prices);
    create index on bench_index (orig_code, dest_code, day) include (price);
    create table bench_keys (like prices, foreign key (orig_code) references ports, foreign key (dest_code) references ports);
    create index on bench_keys (orig_code, dest_code, day) include (price)`);
  const peers = { bench_bare: "bare COPY", bench_index: "COPY plus index", bench_keys: "COPY, foreign keys, index" };
  const times: Record<string, number[]> = { ours: [] };
  let memory = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await admin.query("truncate prices");
    const [response] = await platform.run([
      request({ type: "update", target: "prices", source: { s3: `s3://${file.uploadsBucket}/bench/prices.csv` } }),
    ]);
    times.ours?.push((response?.stats.executionMs ?? Number.NaN) / 1000);
    memory = Math.max(memory, response?.stats.peakMemoryBytes ?? 0);
    for (const peer of Object.keys(peers)) {
      await admin.query(`truncate ${peer}`);
      times[peer] = [
        ...(times[peer] ?? []),
        shellSeconds(`psql '${file.databaseUrl}' -c "\\copy ${peer} from '${csv}' csv header"`),
      ];
    }
  }
  const rates = await ratesDuringLoad(platform, "bench/prices.csv");
  const loads = Object.entries(peers).map(([peer, peerName]) => ({
    name: `load of ${rows.toLocaleString("en")} prices`,
    ...comparePairs(times.ours ?? [], times[peer] ?? []),
    peerName,
    unit: "s",
    higherIsBetter: false,
    ...(peer === "bench_index" ? { target: 1.15 } : {}),
    peakMemoryBytes: memory,
  }));
  return [...loads, rates];
}
