import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../platform/root.ts";
import { checkCalls } from "../models/calls.ts";
import { requirePython } from "../python/python.ts";
import { fileCalls } from "./files.ts";
import { glueRunnerCalls } from "./glue.ts";
import { type MotoPlatform, startMotoPlatform } from "./platform.ts";
import { queueCalls } from "./queues.ts";
import { secretCalls } from "./secrets.ts";

/**
 * Folders whose AWS calls do not belong to the platform: the emulator, test programs, and tools that inspect a platform
 * from outside.
 */
const OUTSIDE = new Set(["local", "bench", "smoke", "cli", "simulation", "attack", "testing", "tools"]);
/** Folder whose calls dispatcher/launchers/ec2.test.ts and glue.test.ts cover. */
const TESTED_ELSEWHERE = /launchers/;

/** Lists the commands of AWS clients that the platform's own code sends. */
function commands(): Set<string> {
  const files = ["runtime", "db"]
    .flatMap((folder) =>
      readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`),
    )
    .filter((file) => file.endsWith(".ts") && !/testing|\.test\.ts$/.test(file) && !TESTED_ELSEWHERE.test(file))
    .filter((file) => !OUTSIDE.has(file.split("/")[1] ?? ""));
  return new Set(
    files.flatMap((file) =>
      [...readFileSync(`${ROOT}${file}`, "utf8").matchAll(/new (?:[\w.#]+\.)?([A-Z]\w+Command)\(/g)].map(
        ([, name]) => name ?? "",
      ),
    ),
  );
}
describe("calls to AWS, against moto", () => {
  const platform = {} as MotoPlatform;
  before(async function () {
    Object.assign(platform, await startMotoPlatform(this));
  });
  after(() => platform.stop?.());

  queueCalls(platform);
  fileCalls(platform);
  secretCalls(platform);
  glueRunnerCalls(platform);

  // A separate suite, so that it runs last.
  describe("all that were recorded", () => {
    it("include every call that the platform's code makes, except the launchers'", () =>
      assert.deepEqual(
        [...commands()].filter((name) => !platform.recorder.operations.has(name.replace(/Command$/, ""))),
        [],
      ));

    it("satisfy the constraints of botocore's models, including the Glue runner's", function () {
      const python = requirePython(this, "models");
      const own = platform.recorder.calls.length;
      platform.recorder.readFile(join(platform.recordedCalls, "glue"));
      assert.ok(platform.recorder.calls.length > own, "the Glue runner's calls were recorded");
      assert.deepEqual(checkCalls(python, platform.recorder.calls), []);
    });
  });
});
