import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { loadSample } from "../../db/sample/load.ts";
import { type Original, startOriginal } from "./original.ts";
import type { BenchPlatform } from "./platform.ts";
import { comparePairs, type Row } from "./report.ts";

const CONNECTIONS = 16;
const ROUNDS = 5;
const SECONDS = 4;
const DAYS = 31;
/** Number of pgbench scripts, each with a random lane and date range, because pgbench has no text variables. */
const SCRIPTS = 128;
const run = promisify(execFile);
const PLAIN_ROUTE = fileURLToPath(new URL("plainRoute.ts", import.meta.url));
const LOAD = fileURLToPath(new URL("httpLoad.ts", import.meta.url));

/** The SQL of /rates (db/functions/public/daily_sums.sql) for one lane. */
const ratesSql = (origin: string, destination: string, from: string, to: string) =>
  `select string_agg(day || ',' || count || ',' || sum, ';' order by day desc)
   from (select day, count(*) as count, sum(price) as sum from prices
         where orig_code = '${origin}' and dest_code = '${destination}' and day between '${from}' and '${to}'
         group by day order by day desc) priced;`.replace(/\s+/g, " ");

/**
 * Measures GET /rates against pgbench with the same SQL, a plain Fastify route, the API's /healthz, and the original
 * service if its checkout is given.
 */
export async function benchRates(platform: BenchPlatform, prices: number, checkout?: string): Promise<Row[]> {
  const { admin, directory, file } = platform;
  await admin.query("truncate prices; delete from ports; delete from regions");
  await loadSample(admin, { prices, seed: 7 });
  const { rows: lanes } = await admin.query(
    "select orig_code, dest_code, min(day)::text as first from prices group by 1, 2",
  );
  const { rows: days } = await admin.query("select distinct day::text as day from prices order by 1");
  const randomLane = () => {
    const lane = lanes[Math.floor(Math.random() * lanes.length)];
    const from = days[Math.floor(Math.random() * Math.max(1, days.length - DAYS))]?.day;
    const to = new Date(Date.parse(from) + (DAYS - 1) * 86_400_000).toISOString().slice(0, 10);
    return { origin: lane.orig_code, destination: lane.dest_code, from, to };
  };
  const paths = join(directory, "paths.txt");
  writeFileSync(
    paths,
    Array.from({ length: 20_000 }, randomLane)
      .map(
        ({ origin, destination, from, to }) =>
          `/rates?date_from=${from}&date_to=${to}&orig_code=${origin}&dest_code=${destination}`,
      )
      .join("\n"),
  );
  const empty = join(directory, "empty.txt");
  writeFileSync(empty, "/healthz\n");
  const scripts = Array.from({ length: SCRIPTS }, (_, index) => {
    const { origin, destination, from, to } = randomLane();
    const script = join(directory, `rates-${index}.sql`);
    writeFileSync(script, ratesSql(origin, destination, from, to));
    return ["-f", script];
  }).flat();

  const { hostname, port } = new URL(file.api);
  const http = async (list: string, at = port) =>
    Number((await run(process.execPath, [LOAD, hostname, at, String(CONNECTIONS), String(SECONDS), list])).stdout);
  const pgbench = async () =>
    Number(
      /tps = ([\d.]+)/.exec(
        (
          await run("pgbench", [
            "-n",
            "-M",
            "prepared",
            "-c",
            String(CONNECTIONS),
            "-j",
            "2",
            "-T",
            String(SECONDS),
            ...scripts,
            file.databaseUrl,
          ])
        ).stdout,
      )?.[1],
    );
  const plain = spawn(process.execPath, [PLAIN_ROUTE, file.databaseUrl], { stdio: ["pipe", "pipe", "inherit"] });
  const [printed] = await once(plain.stdout, "data");
  const plainPort = String(printed).trim();
  const original: Original | undefined =
    checkout === undefined ? undefined : await startOriginal(checkout, file.databaseUrl, directory);
  await Promise.all([http(paths), http(paths, plainPort), original && http(paths, original.port)]);
  const rates = {
    rates: [] as number[],
    pgbench: [] as number[],
    plain: [] as number[],
    empty: [] as number[],
    original: [] as number[],
  };
  for (let round = 0; round < ROUNDS; round++) {
    rates.pgbench.push(await pgbench());
    rates.rates.push(await http(paths));
    rates.plain.push(await http(paths, plainPort));
    rates.empty.push(await http(empty));
    if (original) rates.original.push(await http(paths, original.port));
  }
  await original?.stop();
  plain.stdin.end();
  const row = (peer: readonly number[], peerName: string): Row => ({
    name: `/rates, ${prices.toLocaleString("en")} prices, ${lanes.length} lanes`,
    ...comparePairs(rates.rates, peer),
    peerName,
    unit: "/s",
    higherIsBetter: true,
  });
  return [
    { ...row(rates.pgbench, "pgbench, same SQL"), target: 0.6 },
    row(rates.empty, "empty route"),
    row(rates.plain, "plain Fastify route, one query per request"),
    ...(original ? [row(rates.original, "the original service, gunicorn -w 4")] : []),
  ];
}
