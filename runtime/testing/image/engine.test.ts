import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { composeCommand } from "./engine.ts";

describe("compose", () => {
  it("is `docker compose` if docker has it, otherwise `docker-compose`", async () => {
    const folder = mkdtempSync(join(tmpdir(), "rates-compose-"));
    try {
      const docker = (name: string, compose: number) => {
        const path = join(folder, name);
        writeFileSync(path, `#!/bin/sh\n[ "$1 $2" = "compose version" ] && exit ${compose}\nexit 2\n`, { mode: 0o755 });
        return path;
      };
      const second = docker("second", 0);
      assert.deepEqual(await composeCommand(second), [second, "compose"]);
      assert.deepEqual(await composeCommand(docker("first", 1)), ["docker-compose"]);
      assert.deepEqual(await composeCommand(join(folder, "none")), ["docker-compose"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
