import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../platform/root.ts";
import { benchBurst } from "./burst.ts";
import { benchExport } from "./export.ts";
import { benchGrowth } from "./growth.ts";
import { benchGrowthOfLoads } from "./growthOfLoads.ts";
import { benchJobs } from "./jobs.ts";
import { benchLoad } from "./load.ts";
import { type BenchPlatform, benchPlatform, missingPrograms } from "./platform.ts";
import { benchProgram } from "./program.ts";
import { benchRates } from "./rates.ts";
import { missesTarget, type Row, table } from "./report.ts";
import { benchSoak } from "./soak.ts";
import { benchTracking } from "./tracking.ts";

const SIZES = {
  small: {
    prices: 200_000,
    exported: 200_000,
    large: 1_000_000,
    loaded: 100_000,
    jobs: 500,
    burst: 1_000,
    documents: 100_000,
    growth: { prices: 300_000, history: 60_000, tenants: 500, waiting: 10_000 },
    growthLoad: 100_000,
    soakSeconds: 60,
  },
  full: {
    prices: 2_000_000,
    exported: 2_000_000,
    large: 10_000_000,
    loaded: 1_000_000,
    jobs: 5_000,
    burst: 10_000,
    documents: 1_000_000,
    growth: { prices: 5_000_000, history: 500_000, tenants: 500, waiting: 100_000 },
    growthLoad: 1_000_000,
    soakSeconds: 600,
  },
  large: {
    prices: 20_000_000,
    exported: 2_000_000,
    large: 10_000_000,
    loaded: 1_000_000,
    jobs: 5_000,
    burst: 10_000,
    documents: 1_000_000,
    growth: { prices: 20_000_000, history: 2_000_000, tenants: 500, waiting: 500_000 },
    growthLoad: 10_000_000,
    soakSeconds: 600,
  },
} as const;

type Size = (typeof SIZES)[keyof typeof SIZES];

/** Returns a benchmark that runs on a platform of its own, whose runs stay warm for `idleSeconds`. */
const onPlatform =
  (idleSeconds: number, run: (platform: BenchPlatform, size: Size) => Promise<Row[]>) =>
  async (size: Size): Promise<Row[]> => {
    const platform = await benchPlatform(idleSeconds);
    try {
      return await run(platform, size);
    } finally {
      await platform.stop();
    }
  };

const BENCHES: Readonly<Record<string, (size: Size) => Promise<Row[]>>> = {
  rates: onPlatform(0, (platform, { prices }) => benchRates(platform, prices, values.original)),
  export: onPlatform(0, (platform, { exported, large }) => benchExport(platform, exported, large)),
  load: onPlatform(0, (platform, { loaded }) => benchLoad(platform, loaded)),
  jobs: onPlatform(60, (platform, { jobs }) => benchJobs(platform, jobs, recordSmallJob)),
  burst: onPlatform(60, (platform, { burst }) => benchBurst(platform, burst)),
  growth: async (size) => [
    ...(await benchGrowth(size.growth)),
    ...(await onPlatform(60, (platform, { growthLoad }) => benchGrowthOfLoads(platform, growthLoad))(size)),
  ],
  soak: onPlatform(60, (platform, { soakSeconds }) => benchSoak(platform, soakSeconds)),
  program: benchProgram,
  tracking: onPlatform(0, (platform, { documents }) => benchTracking(platform, documents)),
};

/** Parses the arguments. For an unknown option, prints the reason and the usage, and exits with 2. */
function readArguments() {
  try {
    return parseArgs({
      options: {
        size: { type: "string", default: "small" },
        record: { type: "boolean" },
        original: { type: "string" },
        help: { type: "boolean" },
      },
      allowPositionals: true,
    });
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

/** With --record, writes the database work per small job, which `rates capacity` reads. */
function recordSmallJob(work: Readonly<Record<"backendMs" | "commits" | "rowVersions", number>>): void {
  if (!values.record) return;
  const rounded = Object.fromEntries(Object.entries(work).map(([name, value]) => [name, Number(value.toPrecision(2))]));
  const measuredOn = new Date().toISOString().slice(0, 10);
  writeFileSync(SMALL_JOB, `${JSON.stringify({ measuredOn, ...rounded }, undefined, 2)}\n`);
}
const SMALL_JOB = join(ROOT, "stacks/planning/smallJob.json");

/** Programs with which each benchmark compares the platform. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  rates: ["pgbench"],
  export: ["psql", "gzip"],
  load: ["psql"],
};

const USAGE = `npm run bench -- [--size ${Object.keys(SIZES).join("|")}] [--original DIR] [${Object.keys(BENCHES).join("|")} …]
Measures the platform and its peers in one run, since results of different runs are not comparable.
growth and soak fail (exit code 1) if cost or resources grow more than accepted.
--record  writes the database work per small job to stacks/planning/smallJob.json, which rates capacity uses (jobs only)
--original DIR  also compares /rates with a checkout of the Python service that first served it (needs Python 3 with venv)`;

const { values, positionals } = readArguments();
const size = Object.entries(SIZES).find(([name]) => name === values.size)?.[1];
const benchNames = positionals.length > 0 ? positionals : Object.keys(BENCHES);
const missing = missingPrograms(...new Set(benchNames.flatMap((name) => PROGRAMS[name] ?? [])));
if (values.help || !size || benchNames.some((name) => !(name in BENCHES))) {
  console.error(USAGE);
  process.exitCode = values.help ? 0 : 2;
} else if (missing) {
  console.error(missing);
  process.exitCode = 1;
} else {
  const rows: Row[] = [];
  for (const name of benchNames) {
    const bench = BENCHES[name];
    if (!bench) continue;
    console.error(`${name} …`);
    try {
      rows.push(...(await bench(size)));
    } catch (error) {
      // The results of the other benchmarks are still printed.
      console.error(`${name}: ${error instanceof Error ? error.message : error}`);
      process.exitCode = 1;
    }
  }
  if (rows.some((row) => row.isRequired && missesTarget(row))) process.exitCode = 1;
  console.log(
    `\n${table(rows)}\n\nratio: ours / peer. memory: peak of the run's process, unless the row says otherwise.`,
  );
}
