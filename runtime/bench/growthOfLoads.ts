import { PutObjectCommand } from "@aws-sdk/client-s3";
import { loadSample } from "../../db/sample/load.ts";
import { type BenchPlatform, request } from "./platform.ts";
import { median, type Row } from "./report.ts";

const ROUNDS = 3;
/** Maximum ratio of the time per row of the large batch to that of the small one. */
const MAX_RATIO = 1.2;
const SIZE_RATIO = 10;
const DAYS = 30;
const FIRST_DAY = Date.UTC(2031, 0, 1);

/** Measures whether the times of a load, a replacement and a purge are proportional to the number of rows. */
export async function benchGrowthOfLoads(platform: BenchPlatform, rows: number): Promise<Row[]> {
  const { admin, file, s3 } = platform;
  await admin.query("truncate prices; delete from ports; delete from regions");
  await loadSample(admin, { prices: 57_000, seed: 7 });
  const { rows: ports } = await admin.query("select code from ports order by code limit 20");
  const codes: string[] = ports.map(({ code }) => code);
  const sizes = { small: rows / SIZE_RATIO, large: rows };
  for (const [name, count] of Object.entries(sizes))
    await s3.send(
      new PutObjectCommand({ Bucket: file.uploadsBucket, Key: `bench/${name}.csv`, Body: csv(codes, count) }),
    );
  const load = (name: string, mode: "append" | "replace") => ({
    type: "update",
    target: "prices",
    mode,
    source: { s3: `s3://${file.uploadsBucket}/bench/${name}.csv` },
  });
  const before = new Date(FIRST_DAY + DAYS * 86_400_000).toISOString().slice(0, 10);
  const first = new Date(FIRST_DAY).toISOString().slice(0, 10);
  const steps = {
    load: (name: string) => load(name, "append"),
    replace: (name: string) => load(name, "replace"),
    purge: () => ({ type: "update", statement: "purge_prices", params: { before } }),
  };
  // A purge deletes all earlier prices. The sample's are deleted first, so that a purge deletes only loaded prices.
  await admin.query("delete from prices where day < $1", [first]);
  const times = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, count] of Object.entries(sizes))
      for (const [step, task] of Object.entries(steps)) {
        const [response] = await platform.run([request(task(name))]);
        const key = `${step} ${name}`;
        const perRow = ((response?.stats.executionMs ?? Number.NaN) * 1000) / count;
        times.set(key, [...(times.get(key) ?? []), perRow]);
      }
  return Object.keys(steps).map((step) => ({
    name: `${step} of ${sizes.large.toLocaleString("en")} prices, per price`,
    ours: median(times.get(`${step} large`) ?? []),
    peer: median(times.get(`${step} small`) ?? []),
    peerName: `of ${sizes.small.toLocaleString("en")}`,
    unit: "µs",
    higherIsBetter: false,
    target: MAX_RATIO,
    isRequired: true,
  }));
}

/** Returns a CSV file of `count` prices between the given ports, on days from FIRST_DAY on. */
function csv(codes: readonly string[], count: number): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const lane = Math.floor(index / DAYS);
    const origin = codes[lane % codes.length];
    const destination = codes[Math.floor(lane / codes.length) % codes.length];
    const day = new Date(FIRST_DAY + (index % DAYS) * 86_400_000).toISOString().slice(0, 10);
    return `${origin},${destination},${day},${1000 + (index % 997)}`;
  });
  return `orig_code,dest_code,day,price\n${lines.join("\n")}\n`;
}
