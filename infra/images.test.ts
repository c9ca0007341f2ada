import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { contextFiles, Images, imageVersion } from "./images.ts";
import { mocked, resolved } from "./testing/mocks.ts";

const VERSION = imageVersion("arm64");

const create = (keepData = true, preview = false) =>
  mocked(() => new Images("i", { arch: "arm64", keepData }), { preview });

describe("the image of a stack", () => {
  it("is used by digest, from a repository with immutable tags and image scanning", async () => {
    const { registry, result } = await create();
    const { inputs } = registry.resource("aws:ecr/repository:Repository");
    assert.equal(inputs.imageTagMutability, "IMMUTABLE");
    assert.deepEqual(inputs.imageScanningConfiguration, { scanOnPush: true });
    assert.equal(inputs.forceDelete, false);
    assert.match(await resolved(result.image), /@sha256:0{64}$/);
  });

  it("is built for the stack's architecture, not in previews, with a hash of its inputs in its tag", async () => {
    const { inputs } = (await create()).registry.resource("docker:index/image:Image", `i-${VERSION}`);
    assert.equal(inputs.build.platform, "linux/arm64");
    assert.equal(inputs.buildOnPreview, false);
    assert.ok(existsSync(inputs.build.dockerfile));
    assert.match(VERSION, /^[0-9a-f]{16}$/);
    assert.ok(inputs.imageName.includes(`:${VERSION}-`));
    await create(true, true);
  });

  it("is pushed once per version: a new random tag is ignored, and path and modes of the context are fixed", async () => {
    const [first, second] = [await create(), await create()].map(({ registry }) =>
      registry.resource("docker:index/image:Image", `i-${VERSION}`),
    );
    assert.ok(first && second);
    assert.notEqual(first.inputs.imageName, second.inputs.imageName);
    assert.deepEqual(first.ignoreChanges, ["imageName"]);
    assert.equal(first.name, `i-${VERSION}`);
    assert.deepEqual(first.inputs.build, second.inputs.build);
    const { context } = first.inputs.build;
    assert.ok(!isAbsolute(context), `${context} differs in each clone`);
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

  it("is another resource with another tag for another architecture", async () => {
    const { registry } = await mocked(() => new Images("i", { arch: "x86_64", keepData: true }));
    const version = imageVersion("x86_64");
    assert.notEqual(version, VERSION);
    const { inputs } = registry.resource("docker:index/image:Image", `i-${version}`);
    assert.equal(inputs.build.platform, "linux/amd64");
    assert.ok(inputs.imageName.includes(`:${version}-`));
  });

  it("has a version that depends on every file that the Dockerfile copies, and on no test", () => {
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
    const excluded = /\.test\.ts$|\/testing(\/|\.ts$)|^runtime\/runner\/glue\/|^node_modules\//;
    assert.deepEqual(
      files.filter((file) => excluded.test(file)),
      [],
    );
    assert.equal(new Set(files).size, files.length);
  });

  it("is kept when a newer image is added; the repository is kept when data is kept", async () => {
    for (const keepData of [true, false]) {
      const { registry } = await create(keepData);
      assert.equal(registry.resource("docker:index/image:Image", `i-${VERSION}`).retained, true);
      const repository = registry.resource("aws:ecr/repository:Repository");
      assert.deepEqual([repository.retained, repository.inputs.forceDelete], [keepData, !keepData]);
    }
  });

  it("is built from the same sources as the image of the smoke task", async () => {
    const { registry, result } = await create();
    const smoke = registry.resource("docker:index/image:Image", `i-smoke-${VERSION}`);
    const image = registry.resource("docker:index/image:Image", `i-${VERSION}`);
    assert.deepEqual([image.inputs.build.target, smoke.inputs.build.target], ["image", "smoke"]);
    assert.deepEqual({ ...smoke.inputs.build, target: "image" }, image.inputs.build);
    assert.ok(smoke.inputs.imageName.includes(`:smoke-${VERSION}-`));
    assert.deepEqual([smoke.retained, smoke.ignoreChanges], [true, ["imageName"]]);
    assert.match(await resolved(result.smokeImage), /@sha256:/);
  });

  it("keeps registry tokens out of the state", async () => {
    const { registry } = await create();
    const serialized = JSON.stringify([
      registry.resource("docker:index/image:Image", `i-${VERSION}`),
      registry.resource("pulumi:providers:docker"),
    ]);
    assert.doesNotMatch(serialized, /password|registryAuth|"registry"/);
  });
});
