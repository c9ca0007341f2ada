import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { contextFiles, Images, sourcesVersion } from "./images.ts";
import { mocked, resolved } from "./testing/mocks.ts";

const create = (keepData = true, preview = false) =>
  mocked(() => new Images("i", { arch: "arm64", keepData }), { preview });

describe("the image of a stack", () => {
  it("is used by digest, from a repository with immutable tags and image scanning", async () => {
    const { registry, result } = await create();
    const { inputs } = registry.one("aws:ecr/repository:Repository");
    assert.equal(inputs.imageTagMutability, "IMMUTABLE");
    assert.deepEqual(inputs.imageScanningConfiguration, { scanOnPush: true });
    assert.equal(inputs.forceDelete, false);
    assert.match(await resolved(result.image), /@sha256:0{64}$/);
  });

  it("is built for the stack's architecture, never in a preview, under a name with a hash of its sources", async () => {
    const { inputs } = (await create()).registry.one("docker:index/image:Image", `i-${sourcesVersion()}`);
    assert.equal(inputs.build.platform, "linux/arm64");
    assert.equal(inputs.buildOnPreview, false);
    assert.ok(existsSync(inputs.build.dockerfile));
    assert.match(sourcesVersion(), /^[0-9a-f]{16}$/);
    assert.ok(inputs.imageName.includes(`:${sourcesVersion()}-`));
    await create(true, true);
  });

  it("is pushed once per version: a new random tag is ignored, and the build is equal on every machine", async () => {
    const [one, other] = [await create(), await create()].map(({ registry }) =>
      registry.one("docker:index/image:Image", `i-${sourcesVersion()}`),
    );
    assert.ok(one && other);
    assert.notEqual(one.inputs.imageName, other.inputs.imageName);
    assert.deepEqual(one.ignoreChanges, ["imageName"]);
    assert.equal(one.name, `i-${sourcesVersion()}`);
    assert.deepEqual(one.inputs.build, other.inputs.build);
    const { context } = one.inputs.build;
    assert.ok(!isAbsolute(context), `${context} is another in each clone`);
    for (const path of ["runtime/Dockerfile", "runtime/Dockerfile.dockerignore", ...contextFiles()]) {
      assert.deepEqual(readFileSync(join(context, path)), readFileSync(path), path);
      assert.equal(statSync(join(context, path)).mode & 0o777, 0o644, path);
    }
    const files = readdirSync(context, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.equal(
      files.length,
      new Set(["runtime/Dockerfile", "runtime/Dockerfile.dockerignore", ...contextFiles()]).size,
    );
  });

  it("has a tag that depends on all inputs of the build and on nothing else", () => {
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
    const copiedPaths = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = ""]) =>
      paths.split(" "),
    );
    assert.ok(copiedPaths.length > 5);
    for (const source of copiedPaths)
      assert.ok(
        files.some((file) => file === source || file.startsWith(`${source}/`)),
        `the Dockerfile copies ${source}`,
      );
    const excluded = /\.test\.ts$|\/testing(\/|\.ts$)|^db\/fixtures\/|^runtime\/runner\/glue\/|^node_modules\//;
    assert.deepEqual(
      files.filter((file) => excluded.test(file)),
      [],
    );
    assert.equal(new Set(files).size, files.length);
  });

  it("is kept when a newer image is added; the repository is kept when data is kept", async () => {
    for (const keepData of [true, false]) {
      const { registry } = await create(keepData);
      assert.equal(registry.one("docker:index/image:Image", `i-${sourcesVersion()}`).retained, true);
      const repository = registry.one("aws:ecr/repository:Repository");
      assert.deepEqual([repository.retained, repository.inputs.forceDelete], [keepData, !keepData]);
    }
  });

  it("is built from the same sources as the image of the smoke task", async () => {
    const { registry, result } = await create();
    const smoke = registry.one("docker:index/image:Image", `i-smoke-${sourcesVersion()}`);
    const image = registry.one("docker:index/image:Image", `i-${sourcesVersion()}`);
    assert.deepEqual([image.inputs.build.target, smoke.inputs.build.target], ["image", "smoke"]);
    assert.deepEqual({ ...smoke.inputs.build, target: "image" }, image.inputs.build);
    assert.ok(smoke.inputs.imageName.includes(`:smoke-${sourcesVersion()}-`));
    assert.deepEqual([smoke.retained, smoke.ignoreChanges], [true, ["imageName"]]);
    assert.match(await resolved(result.smokeImage), /@sha256:/);
  });

  it("keeps registry tokens out of the state", async () => {
    const { registry } = await create();
    const serialized = JSON.stringify([
      registry.one("docker:index/image:Image", `i-${sourcesVersion()}`),
      registry.one("pulumi:providers:docker"),
    ]);
    assert.doesNotMatch(serialized, /password|registryAuth|"registry"/);
  });
});
