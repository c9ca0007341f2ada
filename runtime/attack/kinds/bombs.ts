import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { PREVIEW } from "../../api/preview/cell.ts";
import { BAD_ROWS, HEADER } from "../../testing/runner/badRows.ts";
import type { Target } from "../target.ts";
import { type AttackKind, MAIN_THREAD_MS } from "./kind.ts";

/** Number of bad rows in a bomb. Reading must stop after 100,000 (default of jobs.maxBadRows). */
const ROWS = 300_000;
/** Maximum memory of a runner that reads a bomb, and maximum growth of the database, in bytes. */
const MAX_RUNNER_BYTES = 400e6;
const MAX_DATABASE_GROWTH_BYTES = 20e6;

const gzippedRows = (start: string, row: (index: number) => string) =>
  gzipSync(start + Array.from({ length: ROWS }, (_, index) => row(index)).join(""));

/**
 * Loads a bomb and returns the document of its job.
 * @param index position in BAD_ROWS of the kind of rows
 */
async function loadBomb(target: Target, index: number): Promise<Record<string, unknown>> {
  const [name, table, format, row] = BAD_ROWS[index] ?? assert.fail();
  const bytes = gzippedRows(format === "csv" ? HEADER[table] : "", row);
  assert.ok(bytes.length < 3_000_000, `${name} is not a bomb: ${bytes.length} bytes`);
  const s3 = await target.upload("attacker", `bomb-${index}.${format}.gz`, bytes);
  const task = { type: "update", target: table, source: { s3 }, format, compression: "gzip", dryRun: true };
  return target.run(`bomb-${index}-${Date.now()}`, task, target.attacker);
}

/** Small files that decompress to large ones. */
export const bombs: AttackKind = {
  name: "decompression bombs",
  checks: {
    ...Object.fromEntries(
      BAD_ROWS.map(([name], index) => [
        `stops early at ${name} in a compressed file`,
        async (target: Target) => {
          const databaseSize = async () =>
            Number((await target.admin.query("select pg_database_size(current_database()) as size")).rows[0].size);
          const before = await databaseSize();
          const { status, error, stats } = (await loadBomb(target, index)) as {
            status: string;
            error: { type: string; message: string };
            stats: { peakMemoryBytes: number };
          };
          assert.deepEqual([status, error.type], ["FAILED", "InvalidRows"]);
          const [, rowsRead] = /after (\d+) rows,/.exec(JSON.stringify(error)) ?? [];
          assert.ok(Number(rowsRead) < ROWS, `${rowsRead} rows were read, more than jobs.maxBadRows: ${error.message}`);
          assert.ok(stats.peakMemoryBytes < MAX_RUNNER_BYTES, `the runner took ${stats.peakMemoryBytes} bytes`);
          const growth = (await databaseSize()) - before;
          assert.ok(growth < MAX_DATABASE_GROWTH_BYTES, `the database grew by ${growth} bytes`);
        },
      ]),
    ),
    "shows a preview of a result with one huge cell, at little cost": async (target) => {
      const requestId = `preview-${Date.now()}`;
      const sql =
        "select string_agg(p.name || q.name || r.code, ' ') as a from ports p, ports q, ports r where r.code < 'C'";
      const task = { type: "read", sql, format: "csv", compression: "gzip" };
      const { status, result } = await target.run(requestId, task, target.attacker);
      assert.equal(status, "SUCCEEDED");
      const { bytes } = result as { bytes: number };
      let text = "";
      const spentMs = await target.mainThreadMs(target.api, async () => {
        const response = await target.http("GET", `/jobs/${requestId}/preview`, undefined, target.attacker);
        assert.equal(response.status, 200, response.text);
        text = response.text;
      });
      const [[cell]] = JSON.parse(text).rows;
      assert.ok(
        bytes > 10 * PREVIEW.cell && cell.length <= PREVIEW.cell + 1,
        `${bytes} bytes, a cell of ${cell.length}`,
      );
      assert.ok(spentMs <= MAIN_THREAD_MS, `the API took ${spentMs} ms`);
    },
  },
  send: (target) => loadBomb(target, 0),
};
