import assert from "node:assert/strict";
import {
  appendFile,
  type FileHandle,
  mkdtemp,
  open,
  rename,
  rm,
  truncate,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock } from "node:test";
import { openLoadFile } from "./loadFile.ts";

const MEBIBYTE = 1024 * 1024;
const SIZE = 3 * MEBIBYTE;
/** Modification time of the file. In whole seconds, so that a test can restore it exactly. */
const MODIFIED_AT = 1_700_000_000;

describe("a file that changes while its hash is computed", () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "rates-load-"));
    file = join(directory, "prices.csv");
    await writeFile(file, "x".repeat(SIZE));
    await utimes(file, MODIFIED_AT, MODIFIED_AT);
  });
  afterEach(async () => {
    mock.restoreAll();
    await rm(directory, { recursive: true });
  });

  /** Calls functions before and after each read of a file; `number` counts the reads from 1. */
  async function onRead(before: (number: number) => unknown, after: (number: number) => unknown = () => undefined) {
    const handle = await open(file);
    const prototype: FileHandle = Object.getPrototypeOf(handle);
    await handle.close();
    const read = prototype.read as (...args: unknown[]) => Promise<unknown>;
    let number = 0;
    mock.method(prototype, "read", async function (this: FileHandle, ...args: unknown[]) {
      number += 1;
      await before(number);
      const result = await read.apply(this, args);
      await after(number);
      return result;
    });
  }

  const CHANGES: Record<string, { change(): Promise<void>; message: RegExp }> = {
    grows: { change: () => appendFile(file, "y"), message: /prices\.csv grew while it was read/ },
    shrinks: { change: () => truncate(file, SIZE - 1), message: /became shorter while it was read/ },
    "is overwritten": {
      change: async () => {
        const handle = await open(file, "r+");
        await handle.write("y", SIZE - 1);
        await handle.close();
      },
      message: /was written to while it was read/,
    },
    "is replaced": {
      change: async () => {
        await writeFile(`${file}.new`, "y".repeat(SIZE));
        await utimes(`${file}.new`, MODIFIED_AT, MODIFIED_AT);
        await rename(`${file}.new`, file);
      },
      message: /was replaced by another file while it was read/,
    },
    "is removed": { change: () => unlink(file), message: /was removed while it was read/ },
  };
  for (const [name, { change, message }] of Object.entries(CHANGES))
    it(`is not loaded if it ${name}`, async () => {
      await onRead((number) => (number === 2 ? change() : undefined));
      await assert.rejects(openLoadFile(file, {}), message);
    });

  it("is not loaded if it ended early, although its size and time are as before", async () => {
    await onRead(
      (number) => (number === 2 ? truncate(file, MEBIBYTE) : undefined),
      async (number) => {
        if (number !== 2) return;
        await truncate(file, SIZE);
        await utimes(file, MODIFIED_AT, MODIFIED_AT);
      },
    );
    await assert.rejects(openLoadFile(file, {}), /prices\.csv changed while it was read/);
  });

  it("is not read further than its first size if it grows without end", async () => {
    await onRead(async (number) => {
      assert(number <= 5, "it is still read");
      await appendFile(file, "y".repeat(MEBIBYTE));
    });
    await assert.rejects(openLoadFile(file, {}), /prices\.csv grew while it was read/);
  });

  it("is loaded if it does not change", async () => {
    const { bytes, format, close } = await openLoadFile(file, {});
    await close();
    assert.deepEqual([bytes, format], [SIZE, "csv"]);
  });
});
