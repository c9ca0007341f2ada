import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { Images, sourcesVersion } from "./images.ts";
import { mocked, resolved } from "./testing.ts";

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

  it("brings no registry's token into the state", async () => {
    const { registry } = await made();
    const said = JSON.stringify([registry.one("docker:index/image:Image"), registry.one("pulumi:providers:docker")]);
    assert.doesNotMatch(said, /password|registryAuth|"registry"/);
  });
});
