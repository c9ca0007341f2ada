import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../runtime/platform/root.ts";
import { stacksIn } from "../config/parse.ts";
import { plannedStack } from "./shipped.ts";

describe("A stack that is not part of the project", () => {
  const directory = mkdtempSync(join(tmpdir(), "rates-stacks-"));
  after(() => rmSync(directory, { recursive: true }));

  it("is listed and planned from its file", () => {
    copyFileSync(join(ROOT, "Pulumi.dev.yaml"), join(directory, "Pulumi.dev-anna.yaml"));
    copyFileSync(join(ROOT, "Pulumi.dev.yaml"), join(directory, "Pulumi.dev.yaml"));
    assert.deepEqual(stacksIn(directory), ["dev-anna", "dev"]);
    const { stack, plan } = plannedStack("dev-anna", directory);
    assert.equal(stack, "dev-anna");
    assert.deepEqual(plan, plannedStack("dev").plan);
    assert.throws(() => plannedStack("dev-ana", directory), /Pulumi\.dev-ana\.yaml cannot be read/);
  });
});
