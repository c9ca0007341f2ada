import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import type { Client } from "./apiClient.ts";
import type { JobDocument } from "./events.ts";
import { printEnd, progressText, waitingText } from "./watch.ts";

const client = { hint: (command: string, rest: string) => `rates ${command} ${rest}` } as unknown as Client;
const STATS = { bytes: 20, queueMs: 5, executionMs: 7, totalMs: 12, attempts: 1 };

/** Runs a function and returns the text that it writes to stderr. */
function stderrOf(run: () => unknown): string {
  const { write } = process.stderr;
  let text = "";
  process.stderr.write = ((chunk: string) => {
    text += chunk;
    return true;
  }) as typeof write;
  try {
    run();
  } finally {
    process.stderr.write = write;
  }
  return stripVTControlCharacters(text);
}

const endOf = (rows: number, dryRun: boolean) => {
  const document = { requestId: "a", status: "SUCCEEDED", task: { dryRun }, stats: { ...STATS, rows } };
  return stderrOf(() => printEnd(client, document as unknown as JobDocument));
};

describe("the outcome of a job", () => {
  it("counts one row in the singular", () => {
    assert.match(endOf(1, false), /^SUCCEEDED a +1 row, 20 B, waited 5 ms/);
    assert.match(endOf(2, false), /^SUCCEEDED a +2 rows, 20 B/);
    assert.match(endOf(1, true), /^Dry run: 1 row valid, nothing changed\.$/m);
    assert.match(endOf(2, true), /^Dry run: 2 rows valid, nothing changed\.$/m);
  });
});

describe("the progress of a running job", () => {
  it("counts one row in the singular", () => {
    const running = (rows: number) =>
      progressText(
        {
          requestId: "a",
          status: "IN_PROGRESS",
          createdAt: new Date().toISOString(),
          progress: { rows, bytes: 20 },
        } as unknown as JobDocument,
        20,
      );
    assert.match(stripVTControlCharacters(running(1)), /1 row read; checking and writing$/);
    assert.match(stripVTControlCharacters(running(2)), /2 rows read; checking and writing$/);
  });
});

describe("the wait reason of a pending job", () => {
  it("is shown in full, with a truncated id if necessary", () => {
    const waiting = { requestId: "b84a85d3-87a5-4a89-8041-e8c6863e4f30", status: "PENDING" } as unknown as JobDocument;
    const textFor = (columns: number) =>
      stripVTControlCharacters(waitingText(waiting, "Waiting for a Glue run: 5 of 5 busy", columns));
    assert.equal(textFor(100), "PENDING b84a85d3-87a5-4a89-8041-e8c6863e4f30  Waiting for a Glue run: 5 of 5 busy");
    assert.equal(textFor(60), "PENDING b84a85d3-87a5…  Waiting for a Glue run: 5 of 5 busy");
    assert.equal(textFor(40), "PENDING b84a8…  Waiting for a Glue run: 5 of 5 busy");
  });
});
