import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { contextFiles, Images, sourcesVersion } from "./images.ts";
import { mocked, resolved } from "./testing/mocks.ts";

const made = (keepData = true, preview = false) =>
  mocked(() => new Images("i", { arch: "arm64", keepData }), { preview });

describe("the image of a stack", () => {
  it("is used by its digest, from a repository whose tags never move and whose images are scanned", async () => {
    const { registry, result } = await made();
    const { inputs } = registry.one("aws:ecr/repository:Repository");
    assert.equal(inputs.imageTagMutability, "IMMUTABLE");
    assert.deepEqual(inputs.imageScanningConfiguration, { scanOnPush: true });
    assert.equal(inputs.forceDelete, false);
    assert.match(await resolved(result.image), /@sha256:0{64}$/);
  });

  it("is built for the stack's processors, never in a preview, and under a name that its sources decide", async () => {
    const { inputs } = (await made()).registry.one("docker:index/image:Image");
    assert.equal(inputs.build.platform, "linux/arm64");
    assert.equal(inputs.buildOnPreview, false);
    assert.ok(existsSync(inputs.build.dockerfile));
    assert.ok(inputs.imageName.endsWith(`:${sourcesVersion()}`));
    assert.match(sourcesVersion(), /^[0-9a-f]{16}$/);
    await made(true, true);
  });

  it("has a tag of everything that the build is given, and of nothing else", () => {
    const files = contextFiles();
    for (const path of [
      "package-lock.json",
      ".npmrc",
      "runtime/api/main.ts",
      "runtime/runner/main.ts",
      "db/migrate.ts",
    ])
      assert.ok(files.includes(path), path);
    const dockerfile = readFileSync(new URL("../runtime/Dockerfile", import.meta.url), "utf8");
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = ""]) =>
      paths.split(" "),
    );
    assert.ok(copied.length > 5);
    for (const source of copied)
      assert.ok(
        files.some((file) => file === source || file.startsWith(`${source}/`)),
        `the Dockerfile copies ${source}`,
      );
    const kept = /\.test\.ts$|\/testing(\/|\.ts$)|^db\/fixtures\/|^runtime\/runner\/glue\/|^node_modules\//;
    assert.deepEqual(
      files.filter((file) => kept.test(file)),
      [],
    );
    assert.equal(new Set(files).size, files.length);
  });

  it("stays when another comes, since runs end on the one that they began with; the repository where data is kept", async () => {
    for (const keepData of [true, false]) {
      const { registry } = await made(keepData);
      assert.equal(registry.one("docker:index/image:Image").retained, true);
      const repository = registry.one("aws:ecr/repository:Repository");
      assert.deepEqual([repository.retained, repository.inputs.forceDelete], [keepData, !keepData]);
    }
  });

  it("brings no registry's token into the state", async () => {
    const { registry } = await made();
    const said = JSON.stringify([registry.one("docker:index/image:Image"), registry.one("pulumi:providers:docker")]);
    assert.doesNotMatch(said, /password|registryAuth|"registry"/);
  });
});
