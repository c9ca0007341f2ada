import pg from "pg";
import { loadDump } from "../../db/dump.ts";
import { migrate } from "../../db/migrate.ts";
import { loadSample } from "../../db/sample/load.ts";
import { DATABASE } from "./environment.ts";
import type { Postgres } from "./postgres.ts";
import { letRolesLogIn } from "./roles.ts";

/** The name of a database until it holds all it is to begin with: a first start that was cut off begins anew. */
const UNFINISHED = `${DATABASE}_unfinished`;

/** Why the data directory cannot take what it was asked to. */
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
  options: { dump?: string; say(line: string): void },
): Promise<void> {
  const { dump, say } = options;
  await withClient(postgres.url("postgres"), async (admin) => {
    const { rowCount } = await admin.query("select from pg_database where datname = $1", [DATABASE]);
    if (rowCount === 0) {
      await admin.query(`drop database if exists ${UNFINISHED} with (force)`);
      await admin.query(`create database ${UNFINISHED}`);
      await fill(postgres.url(UNFINISHED), dump, say);
      await admin.query(`alter database ${UNFINISHED} rename to ${DATABASE}`);
    } else {
      if (dump !== undefined)
        throw new NotEmpty("--dump loads into an empty data directory only, and this one has data.");
      await migrate({ url: postgres.url(DATABASE) }, say);
    }
    await letRolesLogIn(admin, postgres.password);
  });
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

async function fill(url: string, dump: string | undefined, say: (line: string) => void): Promise<void> {
  if (dump !== undefined) {
    say(`Loading ${dump} …`);
    const { notes } = await withClient(url, (client) => loadDump(client, dump));
    for (const note of notes) say(`  ${note}`);
  }
  await migrate({ url });
  if (dump === undefined) {
    say("Loading the sample of ports, regions and prices …");
    await withClient(url, (client) => loadSample(client));
  }
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
