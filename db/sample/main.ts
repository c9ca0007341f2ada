import { once } from "node:events";
import { parseArgs } from "node:util";
import { connect } from "../../runtime/platform/postgres.ts";
import { loadSample, sampleTables } from "./load.ts";
import { DEFAULT_SIZE } from "./prices.ts";

const USAGE = `node db/sample/main.ts [--prices N] [--seed N] [--load]
Writes a sample of ports, regions and prices as SQL (COPY blocks) to the standard output; with --load, into the migrated
database of the DATABASE_* environment instead. Defaults: --prices ${DEFAULT_SIZE.prices} --seed ${DEFAULT_SIZE.seed}.`;

/** `node db/sample/main.ts`: see USAGE. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      prices: { type: "string", default: String(DEFAULT_SIZE.prices) },
      seed: { type: "string", default: String(DEFAULT_SIZE.seed) },
      load: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const size = { prices: parseWholeNumber("--prices", values.prices), seed: parseWholeNumber("--seed", values.seed) };
  if (!values.load) return print(size);
  const client = await connect("migrator");
  try {
    await loadSample(client, size);
  } finally {
    await client.end();
  }
}

async function print(size: { prices: number; seed: number }): Promise<void> {
  const write = async (text: string) => {
    if (!process.stdout.write(text)) await once(process.stdout, "drain");
  };
  for (const { copy, lines } of sampleTables(size)) {
    await write(`${copy};\n`);
    for (const text of lines) await write(text);
    await write("\\.\n\n");
  }
}

function parseWholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${option} must be a whole number of 0 or more, not '${text}'.`);
}

// A reader that has enough (`| head`) closes the pipe; that is not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 1;
});
