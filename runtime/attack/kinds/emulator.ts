import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { INVALID_PATHS, sendRaw, sendSigned } from "../../testing/emulator.ts";
import type { AttackKind } from "./kind.ts";

/** Requests to the emulator of SQS and S3 for paths outside its directory, without a signature, or from a web page. */
export const emulator: AttackKind = {
  name: "emulator",
  checks: {
    "keeps every object inside its directory": async (target) => {
      for (const path of INVALID_PATHS)
        for (const method of ["PUT", "GET", "DELETE"]) {
          const request = { method, path, ...(method === "PUT" ? { body: "x" } : {}) };
          assert.equal((await sendSigned(target.emulator, request)).status, 400, `${method} ${path}`);
        }
      const directories = [join(target.dataDir, "../.."), join(target.dataDir, ".."), target.dataDir];
      assert.deepEqual(
        directories.flatMap((directory) => readdirSync(directory)).filter((name) => /written|secret/.test(name)),
        [],
      );
    },
    "refuses requests without a signature or from a web page": async (target) => {
      const { port } = target.emulator;
      const body = `Action=SendMessage&QueueUrl=${encodeURIComponent(target.file.requestQueueUrl)}&MessageBody=hello`;
      const contentType = { "content-type": "application/x-www-form-urlencoded" };
      for (const headers of [{}, { origin: "https://evil.example" }, { host: "evil.example" }]) {
        const allHeaders = { host: `127.0.0.1:${port}`, ...contentType, ...headers };
        assert.equal((await sendRaw(port, { method: "POST", path: "/", body }, allHeaders)).status, 403);
        assert.equal((await sendRaw(port, { method: "PUT", path: "/uploads/x", body: "x" }, allHeaders)).status, 403);
      }
    },
  },
};
