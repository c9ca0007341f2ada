import type pg from "pg";
import type { TargetTable } from "./targets.ts";

/** Number of rows that the batch replaced; or its rejection, with Postgres's error if there was one. */
export type ApplyResult = { removed: number } | { refused: unknown };

/** SQLSTATE classes of errors caused by a row: 22 data exceptions, 23 constraints, 21 a repeated key in one upsert. */
const ROW_AT_FAULT = /^(22|23|21)/;

/** Applies the staged batch (temporary table `batch`, `staged` rows) to its target, all rows or none. */
export async function apply(
  client: pg.ClientBase,
  { prepare, remove, insert }: TargetTable,
  mode: "append" | "replace",
  staged: number,
): Promise<ApplyResult> {
  try {
    if (prepare && !(await prepare(client))) return { refused: undefined };
    let removed = 0;
    if (mode === "replace" && remove) {
      await lockLanes(client);
      await client.query("analyze batch");
      removed = (await client.query(remove)).rowCount ?? 0;
    }
    // The planner has no statistics for the condition that values read back as they were written: it assumes one row,
    // and would join a million rows by nested loops (23 s instead of 5).
    await client.query("set local enable_nestloop = off; set local enable_mergejoin = off");
    const { rowCount } = await client.query(insert);
    await client.query("set local enable_nestloop to default; set local enable_mergejoin to default");
    return rowCount === staged ? { removed } : { refused: undefined };
  } catch (error) {
    if (ROW_AT_FAULT.test((error as { code?: string }).code ?? "")) return { refused: error };
    throw error;
  }
}

/** First key of these advisory locks: an arbitrary constant. */
const LANE_LOCKS = 721_693;

/**
 * Locks the lanes of a batch, in the same order for all batches. Otherwise two batches that replace the same lane and
 * day would both delete the existing prices and both insert theirs. Lanes share 1,024 locks by hash, so that a batch of
 * any size fits into the server's lock table (64 per connection by default). Unrelated batches seldom wait for each
 * other.
 */
const lockLanes = (client: pg.ClientBase) =>
  client.query(
    `select pg_advisory_xact_lock(${LANE_LOCKS}, bucket)
     from (select distinct hashtext(orig_code || '>' || dest_code) & 1023 as bucket from batch where orig_code is not null and dest_code is not null order by 1) lanes`,
  );
