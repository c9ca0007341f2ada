import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { ROOT } from "../platform/root.ts";
import { smokeImports } from "../testing/image/smokeImports.ts";

/** Folder that the image of the smoke task contains as a whole. */
const FOLDER = "runtime/smoke";

describe("the Dockerfile's list of the smoke task's files", () => {
  // runtime/image/image.test.ts compares the built image; this test also runs where Docker does not.
  it("copies package.json and exactly the files outside runtime/smoke that the task imports, each to its place", async () => {
    const dockerfile = readFileSync(join(ROOT, "runtime", "Dockerfile"), "utf8");
    const [, stage = ""] = /^FROM \S+ AS smoke-files$(.*?)^FROM /ms.exec(dockerfile) ?? [];
    const copies = [...stage.matchAll(/^COPY (.+) (\S+)$/gm)].flatMap(([, sources = "", destination = ""]) =>
      sources.split(" ").map((source) => ({ source, destination })),
    );
    const imported = (await smokeImports()).filter((path) => !path.startsWith(`${FOLDER}/`));
    assert.deepEqual(copies.map(({ source }) => source).sort(), [...imported, FOLDER, "package.json"].sort());
    for (const { source, destination } of copies)
      if (source !== FOLDER) assert.equal(join(destination, basename(source)), source);
      else assert.equal(destination, FOLDER);
  });
});
