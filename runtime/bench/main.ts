import { parseArgs } from "node:util";
import { benchExport } from "./export.ts";
import { benchJobs } from "./jobs.ts";
import { benchLoad } from "./load.ts";
import { type BenchPlatform, benchPlatform, lacking } from "./platform.ts";
import { benchProgram } from "./program.ts";
import { benchRates } from "./rates.ts";
import { type Row, table } from "./report.ts";
import { benchTracking } from "./tracking.ts";

const SIZES = {
  small: { prices: 200_000, exported: 200_000, large: 1_000_000, loaded: 100_000, jobs: 500, documents: 100_000 },
  full: {
    prices: 2_000_000,
    exported: 2_000_000,
    large: 10_000_000,
    loaded: 1_000_000,
    jobs: 5_000,
    documents: 1_000_000,
  },
} as const;

/** Each benchmark: how long its runs stay warm, and what it does. */
const BENCHES: Record<
  string,
  { idleSeconds: number; run(platform: BenchPlatform, size: (typeof SIZES)[keyof typeof SIZES]): Promise<Row[]> }
> = {
  rates: { idleSeconds: 0, run: (platform, { prices }) => benchRates(platform, prices) },
  export: { idleSeconds: 0, run: (platform, { exported, large }) => benchExport(platform, exported, large) },
  load: { idleSeconds: 0, run: (platform, { loaded }) => benchLoad(platform, loaded) },
  jobs: { idleSeconds: 60, run: (platform, { jobs }) => benchJobs(platform, jobs) },
  program: { idleSeconds: 0, run: () => benchProgram() },
  tracking: { idleSeconds: 0, run: (platform, { documents }) => benchTracking(platform, documents) },
};

const USAGE = `npm run bench -- [--size small|full] [${Object.keys(BENCHES).join("|")} …]
Measures the platform beside its peers, all in one run: figures of different runs cannot be compared.`;

const { values, positionals } = parseArgs({
  options: { size: { type: "string", default: "small" }, help: { type: "boolean" } },
  allowPositionals: true,
});
const size = Object.entries(SIZES).find(([name]) => name === values.size)?.[1];
const chosen = positionals.length > 0 ? positionals : Object.keys(BENCHES);
const missing = lacking("psql", "pgbench", "gzip");
if (values.help || !size || chosen.some((name) => !(name in BENCHES))) {
  console.error(USAGE);
  process.exitCode = values.help ? 0 : 2;
} else if (missing) {
  console.error(missing);
  process.exitCode = 1;
} else {
  const rows: Row[] = [];
  for (const name of chosen) {
    const bench = BENCHES[name];
    if (!bench) continue;
    console.error(`${name} …`);
    const platform = await benchPlatform(bench.idleSeconds);
    try {
      rows.push(...(await bench.run(platform, size)));
    } finally {
      await platform.stop();
    }
  }
  console.log(`\n${table(rows)}\n\nratio: ours beside the peer's. Memory: the run's process, whole.`);
}
