import type { RunnerType } from "../contract/states.ts";
import type { Database } from "../store/jobs.ts";

/** Upper bounds of histogram buckets in seconds, ascending: a small read takes milliseconds, a large update an hour. */
export const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3_600] as const;
/** Maximum minutes that one call counts; after an outage, the next calls count the remaining ones. */
const MAX_MINUTES_PER_CALL = 60;
/** Months for which the usage of tenants is kept. */
const USAGE_MONTHS = 25;

/** Value of a counter, counted since the database was created. */
export interface Total {
  /** Key of RUNNER_METRICS. The suffix `Sum` marks the sum of a duration in seconds. */
  readonly metric: string;
  readonly runner: RunnerType;
  /** Error type of failed jobs; empty for metrics of other events. */
  readonly type: string;
  /** Upper bound of a histogram bucket in seconds; infinite for the last bucket and for values without buckets. */
  readonly le: number;
  readonly value: number;
}

/** Usage of a tenant in a month. */
export interface Usage {
  readonly tenant: string;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Rows of results and rows changed by updates; bytes of results and of the updates' sources. */
  readonly rows: number;
  readonly bytes: number;
  /** Seconds of all attempts, per runner type. */
  readonly glueSeconds: number;
  readonly ec2Seconds: number;
}

/**
 * Adds the events of minutes that are not counted yet to the counters and to the usage of tenants. Requires the role
 * `dispatcher`.
 */
export async function addTotals(db: Database): Promise<void> {
  await db.query("select jobs.add_totals($1, $2, $3)", [[...BUCKETS], MAX_MINUTES_PER_CALL, USAGE_MONTHS]);
}

/** Reads all counters, and the seconds since the end of the last counted minute. Requires the role `api_reader`. */
export async function readTotals(db: Database): Promise<{ totals: Total[]; countersAgeSeconds: number }> {
  const { rows } = await db.query(
    `select extract(epoch from jobs.clock() - p.counted_until)::float8 as age, t.metric, t.runner, t.type, t.le, t.value
     from jobs.totals_progress p left join jobs.totals t on true`,
  );
  return { totals: rows.filter(({ metric }) => metric !== null), countersAgeSeconds: rows[0]?.age ?? 0 };
}

/**
 * Reads the usage of tenants in a month, the longest run time first. Requires the role `api_reader`.
 *
 * @param month - YYYY-MM, UTC.
 * @param tenant - Undefined for all tenants.
 * @param limit - Maximum number of tenants.
 */
export async function readUsage(
  db: Database,
  { month, tenant, limit }: { month: string; tenant: string | undefined; limit: number },
): Promise<Usage[]> {
  const { rows } = await db.query(
    `select tenant, succeeded, failed, cancelled, rows, bytes, glue_seconds, ec2_seconds from jobs.usage
     where month = ($1 || '-01')::date and ($2::text is null or tenant = $2)
     order by glue_seconds + ec2_seconds desc, tenant limit $3`,
    [month, tenant ?? null, limit],
  );
  return rows.map(({ glue_seconds, ec2_seconds, ...row }) => ({
    tenant: row.tenant,
    succeeded: Number(row.succeeded),
    failed: Number(row.failed),
    cancelled: Number(row.cancelled),
    rows: Number(row.rows),
    bytes: Number(row.bytes),
    glueSeconds: glue_seconds,
    ec2Seconds: ec2_seconds,
  }));
}
