import { isPrepared, prepare, withClient } from "../../db/prepare.ts";
import type { ReaderSlots } from "../platform/postgres.ts";
import { DATABASE } from "./environment.ts";
import type { Postgres } from "./postgres.ts";

/** Thrown when the data directory cannot be set up as requested. */
export class NotEmpty extends Error {
  override readonly name = "NotEmpty";
}

/**
 * Brings the cluster's database to where the platform can use it: made and filled on the first start, with the dump if
 * one is given and the sample otherwise; brought up to date on every start. Throws NotEmpty if a dump is given and
 * there is data.
 */
export async function prepareDatabase(
  postgres: Postgres,
  options: { dump?: string; slots: ReaderSlots; say(line: string): void },
): Promise<void> {
  if (options.dump !== undefined && (await isPrepared(postgres, DATABASE)))
    throw new NotEmpty("--dump loads into an empty data directory only, and this one has data.");
  await prepare(postgres, DATABASE, options);
}

/** A lane and days that the database has prices for, as the parameters of /rates and average_rates. */
export interface Example {
  date_from: string;
  date_to: string;
  orig_code: string;
  dest_code: string;
}

/** The lane with most prices among the first few, and its last ten days; undefined in a database without prices. */
export async function exampleLane(postgres: Postgres): Promise<Example | undefined> {
  const { rows } = await withClient(postgres.url(DATABASE), (client) =>
    client.query<Example>(
      `select orig_code, dest_code, (max(day) - 9)::text as date_from, max(day)::text as date_to
       from (select orig_code, dest_code, day from prices limit 1000) few
       group by orig_code, dest_code order by count(*) desc limit 1`,
    ),
  );
  return rows[0];
}
