import type pg from "pg";
import type { TargetTable } from "./targets.ts";

/** Number of rows that the batch replaced; or its rejection, with Postgres's error if there was one. */
export type Applied = { removed: number } | { refused: unknown };

/** SQLSTATEs that mean: a row of the batch is at fault. 22 data exceptions, 23 constraints, 21000 a key twice in one upsert. */
const ROW_AT_FAULT = /^(22|23|21)/;

/** Applies the staged batch (temporary table `batch`, `staged` rows) to its target: every row of it, or it is refused. */
export async function apply(
  client: pg.ClientBase,
  { prepare, remove, insert }: TargetTable,
  mode: "append" | "replace",
  staged: number,
): Promise<Applied> {
  try {
    if (prepare && !(await prepare(client))) return { refused: undefined };
    let removed = 0;
    if (mode === "replace" && remove) {
      await lockLanes(client);
      await client.query("analyze batch");
      removed = (await client.query(remove)).rowCount ?? 0;
    }
    // The planner cannot know how many rows read back as they were written, guesses one, and would join a million of
    // them by nested loops (23 s instead of 5).
    await client.query("set local enable_nestloop = off; set local enable_mergejoin = off");
    const { rowCount } = await client.query(insert);
    await client.query("set local enable_nestloop to default; set local enable_mergejoin to default");
    return rowCount === staged ? { removed } : { refused: undefined };
  } catch (error) {
    if (ROW_AT_FAULT.test((error as { code?: string }).code ?? "")) return { refused: error };
    throw error;
  }
}

/** Any fixed number: the space of these locks. */
const LANE_LOCKS = 721_693;

/**
 * Two batches that replace the same lane and day would both delete what was there and both insert. So each takes its
 * lanes first, in one order for all. Lanes share 1,024 locks by their hash: a batch of any size fits the server's lock
 * table (64 a connection by default), and two batches seldom wait for each other without need.
 */
const lockLanes = (client: pg.ClientBase) =>
  client.query(
    `select pg_advisory_xact_lock(${LANE_LOCKS}, bucket)
     from (select distinct hashtext(orig_code || '>' || dest_code) & 1023 as bucket from batch where orig_code is not null and dest_code is not null order by 1) lanes`,
  );
