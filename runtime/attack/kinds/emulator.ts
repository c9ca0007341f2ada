import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { CLIMBING, sendRaw, sendSigned } from "../../testing/emulator.ts";
import type { Kind } from "./kind.ts";

/** Requests to the emulator of SQS and S3 that would leave its directory, or that a web page can send. */
export const emulator: Kind = {
  name: "emulator",
  checks: {
    "keeps every object inside its directory": async (target) => {
      for (const path of CLIMBING)
        for (const method of ["PUT", "GET", "DELETE"]) {
          const request = { method, path, ...(method === "PUT" ? { body: "x" } : {}) };
          assert.equal((await sendSigned(target.emulator, request)).status, 400, `${method} ${path}`);
        }
      const around = [join(target.dataDir, "../.."), join(target.dataDir, ".."), target.dataDir];
      assert.deepEqual(
        around.flatMap((directory) => readdirSync(directory)).filter((name) => /written|secret/.test(name)),
        [],
      );
    },
    "takes no request without a signature, or from a web page": async (target) => {
      const { port } = target.emulator;
      const body = `Action=SendMessage&QueueUrl=${encodeURIComponent(target.file.requestQueueUrl)}&MessageBody=hello`;
      const type = { "content-type": "application/x-www-form-urlencoded" };
      for (const headers of [{}, { origin: "https://evil.example" }, { host: "evil.example" }]) {
        const all = { host: `127.0.0.1:${port}`, ...type, ...headers };
        assert.equal((await sendRaw(port, { method: "POST", path: "/", body }, all)).status, 403);
        assert.equal((await sendRaw(port, { method: "PUT", path: "/uploads/x", body: "x" }, all)).status, 403);
      }
    },
  },
};
