import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { PREVIEW } from "../../api/preview/cell.ts";
import { BAD_ROWS, HEADER } from "../../testing/runner/badRows.ts";
import type { Target } from "../target.ts";
import { type Kind, MAIN_THREAD_MS } from "./kind.ts";

/** Rows of a bomb. Reading stops at a third of them (jobs.maxBadRows). */
const ROWS = 300_000;
/** Memory of a runner that reads a bomb, and what the database may keep of it. Bytes. */
const MAX_RUNNER = 400e6;
const MAX_DATABASE = 20e6;

const gzippedRows = (start: string, row: (index: number) => string) =>
  gzipSync(start + Array.from({ length: ROWS }, (_, index) => row(index)).join(""));

/** Loads a bomb, and returns the document of its job. */
async function explode(target: Target, index: number): Promise<Record<string, unknown>> {
  const [name, table, format, row] = BAD_ROWS[index] ?? assert.fail();
  const bytes = gzippedRows(format === "csv" ? HEADER[table] : "", row);
  assert.ok(bytes.length < 3_000_000, `${name} is not a bomb: ${bytes.length} bytes`);
  const s3 = await target.upload("attacker", `bomb-${index}.${format}.gz`, bytes);
  const task = { type: "update", target: table, source: { s3 }, format, compression: "gzip", dryRun: true };
  return target.run(`bomb-${index}-${Date.now()}`, task, target.attacker);
}

/** Small files that unpack to large ones. */
export const bombs: Kind = {
  name: "decompression bombs",
  checks: {
    ...Object.fromEntries(
      BAD_ROWS.map(([name], index) => [
        `stops early at ${name} in an archive`,
        async (target: Target) => {
          const size = async () =>
            Number((await target.admin.query("select pg_database_size(current_database()) as size")).rows[0].size);
          const before = await size();
          const { status, error, stats } = (await explode(target, index)) as {
            status: string;
            error: { type: string; message: string };
            stats: { peakMemoryBytes: number };
          };
          assert.deepEqual([status, error.type], ["FAILED", "InvalidRows"]);
          const [, read] = /after (\d+) rows,/.exec(JSON.stringify(error)) ?? [];
          assert.ok(Number(read) < ROWS, `${read} rows were read, and jobs.maxBadRows is less: ${error.message}`);
          assert.ok(stats.peakMemoryBytes < MAX_RUNNER, `the runner took ${stats.peakMemoryBytes} bytes`);
          const grown = (await size()) - before;
          assert.ok(grown < MAX_DATABASE, `the database grew by ${grown} bytes`);
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
      const spent = await target.mainThreadMs(target.api, async () => {
        const answer = await target.http("GET", `/jobs/${requestId}/preview`, undefined, target.attacker);
        assert.equal(answer.status, 200, answer.text);
        text = answer.text;
      });
      const [[cell]] = JSON.parse(text).rows;
      assert.ok(
        bytes > 10 * PREVIEW.cell && cell.length <= PREVIEW.cell + 1,
        `${bytes} bytes, a cell of ${cell.length}`,
      );
      assert.ok(spent <= MAIN_THREAD_MS, `the API took ${spent} ms`);
    },
  },
  send: (target) => explode(target, 0),
};
