import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { places } from "./places.ts";
import { DEFAULT_SIZE, priceLines, type SampleSize } from "./prices.ts";

/** A table of the sample: the COPY statement that loads it, and its lines in COPY's text format. */
export interface SampleTable {
  copy: string;
  lines: Iterable<string>;
}

/** Returns the sample's tables in an order that satisfies all references: regions from the top down, ports, prices. */
export function sampleTables(size: SampleSize = DEFAULT_SIZE): SampleTable[] {
  const { regions, ports } = places();
  const line = (...values: (string | null)[]) => `${values.map((value) => value ?? "\\N").join("\t")}\n`;
  return [
    {
      copy: "COPY public.regions (slug, name, parent_slug) FROM stdin",
      lines: regions.map(({ slug, name, parent }) => line(slug, name, parent)),
    },
    {
      copy: "COPY public.ports (code, name, parent_slug) FROM stdin",
      lines: ports.map(({ code, name, region }) => line(code, name, region)),
    },
    { copy: "COPY public.prices (orig_code, dest_code, day, price) FROM stdin", lines: priceLines(ports, size) },
  ];
}

/**
 * Loads the sample into a migrated database without data, in one transaction and constant memory, and vacuums it, so
 * that index-only scans are fast at once.
 */
export async function loadSample(client: pg.Client, size: SampleSize = DEFAULT_SIZE): Promise<void> {
  await client.query("begin");
  try {
    for (const { copy, lines } of sampleTables(size)) {
      await pipeline(Readable.from(lines), client.query(copyFrom(copy)));
    }
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined); // the connection itself may be gone
    throw error;
  }
  await client.query("vacuum (analyze) public.regions, public.ports, public.prices");
}
