import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { requireEngine } from "./command.ts";

const TIME_PREVIEW = fileURLToPath(new URL("timePreview.ts", import.meta.url));
/** The aim; some 1.5 were measured (`npm run bench -- program`), and a busy machine changes processor time by a tenth. */
const AT_MOST = 2;

describe("the program in a preview", () => {
  before(function () {
    requireEngine(this);
  });

  it(`computes no longer than ${AT_MOST} times what an empty one with the same packages does`, async function () {
    this.timeout(300_000);
    const { stdout } = await promisify(execFile)(process.execPath, [TIME_PREVIEW, "3"]);
    const { ours, empty }: Record<"ours" | "empty", { processor: number }[]> = JSON.parse(stdout);
    const least = (all: { processor: number }[]) => Math.min(...all.map(({ processor }) => processor));
    assert.equal(ours.length, 3);
    assert.ok(
      least(ours) <= AT_MOST * least(empty),
      `${least(ours).toFixed(0)} ms for ${least(empty).toFixed(0)} ms of an empty program`,
    );
  });
});
