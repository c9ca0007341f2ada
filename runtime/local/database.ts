import { isPrepared, prepare, withClient } from "../../db/prepare.ts";
import type { ReaderSlots } from "../platform/postgres.ts";
import { DATABASE } from "./environment.ts";
import type { Postgres } from "./postgres.ts";

/** Thrown if a dump is given and the database already contains data. */
export class DatabaseNotEmpty extends Error {
  override readonly name = "DatabaseNotEmpty";
}

/**
 * Prepares the cluster's database: creates and fills it on the first start, with the given dump or the sample, and
 * migrates it on every start.
 *
 * @throws DatabaseNotEmpty if a dump is given and the database contains data
 */
export async function prepareDatabase(
  postgres: Postgres,
  options: { dump?: string; slots: ReaderSlots; print(line: string): void },
): Promise<void> {
  if (options.dump !== undefined && (await isPrepared(postgres, DATABASE)))
    throw new DatabaseNotEmpty("--dump loads into an empty data directory only, and this one has data.");
  const { print, ...rest } = options;
  await prepare(postgres, DATABASE, { ...rest, onProgress: print });
}

/** A lane and days for which the database has prices, named like the parameters of /rates and average_rates. */
export interface Example {
  date_from: string;
  date_to: string;
  orig_code: string;
  dest_code: string;
}

/**
 * Returns the lane with the most prices among the first 1,000 prices, and its last ten days; undefined in a database
 * without prices.
 */
export async function exampleLane(postgres: Postgres): Promise<Example | undefined> {
  const { rows } = await withClient(postgres.url(DATABASE), (client) =>
    client.query<Example>(
      `select orig_code, dest_code, (max(day) - 9)::text as date_from, max(day)::text as date_to
       from (select orig_code, dest_code, day from prices limit 1000) first_prices
       group by orig_code, dest_code order by count(*) desc limit 1`,
    ),
  );
  return rows[0];
}
